"""The bodies that the API answers about merges, with their examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct

from walletd.web.api.examples import CARD, CUSTOMER
from walletd.web.api.fields import Moment
from walletd.web.api.ledger.answers import Balances

_OTHER: Final = "cus_01KB3Z6Q9V2W4X6Y8Z0A2B4C6D"
_INTO: Final = CARD["account_id"]


class MergeCustomer(Struct, kw_only=True, forbid_unknown_fields=True):
    """One of the two customers."""

    customer_id: str
    number: int
    name: str


class MergeCustomers(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who goes on, and who ends."""

    survivor: MergeCustomer
    absorbed: MergeCustomer


class MergeAccount(Struct, kw_only=True, forbid_unknown_fields=True):
    """An account of the absorbed customer, and the one it is joined with, both as they are before the merge."""

    program_id: str
    kind: str
    from_account: str
    into_account: Annotated[str | None, Meta(description="Null: the account goes on and only changes its owner.")]
    from_balance: Balances
    into_balance: Balances | None


class MergeCard(Struct, kw_only=True, forbid_unknown_fields=True):
    """A card that the merge changes."""

    serial_number: str
    key: str
    key_after: str
    merged_into: Annotated[str | None, Meta(description="Serial number of the card that goes on for this one.")]


class MergeConflict(Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that stands against it, with the code of the error it would be."""

    code: str
    detail: str


class MergePreview(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a merge would do; with conflicts it would be refused."""

    customers: MergeCustomers
    accounts: list[MergeAccount]
    cards: list[MergeCard]
    reason: str | None
    conflicts: list[MergeConflict]


class MergeHead(Struct, kw_only=True, forbid_unknown_fields=True):
    """A merge that was done."""

    merge_id: str
    state: Annotated[str, Meta(description="committed or undone.")]
    identity_survivor: str
    number_survivor: str
    absorbed: str
    reason: str | None
    created_at: Moment
    undo_until: Moment
    undone_at: Moment | None
    till: Annotated[str | None, Meta(description="pending or done: whether the till knows; null where none is there.")]


class MergeDone(MergeHead, kw_only=True, forbid_unknown_fields=True):
    """A merge with what it changed."""

    customers: MergeCustomers
    accounts: list[MergeAccount]
    cards: list[MergeCard]


class SeparatedAccount(Struct, kw_only=True, forbid_unknown_fields=True):
    """What goes back of an account that was joined; `missing` was spent or expired meanwhile."""

    program_id: str
    from_account: str
    into_account: str
    moved: int
    returns: int
    missing: int


class MergeUndo(Struct, kw_only=True, forbid_unknown_fields=True):
    """What undoing brings back, or why it is refused."""

    accounts: list[SeparatedAccount]
    refused: MergeConflict | None


class MergeAnswer(MergeHead, kw_only=True, forbid_unknown_fields=True):
    """A merge; while it stands, with what undoing it would bring back now."""

    undo: MergeUndo | None


_BALANCE: Final[Mapping[str, object]] = {
    "collected": 25,
    "expired": 0,
    "expiring_30_days": 0,
    "total": 25,
    "locked": 10,
    "redeemable": 15,
    "reserved": 0,
    "debt": 0,
    "unit": "points",
}
_SURVEY: Final[Mapping[str, object]] = {
    "customers": {
        "survivor": {"customer_id": CUSTOMER["id"], "number": 1001, "name": "Mia Weber"},
        "absorbed": {"customer_id": _OTHER, "number": 1002, "name": "M. Weber"},
    },
    "accounts": [
        {
            "program_id": CARD["program_id"],
            "kind": "loyalty",
            "from_account": "acc_01KB3Z6RA3B5C7D9E1F3G5H7J9",
            "into_account": _INTO,
            "from_balance": _BALANCE,
            "into_balance": {**_BALANCE, "collected": 40, "total": 40, "locked": 0, "redeemable": 40},
        }
    ],
    "cards": [
        {
            "serial_number": CARD["serial_number"],
            "key": CARD["key"],
            "key_after": "5NQ7W3E9R2T6Y8U4P",
            "merged_into": None,
        },
        {
            "serial_number": "nbswy3dpfqqhgzlbmnuw4zzaoi",
            "key": "5NQ7W3E9R2T6Y8U4P",
            "key_after": "5NQ7W3E9R2T6Y8U4P",
            "merged_into": CARD["serial_number"],
        },
    ],
}
_HEAD: Final[Mapping[str, object]] = {
    "merge_id": "mrg_01KB40JK7X1Y3Z5A7B9C1D3E5F",
    "state": "committed",
    "identity_survivor": CUSTOMER["id"],
    "number_survivor": _OTHER,
    "absorbed": _OTHER,
    "reason": "same person, registered twice",
    "created_at": CARD["created_at"],
    "undo_until": "2026-12-23T09:30:00.125Z",
    "undone_at": None,
    "till": None,
}
_UNDO: Final[Mapping[str, object]] = {
    "accounts": [
        {
            "program_id": CARD["program_id"],
            "from_account": "acc_01KB3Z6RA3B5C7D9E1F3G5H7J9",
            "into_account": _INTO,
            "moved": 25,
            "returns": 25,
            "missing": 0,
        }
    ],
    "refused": None,
}

MERGE_NEW: Final[Mapping[str, object]] = {
    "identity_survivor": CUSTOMER["id"],
    "number_survivor": _OTHER,
    "absorbed": _OTHER,
    "reason": "same person, registered twice",
}
PREVIEW: Final[Mapping[str, object]] = {**_SURVEY, "reason": "same person, registered twice", "conflicts": []}
DONE: Final[Mapping[str, object]] = {**_HEAD, **_SURVEY}
MERGE: Final[Mapping[str, object]] = {**_HEAD, "undo": _UNDO}
UNDONE: Final[Mapping[str, object]] = {**_HEAD, "state": "undone", "undone_at": CARD["created_at"], "undo": _UNDO}
