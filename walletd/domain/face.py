"""The face: what a card shows, free of any wallet.

A face is made of named values. Templates place the values; wallets draw them. Which names a kind of card offers is
fixed in `FACE_VALUES`, so that a template can be checked without a card.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from walletd.domain.balances import AccountState
from walletd.domain.cards import Card
from walletd.domain.money import Money
from walletd.domain.programs import Program


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text that exists in every language of the template, named by its key in `pass.strings`."""

    key: str


@dataclass(frozen=True, slots=True)
class Percent:
    """A share in hundredths of a percent: 750 is 7.5 %."""

    basis_points: int


@dataclass(frozen=True, slots=True)
class StampRow:
    """How many of the slots of a stamp card carry a stamp; drawn as the strip image."""

    filled: int
    slots: int


FaceValue = int | Money | Percent | str | Phrase | datetime


@dataclass(frozen=True, slots=True)
class Face:
    """Everything a person can see on one card, in platform-free values."""

    kind: str
    merchant_name: str
    program_name: str
    values: Mapping[str, FaceValue]
    barcode_message: str
    barcode_text: str
    voided: bool
    expires_at: datetime | None
    stamp_row: StampRow | None


_COMMON = {"holder": "text", "number": "text", "program": "text", "merchant": "text"}

FACE_VALUES: Mapping[str, Mapping[str, str]] = {
    "loyalty": {**_COMMON, "balance": "number"},
    "reward": {**_COMMON, "balance": "number", "reward_name": "text", "reward_price": "number", "missing": "number"},
    "stamp": {**_COMMON, "stamps": "number", "slots": "number", "rewards": "number", "reward_name": "text"},
    "cashback": {**_COMMON, "balance": "money", "rate": "percent"},
    "discount": {**_COMMON, "rate": "percent", "turnover": "money"},
    "gift": {**_COMMON, "balance": "money"},
    "membership": {**_COMMON, "tier": "text", "visits": "number"},
    "coupon": {**_COMMON, "reward_name": "text", "state": "phrase"},
    "multipass": {**_COMMON, "visits_left": "number"},
}
"""kind → name of the value → its type: number, money, percent, text, phrase or moment."""

PHRASES = ("coupon_available", "coupon_redeemed")
"""Phrases that the domain itself uses; every template whose fields show them has them in each language."""


def compose_face(card: Card, program: Program, account: AccountState, *, holder: str, merchant_name: str) -> Face:
    """Return what the card shows now. Revoked and deleted cards are voided (apple.md W25)."""
    values: dict[str, FaceValue] = {
        "holder": card.holder_name or holder,
        "number": card.key,
        "program": program.name,
        "merchant": merchant_name,
        **_OF_KIND[program.kind](program, account),
    }
    return Face(
        kind=program.kind,
        merchant_name=merchant_name,
        program_name=program.name,
        values=values,
        barcode_message=card.key,
        barcode_text=card.key,
        voided=card.status in {"revoked", "deleted"},
        expires_at=None,
        stamp_row=_stamp_row(program, account) if program.kind == "stamp" else None,
    )


def _whole(program: Program, rule: str) -> int:
    return int(program.rules[rule])


def _text(program: Program, rule: str) -> str:
    return str(program.rules[rule])


def _money(account: AccountState) -> Money:
    return Money(account.balance, account.currency or "XXX")


def _stamp_row(program: Program, account: AccountState) -> StampRow:
    """Return the stamps on the card in use; a full card stays visible until the next stamp (domain.md D-52)."""
    slots = _whole(program, "slots")
    filled = account.balance % slots
    return StampRow(slots if filled == 0 and account.balance > 0 else filled, slots)


def _stamp(program: Program, account: AccountState) -> dict[str, FaceValue]:
    row = _stamp_row(program, account)
    return {
        "stamps": row.filled,
        "slots": row.slots,
        "rewards": account.balance // row.slots,
        "reward_name": _text(program, "reward_name"),
    }


def _reward(program: Program, account: AccountState) -> dict[str, FaceValue]:
    price = _whole(program, "reward_price")
    return {
        "balance": account.balance,
        "reward_name": _text(program, "reward_name"),
        "reward_price": price,
        "missing": max(price - account.balance, 0),
    }


def _discount(program: Program, account: AccountState) -> dict[str, FaceValue]:
    reached = account.balance >= _whole(program, "threshold")
    return {"rate": Percent(_whole(program, "rate") if reached else 0), "turnover": _money(account)}


def _coupon(program: Program, account: AccountState) -> dict[str, FaceValue]:
    state = Phrase("coupon_available" if account.balance else "coupon_redeemed")
    return {"reward_name": _text(program, "reward_name"), "state": state}


_OF_KIND: Mapping[str, Callable[[Program, AccountState], Mapping[str, FaceValue]]] = {
    "loyalty": lambda _program, account: {"balance": account.balance},
    "reward": _reward,
    "stamp": _stamp,
    "cashback": lambda program, account: {"balance": _money(account), "rate": Percent(_whole(program, "rate"))},
    "discount": _discount,
    "gift": lambda _program, account: {"balance": _money(account)},
    "membership": lambda program, account: {"tier": _text(program, "tier"), "visits": account.balance},
    "coupon": _coupon,
    "multipass": lambda _program, account: {"visits_left": account.balance},
}
