"""A shop on a fresh database, once on each engine."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.builders import START, Clock, Shop, open_shop
from tests.channels.receiver import Receiver, a_receiver
from walletd.channels.addresses import AddressGuard
from walletd.channels.webhooks import WebhookSender
from walletd.db.engine.database import Database


@pytest_asyncio.fixture
async def shop(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Shop]:
    """A shop with demo credentials, at the moment `OPENS_AT` of the module; in the end its books are proved."""
    async with open_shop(database, Clock(getattr(request.module, "OPENS_AT", START))) as opened:
        yield opened
        await opened.services.proof.verify()


@pytest_asyncio.fixture
async def receiver(shop: Shop) -> AsyncIterator[Receiver]:
    """A receiver on this machine, which the shop may call."""
    sender = WebhookSender(AddressGuard([ipaddress.ip_network("127.0.0.0/8")]), seconds=5)
    shop.runtime.webhook_channel = sender
    shop.runtime.jitter = lambda: 0.0
    async with a_receiver() as running:
        yield running
        await shop.services.webhook_delivery.finish()
        await sender.close()
