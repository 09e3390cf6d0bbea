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
    "rules": {"cents_per_point": 100},
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
    "crm_active": True,
    "loyalty_status": "active",
    "redeem_blocked": False,
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
_BALANCES_AFTER: Final[Example] = {**_BALANCES, "collected": 27, "total": 27, "redeemable": 27}

CARD_NEW: Final[Example] = {"program_id": _PROGRAM_ID, "customer_id": _CUSTOMER_ID}
CARD: Final[Example] = {
    "serial_number": _SERIAL_NUMBER,
    "key": _KEY,
    "status": "issued",
    "customer_id": _CUSTOMER_ID,
    "account_id": _ACCOUNT_ID,
    "program_id": _PROGRAM_ID,
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
    "amount": 27,
    "unit": "points",
    "sequence": 1,
    "balance_after": 27,
    "created_at": _CREATED_AT,
}
ACCOUNT: Final[Example] = {
    "account_id": _ACCOUNT_ID,
    "customer_id": _CUSTOMER_ID,
    "program_id": _PROGRAM_ID,
    **_BALANCES_AFTER,
}
TRANSACTION: Final[Example] = {
    "transaction_id": _TRANSACTION_ID,
    "type": "purchase",
    "card": _SERIAL_NUMBER,
    "purchase_total": 2790,
    "reference": "receipt 4711",
    "reason": None,
    "entries": [ENTRY],
    "account": ACCOUNT,
    "created_at": _CREATED_AT,
}
