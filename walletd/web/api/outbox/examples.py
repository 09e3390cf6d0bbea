"""The examples in the OpenAPI document about webhooks."""

from __future__ import annotations

from typing import Final

from walletd.web.api.examples import CREATED_AT, Example

_WEBHOOK_ID: Final = "whe_01KB40CD5S9Z1B3C6G8J0N2Q4T"

_MESSAGE_ID: Final = "msg_01KB40EF6T0A2C4D7H9K1P3R5V"

WEBHOOK_NEW: Final[Example] = {
    "url": "https://shop.example/hooks/walletd",
    "events": ["card.issued", "account.changed"],
    "description": "shop system",
}

WEBHOOK: Final[Example] = {
    "webhook_id": _WEBHOOK_ID,
    "url": "https://shop.example/hooks/walletd",
    "events": ["card.issued", "account.changed"],
    "description": "shop system",
    "state": "active",
    "reason": "",
    "paused_until": None,
    "created_at": CREATED_AT,
}

WEBHOOK_SECRET: Final[Example] = {**WEBHOOK, "secret": "whsec_bm90IGEgc2VjcmV0LCBidXQgb25seSBhbiBleGFtcGxl"}

MESSAGE: Final[Example] = {
    "message_id": _MESSAGE_ID,
    "type": "webhook.test",
    "subject": _WEBHOOK_ID,
    "state": "pending",
    "attempts": 0,
    "due_at": CREATED_AT,
    "last_status": None,
    "last_reason": "",
    "created_at": CREATED_AT,
    "ended_at": None,
}

REPLAY: Final[Example] = {"message_id": _MESSAGE_ID}

REPLAYED: Final[Example] = {"messages": 1}
