"""Programs: the nine kinds of cards, the unit each counts in, and the rules a merchant can set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from walletd.domain.errors import ValidationFailed

KINDS: Final = ("loyalty", "stamp", "cashback", "discount", "gift", "membership", "coupon", "multipass", "reward")

UNITS: Final[Mapping[str, str]] = {
    "loyalty": "points",
    "reward": "points",
    "stamp": "stamps",
    "cashback": "money",
    "discount": "money",
    "gift": "money",
    "membership": "visits",
    "coupon": "coupons",
    "multipass": "visits",
}

RuleValue = int | str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a kind: its default, and for numbers the range it may have."""

    default: RuleValue
    minimum: int = 0
    maximum: int = 0
    meaning: str = ""


_CENTS = Rule(100, 1, 1_000_000, "minor units of the purchase that earn one point")
_REWARD_NAME = Rule("1 × free", meaning="what a reward is called on the card")
_RATE = Rule(500, 1, 10_000, "share of the purchase in basis points: 500 is 5 %")

RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "loyalty": {"cents_per_point": _CENTS},
    "reward": {
        "cents_per_point": _CENTS,
        "reward_name": _REWARD_NAME,
        "reward_price": Rule(100, 1, 1_000_000, "points that a reward costs"),
    },
    "stamp": {
        "slots": Rule(10, 1, 30, "stamps that fill the card"),
        "stamps_per_purchase": Rule(1, 1, 30, "stamps that one purchase earns"),
        "reward_name": _REWARD_NAME,
    },
    "cashback": {"rate": _RATE},
    "discount": {
        "rate": _RATE,
        "threshold": Rule(0, 0, 1_000_000_000, "turnover in minor units from which the rate counts, inclusive"),
    },
    "gift": {},
    "membership": {
        "tier": Rule("Member", meaning="name of the first tier"),
        "visits_per_purchase": Rule(1, 1, 100, "visits that one purchase counts"),
    },
    "coupon": {"reward_name": _REWARD_NAME},
    "multipass": {"pack": Rule(10, 1, 1000, "visits that a new card starts with")},
}


@dataclass(frozen=True, slots=True)
class Program:
    """One kind of card that a merchant offers, with its rules and its template."""

    id: str
    merchant_id: str
    kind: str
    name: str
    unit: str
    currency: str | None
    template: str
    rules: Mapping[str, RuleValue]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewProgram:
    """What is asked for when a program is created; `{"kind", "name"}` is enough."""

    kind: str
    name: str
    template: str | None = None
    rules: Mapping[str, object] | None = None


def check_kind(kind: str) -> str:
    """Return the kind; raises ValidationFailed for one that is not among the nine."""
    if kind not in KINDS:
        raise invalid("/kind", f"must be one of {', '.join(KINDS)}")
    return kind


def check_name(name: str, pointer: str = "/name", longest: int = 80) -> str:
    """Return the name without spaces around it; raises ValidationFailed where it is empty, too long or unprintable."""
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= longest or not trimmed.isprintable():
        raise invalid(pointer, f"must be 1 to {longest} printable characters")
    return trimmed


def complete_rules(kind: str, given: Mapping[str, object]) -> dict[str, RuleValue]:
    """Return all rules of the kind, the given ones over the defaults; raises ValidationFailed naming the rule."""
    known = RULES[kind]
    for name in given:
        if name not in known:
            offered = ", ".join(known) or "none"
            raise invalid(f"/rules/{name}", f"is no rule of {kind} programs; they know: {offered}")
    return {name: _checked(name, rule, given.get(name, rule.default)) for name, rule in known.items()}


def _checked(name: str, rule: Rule, value: object) -> RuleValue:
    pointer = f"/rules/{name}"
    if isinstance(rule.default, str):
        if not isinstance(value, str):
            raise invalid(pointer, "must be a text")
        return check_name(value, pointer, 40)
    if isinstance(value, bool) or not isinstance(value, int) or not rule.minimum <= value <= rule.maximum:
        raise invalid(pointer, f"must be a whole number from {rule.minimum} to {rule.maximum}")
    return value


def invalid(pointer: str, detail: str) -> ValidationFailed:
    """Return the error for one value, with the JSON pointer that leads to it."""
    return ValidationFailed(f"{pointer} {detail}.", errors=[{"pointer": pointer, "detail": detail}])
