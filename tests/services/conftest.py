"""A shop on a fresh database, once on each engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.builders import Shop, open_shop
from walletd.db.database import Database


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop with demo credentials."""
    async with open_shop(database) as opened:
        yield opened
