"""What all examples of the OpenAPI document share: one story, from the first program to the first transaction.

A test tells the story to a running walletd, in this order, so the examples can be copied as they stand; only the
identifiers that walletd itself gives out are other ones each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Example = Mapping[str, object]

PROGRAM_ID: Final = "prg_01KB3Z8Q1M5T7V9X2C4E6G8J0K"

CUSTOMER_ID: Final = "cus_01KB3Z9R2N6W8Y0Z3D5F7H9M1P"

ACCOUNT_ID: Final = "acc_01KB3ZAS3P7X9Z1A4E6G8J0N2Q"

TRANSACTION_ID: Final = "txn_01KB3ZBT4Q8Y0A2B5F7H9M1P3R"

ENTRY_ID: Final = "ent_01KB3ZBT4R9Z1B3C6G8J0N2Q4S"

SERIAL_NUMBER: Final = "mfrggzdfmztwq2lknnwg23tpob"

_KEY: Final = "7K3M9P2R5T8V1X4ZH"

CREATED_AT: Final = "2026-11-23T09:30:00.125Z"

_ADD_URL: Final = "https://cards.example/add/Q0FSRC1MSU5L"

PROGRAM: Final[Example] = {
    "id": PROGRAM_ID,
    "program_id": PROGRAM_ID,
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
    "created_at": CREATED_AT,
}

CUSTOMER: Final[Example] = {
    "id": CUSTOMER_ID,
    "customer_id": CUSTOMER_ID,
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
    "created_at": CREATED_AT,
}

BALANCES: Final[Example] = {
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

BALANCES_AFTER: Final[Example] = {**BALANCES, "collected": 28, "total": 28, "redeemable": 28}

CARD: Final[Example] = {
    "serial_number": SERIAL_NUMBER,
    "key": _KEY,
    "status": "issued",
    "customer_id": CUSTOMER_ID,
    "account_id": ACCOUNT_ID,
    "program_id": PROGRAM_ID,
    "merged_into": None,
    "holder_name": "Mia Weber",
    "kind": "loyalty",
    "balance": BALANCES,
    "customer": {"number": 1001, "name": "Mia Weber", "loyalty_status": "active", "redeem_blocked": False},
    "add_url": _ADD_URL,
    "add_qr_svg_url": f"{_ADD_URL}/qr.svg",
    "created_at": CREATED_AT,
}

ACCOUNT: Final[Example] = {
    "account_id": ACCOUNT_ID,
    "customer_id": CUSTOMER_ID,
    "program_id": PROGRAM_ID,
    "merged_into": None,
    **BALANCES_AFTER,
    "turnover": 2790,
    "tier": None,
    "member_until": None,
}

ENTRY: Final[Example] = {
    "entry_id": ENTRY_ID,
    "transaction_id": TRANSACTION_ID,
    "account_id": ACCOUNT_ID,
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
    "created_at": CREATED_AT,
}
