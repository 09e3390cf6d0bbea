"""What tests of webhooks share: endpoints at a receiver on this machine, and what came of messages."""

from __future__ import annotations

from typing import Any

from tests.builders import Shop
from tests.channels.receiver import Receiver
from walletd.domain.outbox.webhooks import Endpoint, Message
from walletd.domain.pages import PageRequest


async def an_endpoint(shop: Shop, receiver: Receiver, *events: str, path: str = "/hook") -> tuple[Endpoint, str]:
    """Make an endpoint at the receiver."""
    return await shop.services.webhooks.create(shop.principal, receiver.url(path), events)


async def deliver(shop: Shop) -> None:
    """Send everything that is due now."""
    while await shop.services.webhook_delivery.start_due():
        await shop.services.webhook_delivery.finish()


async def messages(shop: Shop, endpoint: Endpoint, state: str | None = None) -> list[Message]:
    """Return the messages to an endpoint, the newest first."""
    request = PageRequest(page_size=100, search=state)
    return list((await shop.services.webhooks.messages(shop.principal, endpoint.id, request)).items)


def data(receiver: Receiver, event: str) -> list[dict[str, Any]]:
    """Return what messages of a type said, in the order of their arrival."""
    return [request.message["data"] for request in receiver.received if request.message["type"] == event]
