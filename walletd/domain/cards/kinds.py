"""Kinds of cards, each described once; what differs by kind is read from here, not named elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

RowValue = int | str
RuleValue = int | str | Sequence[Mapping[str, RowValue]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a kind: its default, the range of a number or the choices of a text, the columns of a list."""

    default: RuleValue
    minimum: int = 0
    maximum: int = 0
    meaning: str = ""
    choices: tuple[str, ...] = ()
    columns: tuple[tuple[str, Rule], ...] = ()


_NAME = Rule("", meaning="how it is called on the card")
_TURNOVER = Rule(0, 0, 1_000_000_000_000, "turnover in minor units from which it counts, inclusive")
_RATE = Rule(500, 0, 10_000, "share of the purchase in basis points: 500 is 5 %")
_PRICE = Rule(100, 1, 1_000_000_000, "what a reward costs, in the unit of the program")
_REWARD_NAME = Rule("1 × free", meaning="what a reward is called on the card")
_REWARDS = Rule((), meaning="rewards of a name and a price", columns=(("name", _NAME), ("price", _PRICE)))
_RATES = Rule(
    (),
    meaning="tiers of a name, a threshold of turnover and a rate; the greatest threshold that is reached counts",
    columns=(("name", _NAME), ("threshold", _TURNOVER), ("rate", _RATE)),
)
_POINTS: Final[Mapping[str, Rule]] = {
    "cents_per_point": Rule(100, 1, 1_000_000, "minor units of the purchase that earn one point"),
    "rounding": Rule(
        "commercial",
        meaning="of points: half away from zero, down, or down with the rest carried to the next purchase",
        choices=("commercial", "floor", "carry"),
    ),
    "points_per_order": Rule(0, 0, 1_000_000, "points that every purchase earns beside its turnover"),
    "rewards": _REWARDS,
}
_LOTS: Final[Mapping[str, Rule]] = {
    "validity_days": Rule(0, 0, 36_500, "days after which what is credited expires; 0: never"),
    "lock_days": Rule(0, 0, 3_650, "days for which what a purchase earns is locked"),
}
_DEBITS: Final[Mapping[str, Rule]] = {
    "manual_debit": Rule(
        "fefo",
        meaning="whether a debit by hand consumes what ends first, or no credit in particular",
        choices=("fefo", "unallocated"),
    ),
    "grace_days": Rule(30, 0, 3_650, "days for which value is valid that comes back after its credit expired"),
    "balance_max": Rule(0, 0, 2**53 - 1, "the most an account may hold; 0: no limit"),
}

_OF_ALL: Final[Mapping[str, Rule]] = {
    "rotating_barcode": Rule(
        "off", meaning="which wallets show a barcode that changes all the time", choices=("off", "google")
    ),
}

_COMMON: Final = {"holder": "text", "number": "text", "program": "text", "merchant": "text", "message": "text"}
_NUMBERS: Final = {"locked": "number", "expiring": "number", "expires_on": "moment"}
_AMOUNTS: Final = {"locked": "money", "expiring": "money", "expires_on": "moment"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What distinguishes one kind of card from the others."""

    unit: str
    """What its accounts count in."""
    operations: tuple[str, ...]
    """Types of transactions that it knows."""
    imported: Literal["number", "money", "zero", "ignored"]
    """What the balance in an import must be: a whole number, an amount of the merchant's currency, blank or zero; or
    nothing, where new cards start with what the program says."""
    rules: Mapping[str, Rule]
    """Rules of its own; those of every kind are added in `RULES`."""
    face: Mapping[str, str]
    """Value on its card → type of the value; those of every kind are added in `FACE_VALUES`."""
    main_value: str | None
    """The value on its card that changes, which wallets show in large; None where no number does."""
    starts_with: str | int = 0
    """What is on a new card: a number, or the rule that says it."""
    instrument: bool = False
    """Whether a customer may well hold several: a merge leaves them as they are."""
    transferable: bool = True
    """Whether the holder may pass the card on by the wallet; not where it is worth money in anybody's hand (A1.4)."""


DESCRIPTIONS: Final[Mapping[str, Kind]] = {
    "loyalty": Kind(
        unit="points",
        operations=("credit", "debit", "purchase", "reward"),
        imported="number",
        rules={**_POINTS, **_LOTS, **_DEBITS},
        face={"balance": "number", **_NUMBERS},
        main_value="balance",
    ),
    "stamp": Kind(
        unit="stamps",
        operations=("credit", "debit", "purchase", "visit", "reward"),
        imported="number",
        rules={
            "slots": Rule(10, 1, 30, "stamps that fill the card"),
            "stamps_per_purchase": Rule(1, 0, 30, "stamps that one purchase earns"),
            "cents_per_stamp": Rule(
                0, 0, 1_000_000, "minor units of a purchase that earn one stamp; 0: each purchase does"
            ),
            "stamps_per_visit": Rule(1, 1, 30, "stamps that one visit earns"),
            "reward_name": _REWARD_NAME,
            "rewards": _REWARDS,
            **_LOTS,
            **_DEBITS,
        },
        face={
            "stamps": "number",
            "slots": "number",
            "rewards": "number",
            "reward_name": "text",
            "other_rewards": "text",
            **_NUMBERS,
        },
        main_value="stamps",
    ),
    "cashback": Kind(
        unit="money",
        operations=("credit", "debit", "purchase", "reward"),
        imported="money",
        rules={"rate": _RATE, "tiers": _RATES, "rewards": _REWARDS, **_LOTS, **_DEBITS},
        face={"balance": "money", "rate": "percent", "tier": "text", **_AMOUNTS},
        main_value="balance",
    ),
    "discount": Kind(
        unit="money",
        operations=("credit", "debit", "purchase"),
        imported="money",
        rules={"rate": _RATE, "threshold": _TURNOVER, "tiers": _RATES},
        face={"rate": "percent", "tier": "text", "turnover": "money", "missing": "money"},
        main_value="rate",
    ),
    "gift": Kind(
        unit="money",
        operations=("credit", "debit"),
        imported="money",
        rules={"validity_days": _LOTS["validity_days"], **_DEBITS},
        face={"balance": "money", **_AMOUNTS},
        main_value="balance",
        instrument=True,
        transferable=False,
    ),
    "membership": Kind(
        unit="visits",
        operations=("credit", "debit", "purchase", "visit", "tier"),
        imported="ignored",
        rules={
            "tier": Rule("Member", meaning="name of the first tier"),
            "tiers": Rule(
                (),
                meaning="further tiers of a name and the visits from which they count",
                columns=(("name", _NAME), ("threshold", Rule(1, 1, 1_000_000, "visits"))),
            ),
            "visits_per_purchase": Rule(1, 0, 100, "visits that one purchase counts"),
            "period_days": Rule(0, 0, 36_500, "days that a membership lasts; 0: without end"),
            "renewal": Rule("manual", meaning="who renews a membership", choices=("manual", "automatic")),
        },
        face={"tier": "text", "visits": "number", "member_until": "moment"},
        main_value="visits",
    ),
    "coupon": Kind(
        unit="coupons",
        operations=("coupon",),
        imported="ignored",
        rules={"reward_name": _REWARD_NAME, "validity_days": _LOTS["validity_days"]},
        face={"reward_name": "text", "state": "phrase", "expires_on": "moment"},
        main_value=None,
        starts_with=1,
        instrument=True,
        transferable=False,
    ),
    "multipass": Kind(
        unit="visits",
        operations=("credit", "debit", "visit"),
        imported="zero",
        rules={
            "pack": Rule(10, 1, 1000, "visits that a new card starts with, and that a pack adds"),
            "validity_days": _LOTS["validity_days"],
            **_DEBITS,
        },
        face={"visits_left": "number", **_NUMBERS},
        main_value="visits_left",
        starts_with="pack",
        instrument=True,
    ),
    "reward": Kind(
        unit="points",
        operations=("credit", "debit", "purchase", "reward"),
        imported="number",
        rules={"reward_name": _REWARD_NAME, "reward_price": _PRICE, **_POINTS, **_LOTS, **_DEBITS},
        face={
            "balance": "number",
            "reward_name": "text",
            "reward_price": "number",
            "missing": "number",
            **_NUMBERS,
        },
        main_value="balance",
    ),
}

KINDS: Final = tuple(DESCRIPTIONS)
UNITS: Final[Mapping[str, str]] = {name: kind.unit for name, kind in DESCRIPTIONS.items()}
RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    name: {**kind.rules, **_OF_ALL} for name, kind in DESCRIPTIONS.items()
}
FACE_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    name: {**_COMMON, **kind.face} for name, kind in DESCRIPTIONS.items()
}
"""kind → name of the value → its type: number, money, percent, text, phrase or moment."""
