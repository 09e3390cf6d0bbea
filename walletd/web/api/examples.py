"""The examples in the OpenAPI document: one story, from the first program to the first transaction.

A test tells the story to a running walletd, in this order, so the examples can be copied as they stand; only the
identifiers that walletd itself gives out are other ones each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Example = Mapping[str, object]

_PROGRAM_ID: Final = "prg_01KB3Z8Q1M5T7V9X2C4E6G8J0K"
_CUSTOMER_ID: Final = "cus_01KB3Z9R2N6W8Y0Z3D5F7H9M1P"
_ACCOUNT_ID: Final = "acc_01KB3ZAS3P7X9Z1A4E6G8J0N2Q"
_TRANSACTION_ID: Final = "txn_01KB3ZBT4Q8Y0A2B5F7H9M1P3R"
_ENTRY_ID: Final = "ent_01KB3ZBT4R9Z1B3C6G8J0N2Q4S"
_SERIAL_NUMBER: Final = "mfrggzdfmztwq2lknnwg23tpob"
_KEY: Final = "7K3M9P2R5T8V1X4ZH"
_REDEMPTION_CODE: Final = "4D8K2M6P9R3T"
_CREATED_AT: Final = "2026-11-23T09:30:00.125Z"
_ADD_URL: Final = "https://cards.example/add/Q0FSRC1MSU5L"

PROGRAM_NEW: Final[Example] = {"kind": "loyalty", "name": "Bonuskarte"}
PROGRAM: Final[Example] = {
    "id": _PROGRAM_ID,
    "program_id": _PROGRAM_ID,
    "kind": "loyalty",
    "name": "Bonuskarte",
    "unit": "points",
    "template": "loyalty",
    "rules": {
        "cents_per_point": 100,
        "rounding": "commercial",
        "points_per_order": 0,
        "rewards": [],
        "validity_days": 0,
        "lock_days": 0,
        "manual_debit": "fefo",
        "grace_days": 30,
        "balance_max": 0,
        "rotating_barcode": "off",
    },
    "created_at": _CREATED_AT,
}
PROGRAM_CHANGE: Final[Example] = {"name": "Bonuskarte", "rules": {"cents_per_point": 100}}

CUSTOMER_NEW: Final[Example] = {
    "first_name": "Mia",
    "last_name": "Weber",
    "email": "mia@example.org",
    "address": {"street": "Hauptstraße 1", "postal_code": "10115", "city": "Berlin", "country": "DE"},
    "locale": "de",
    "tags": ["newsletter"],
}
CUSTOMER: Final[Example] = {
    "id": _CUSTOMER_ID,
    "customer_id": _CUSTOMER_ID,
    "number": 1001,
    "name": "Mia Weber",
    "ref_id": None,
    "first_name": "Mia",
    "last_name": "Weber",
    "company": None,
    "email": "mia@example.org",
    "phone": None,
    "birth_date": None,
    "address": {"street": "Hauptstraße 1", "postal_code": "10115", "city": "Berlin", "country": "DE"},
    "locale": "de",
    "tags": ["newsletter"],
    "custom_fields": {},
    "source": None,
    "utm": {},
    "origins": [],
    "feedback_rating": None,
    "opt_in": {"state": "none", "sent_at": None, "confirmed_at": None, "revoked_at": None},
    "crm_active": True,
    "loyalty_status": "active",
    "redeem_blocked": False,
    "merged_into": None,
    "erased_at": None,
    "created_at": _CREATED_AT,
}
CUSTOMER_CHANGE: Final[Example] = {"email": "mia@example.org", "phone": None}

_BALANCES: Final[Example] = {
    "collected": 0,
    "expired": 0,
    "expiring_30_days": 0,
    "total": 0,
    "locked": 0,
    "redeemable": 0,
    "reserved": 0,
    "debt": 0,
    "unit": "points",
}
_BALANCES_AFTER: Final[Example] = {**_BALANCES, "collected": 28, "total": 28, "redeemable": 28}

CARD_NEW: Final[Example] = {"program_id": _PROGRAM_ID, "customer_id": _CUSTOMER_ID}
CARD: Final[Example] = {
    "serial_number": _SERIAL_NUMBER,
    "key": _KEY,
    "status": "issued",
    "customer_id": _CUSTOMER_ID,
    "account_id": _ACCOUNT_ID,
    "program_id": _PROGRAM_ID,
    "merged_into": None,
    "holder_name": "Mia Weber",
    "kind": "loyalty",
    "balance": _BALANCES,
    "customer": {"number": 1001, "name": "Mia Weber", "loyalty_status": "active", "redeem_blocked": False},
    "add_url": _ADD_URL,
    "add_qr_svg_url": f"{_ADD_URL}/qr.svg",
    "created_at": _CREATED_AT,
}
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
            "registered_at": _CREATED_AT,
        }
    ]
}

MESSAGE_NEW: Final[Example] = {"header": "Heute", "body": "Zwei Croissants zum Preis von einem.", "notify": True}
MESSAGE_SENT: Final[Example] = {
    "message_id": "msg_01KB40EF6T0A2C4D7H9K1P3R5V",
    "serial_number": _SERIAL_NUMBER,
    "header": "Heute",
    "body": "Zwei Croissants zum Preis von einem.",
    "notify": True,
    "wallets": ["apple"],
    "created_at": _CREATED_AT,
}
GOOGLE_LINK: Final[Example] = {
    "save_url": "https://pay.google.com/gp/v/save/eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmVk",
    "saved": True,
    "is_current": True,
    "told_at": _CREATED_AT,
    "due_at": None,
    "last_reason": "",
}

TRANSACTION_NEW: Final[Example] = {
    "card": _SERIAL_NUMBER,
    "type": "purchase",
    "purchase_total": 2790,
    "reference": "receipt 4711",
}
ENTRY: Final[Example] = {
    "entry_id": _ENTRY_ID,
    "transaction_id": _TRANSACTION_ID,
    "account_id": _ACCOUNT_ID,
    "kind": "earn",
    "status": "active",
    "amount": 28,
    "unit": "points",
    "sequence": 1,
    "balance_after": 28,
    "debt_after": 0,
    "locked_until": None,
    "valid_until": None,
    "corrects": None,
    "campaign": None,
    "reference": "receipt 4711",
    "created_at": _CREATED_AT,
}
ACCOUNT: Final[Example] = {
    "account_id": _ACCOUNT_ID,
    "customer_id": _CUSTOMER_ID,
    "program_id": _PROGRAM_ID,
    "merged_into": None,
    **_BALANCES_AFTER,
    "turnover": 2790,
    "tier": None,
    "member_until": None,
}
TRANSACTION: Final[Example] = {
    "transaction_id": _TRANSACTION_ID,
    "type": "purchase",
    "card": _SERIAL_NUMBER,
    "purchase_total": 2790,
    "corrects": None,
    "reference": "receipt 4711",
    "reason": None,
    "campaign": None,
    "entries": [ENTRY],
    "account": ACCOUNT,
    "created_at": _CREATED_AT,
}

REDEMPTION_NEW: Final[Example] = {"card": _SERIAL_NUMBER, "amount": 10, "reference": "receipt 4712"}
_RESERVED: Final[Example] = {**ACCOUNT, "redeemable": 18, "total": 18, "reserved": 10}
REDEMPTION: Final[Example] = {
    "code": _REDEMPTION_CODE,
    "state": "reserved",
    "card": _SERIAL_NUMBER,
    "amount": 10,
    "captured": 0,
    "unit": "points",
    "reference": "receipt 4712",
    "created_at": _CREATED_AT,
    "expires_at": "2026-11-23T09:45:00.125Z",
    "closed_at": None,
    "transaction_id": None,
    "entries": [],
    "account": _RESERVED,
}
CAPTURE_NEW: Final[Example] = {"amount": 8}
_CAPTURE_ENTRY: Final[Example] = {
    **ENTRY,
    "kind": "redeem",
    "amount": -8,
    "sequence": 2,
    "balance_after": 20,
    "reference": "receipt 4712",
}
_CAPTURED_ACCOUNT: Final[Example] = {**ACCOUNT, "redeemable": 20, "total": 20}
REDEMPTION_CAPTURED: Final[Example] = {
    **REDEMPTION,
    "state": "captured",
    "captured": 8,
    "closed_at": _CREATED_AT,
    "transaction_id": _TRANSACTION_ID,
    "entries": [_CAPTURE_ENTRY],
    "account": _CAPTURED_ACCOUNT,
}
REDEMPTION_RELEASED: Final[Example] = {**REDEMPTION, "state": "released", "closed_at": _CREATED_AT, "account": ACCOUNT}
REVERSAL_NEW: Final[Example] = {"purchase_total": 790, "reason": "one article returned"}
_REVERSAL_ENTRY: Final[Example] = {
    **ENTRY,
    "kind": "reversal",
    "amount": -8,
    "sequence": 2,
    "balance_after": 20,
    "corrects": _ENTRY_ID,
    "reference": None,
}
REVERSAL: Final[Example] = {
    **TRANSACTION,
    "type": "reversal",
    "purchase_total": 790,
    "corrects": _TRANSACTION_ID,
    "reference": None,
    "reason": "one article returned",
    "entries": [_REVERSAL_ENTRY],
    "account": {**_CAPTURED_ACCOUNT, "turnover": 2000},
}
DEED: Final[Example] = {"reason": "lost"}
CARD_REVOKED: Final[Example] = {**CARD, "status": "revoked"}

CHECKPOINT: Final = (
    "walletd ledger checkpoint 1\n"
    "number: 412\n"
    "time: 2026-11-23T10:00:00.004Z\n"
    "accounts: 27\n"
    "entries: 18775\n"
    "heads: 8c1f0e5a7b3d29c46e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f\n"
    "previous: 5d41402abc4b2a76b9719d911017c592ae3f6c0b9d8e7f60514233241506f7e8\n"
    "signature: 3J1xgkqJ0w4E6mYd8c0Vd1kQ3s5T7u9W1y3A5C7E9G1I3K5M7O9Q1S3U5W7Y9a1c3e5g7i9k1m3o5q7s9u1w3A==\n"
)

STATEMENT_HTML: Final = '<!doctype html>\n<html lang="de">\n…'
STATEMENT_CSV: Final = (
    "ID;Erstellt am;Vorgang;Kampagne;Auftrag;Betrag (Punkte);Gesperrt bis;Gültig bis;Status;Saldo (Punkte)\r\n"
    "1;2026-11-23 10:30:00;Einkauf;;;12;;;Aktiv;12\r\n"
)
LIABILITY: Final[Example] = {
    "from": None,
    "as_of": "2026-12-31T23:00:00.000Z",
    "items": [
        {
            "program_id": _PROGRAM_ID,
            "name": "Bonuskarte",
            "kind": "loyalty",
            "unit": "points",
            "accounts": 1,
            "opening": 0,
            "credited": 12,
            "redeemed": 0,
            "expired": 0,
            "reversed": 0,
            "closing": 12,
            "debt": 0,
            "owed": 12,
        }
    ],
}
LIABILITY_CSV: Final = (
    "from,as_of,program_id,program,kind,unit,accounts,opening,credited,redeemed,expired,reversed,closing,debt,owed\r\n"
    f",2026-12-31T23:00:00.000Z,{_PROGRAM_ID},Bonuskarte,loyalty,points,1,0,12,0,0,0,12,0,12\r\n"
)

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
    "created_at": _CREATED_AT,
}
WEBHOOK_SECRET: Final[Example] = {**WEBHOOK, "secret": "whsec_bm90IGEgc2VjcmV0LCBidXQgb25seSBhbiBleGFtcGxl"}
MESSAGE: Final[Example] = {
    "message_id": _MESSAGE_ID,
    "type": "webhook.test",
    "subject": _WEBHOOK_ID,
    "state": "pending",
    "attempts": 0,
    "due_at": _CREATED_AT,
    "last_status": None,
    "last_reason": "",
    "created_at": _CREATED_AT,
    "ended_at": None,
}
REPLAY: Final[Example] = {"message_id": _MESSAGE_ID}
REPLAYED: Final[Example] = {"messages": 1}
