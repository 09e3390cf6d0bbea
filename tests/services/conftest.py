"""A shop on a fresh database, once on each engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.builders import START, Clock, Shop, open_shop
from walletd.db.database import Database


@pytest_asyncio.fixture
async def shop(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Shop]:
    """A shop with demo credentials, at the moment `OPENS_AT` of the module; in the end its books are proved."""
    async with open_shop(database, Clock(getattr(request.module, "OPENS_AT", START))) as opened:
        yield opened
        await opened.services.proof.verify()
