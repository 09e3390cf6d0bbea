"""The examples in the OpenAPI document about programs and cards."""

from __future__ import annotations

from typing import Final

from walletd.web.api.examples import CARD, CREATED_AT, CUSTOMER_ID, PROGRAM_ID, SERIAL_NUMBER, Example

PROGRAM_NEW: Final[Example] = {"kind": "loyalty", "name": "Bonuskarte"}

PROGRAM_CHANGE: Final[Example] = {"name": "Bonuskarte", "rules": {"cents_per_point": 100}}

CARD_NEW: Final[Example] = {"program_id": PROGRAM_ID, "customer_id": CUSTOMER_ID}

DELIVERIES: Final[Example] = {
    "items": [
        {
            "device": "3f9a1c2e…",
            "wallet": "ApplePass",
            "state": "current",
            "published": "1000000000012",
            "accepted": "1000000000012",
            "listed": "1000000000012",
            "fetched": "1000000000012",
            "due_at": None,
            "last_reason": "",
            "registered_at": CREATED_AT,
        }
    ]
}

MESSAGE_NEW: Final[Example] = {"header": "Heute", "body": "Zwei Croissants zum Preis von einem.", "notify": True}

MESSAGE_SENT: Final[Example] = {
    "message_id": "msg_01KB40EF6T0A2C4D7H9K1P3R5V",
    "serial_number": SERIAL_NUMBER,
    "header": "Heute",
    "body": "Zwei Croissants zum Preis von einem.",
    "notify": True,
    "wallets": ["apple"],
    "created_at": CREATED_AT,
}

GOOGLE_LINK: Final[Example] = {
    "save_url": "https://pay.google.com/gp/v/save/eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmVk",
    "saved": True,
    "is_current": True,
    "told_at": CREATED_AT,
    "due_at": None,
    "last_reason": "",
}

REASON: Final[Example] = {"reason": "lost"}

CARD_REVOKED: Final[Example] = {**CARD, "status": "revoked"}
