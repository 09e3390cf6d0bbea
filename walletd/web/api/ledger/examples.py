"""The examples in the OpenAPI document about the ledger."""

from __future__ import annotations

from typing import Final

from walletd.web.api.examples import (
    ACCOUNT,
    CREATED_AT,
    ENTRY,
    ENTRY_ID,
    PROGRAM_ID,
    SERIAL_NUMBER,
    TRANSACTION_ID,
    Example,
)

TRANSACTION_NEW: Final[Example] = {
    "card": SERIAL_NUMBER,
    "type": "purchase",
    "purchase_total": 2790,
    "reference": "receipt 4711",
}

TRANSACTION: Final[Example] = {
    "transaction_id": TRANSACTION_ID,
    "type": "purchase",
    "card": SERIAL_NUMBER,
    "purchase_total": 2790,
    "corrects": None,
    "reference": "receipt 4711",
    "reason": None,
    "campaign": None,
    "entries": [ENTRY],
    "account": ACCOUNT,
    "created_at": CREATED_AT,
}

_REDEMPTION_CODE: Final = "4D8K2M6P9R3T"

REDEMPTION_NEW: Final[Example] = {"card": SERIAL_NUMBER, "amount": 10, "reference": "receipt 4712"}

_RESERVED: Final[Example] = {**ACCOUNT, "redeemable": 18, "total": 18, "reserved": 10}

REDEMPTION: Final[Example] = {
    "code": _REDEMPTION_CODE,
    "state": "reserved",
    "card": SERIAL_NUMBER,
    "amount": 10,
    "captured": 0,
    "unit": "points",
    "reference": "receipt 4712",
    "created_at": CREATED_AT,
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
    "closed_at": CREATED_AT,
    "transaction_id": TRANSACTION_ID,
    "entries": [_CAPTURE_ENTRY],
    "account": _CAPTURED_ACCOUNT,
}

REDEMPTION_RELEASED: Final[Example] = {**REDEMPTION, "state": "released", "closed_at": CREATED_AT, "account": ACCOUNT}

REVERSAL_NEW: Final[Example] = {"purchase_total": 790, "reason": "one article returned"}

_REVERSAL_ENTRY: Final[Example] = {
    **ENTRY,
    "kind": "reversal",
    "amount": -8,
    "sequence": 2,
    "balance_after": 20,
    "corrects": ENTRY_ID,
    "reference": None,
}

REVERSAL: Final[Example] = {
    **TRANSACTION,
    "type": "reversal",
    "purchase_total": 790,
    "corrects": TRANSACTION_ID,
    "reference": None,
    "reason": "one article returned",
    "entries": [_REVERSAL_ENTRY],
    "account": {**_CAPTURED_ACCOUNT, "turnover": 2000},
}

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
            "program_id": PROGRAM_ID,
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
    f",2026-12-31T23:00:00.000Z,{PROGRAM_ID},Bonuskarte,loyalty,points,1,0,12,0,0,0,12,0,12\r\n"
)
