"""Programs: the nine kinds of cards, the unit each counts in, and the rules a merchant can set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from walletd.domain.validation import check_name, invalid

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

RowValue = int | str
RuleValue = int | str | Sequence[Mapping[str, RowValue]]
_ROWS_MAX: Final = 20


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

_OF_KINDS: Final[Mapping[str, Mapping[str, Rule]]] = {
    "loyalty": {**_POINTS, **_LOTS, **_DEBITS},
    "reward": {"reward_name": _REWARD_NAME, "reward_price": _PRICE, **_POINTS, **_LOTS, **_DEBITS},
    "stamp": {
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
    "cashback": {"rate": _RATE, "tiers": _RATES, "rewards": _REWARDS, **_LOTS, **_DEBITS},
    "discount": {"rate": _RATE, "threshold": _TURNOVER, "tiers": _RATES},
    "gift": {"validity_days": _LOTS["validity_days"], **_DEBITS},
    "membership": {
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
    "coupon": {"reward_name": _REWARD_NAME, "validity_days": _LOTS["validity_days"]},
    "multipass": {
        "pack": Rule(10, 1, 1000, "visits that a new card starts with, and that a pack adds"),
        "validity_days": _LOTS["validity_days"],
        **_DEBITS,
    },
}
_OF_ALL: Final[Mapping[str, Rule]] = {
    "rotating_barcode": Rule(
        "off", meaning="which wallets show a barcode that changes all the time", choices=("off", "google")
    ),
}
RULES: Final[Mapping[str, Mapping[str, Rule]]] = {kind: {**rules, **_OF_ALL} for kind, rules in _OF_KINDS.items()}


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

    def number(self, rule: str) -> int:
        """Return a rule that is a number; its default where the program was stored before the rule existed."""
        value = self._value(rule)
        return value if isinstance(value, int) else 0

    def text(self, rule: str) -> str:
        """Return a rule that is a text."""
        value = self._value(rule)
        return value if isinstance(value, str) else ""

    def rows(self, rule: str) -> Sequence[Mapping[str, RowValue]]:
        """Return a rule that is a list."""
        value = self._value(rule)
        return () if isinstance(value, int | str) else value

    def _value(self, rule: str) -> RuleValue:
        known = RULES[self.kind].get(rule)
        return self.rules.get(rule, 0 if known is None else known.default)


@dataclass(frozen=True, slots=True)
class Reward:
    """What an account can be spent on: a name and a price in the unit of the program."""

    name: str
    price: int


@dataclass(frozen=True, slots=True)
class Tier:
    """What a customer reached: a name, and a rate in basis points where the kind has one."""

    name: str
    threshold: int
    rate: int = 0


@dataclass(frozen=True, slots=True)
class NewProgram:
    """What is asked for when a program is created; `{"kind", "name"}` is enough."""

    kind: str
    name: str
    template: str | None = None
    rules: Mapping[str, object] | None = None


def rewards_of(program: Program) -> list[Reward]:
    """Return the rewards of a program, the cheapest first: the full card or the named reward, and the listed ones."""
    found = [Reward(str(row["name"]), int(row["price"])) for row in program.rows("rewards")]
    if program.kind == "stamp":
        found.append(Reward(program.text("reward_name"), program.number("slots")))
    if program.kind == "reward":
        found.append(Reward(program.text("reward_name"), program.number("reward_price")))
    return sorted(found, key=lambda reward: reward.price)


def tiers_of(program: Program) -> list[Tier]:
    """Return the tiers of a program, the lowest first; none where the kind knows none."""
    found = [Tier(str(row["name"]), int(row["threshold"]), int(row.get("rate", 0))) for row in program.rows("tiers")]
    if program.kind == "membership":
        found.append(Tier(program.text("tier"), 0))
    elif not found and program.kind in {"cashback", "discount"}:
        found.append(Tier("", program.number("threshold") if program.kind == "discount" else 0, program.number("rate")))
    return sorted(found, key=lambda tier: tier.threshold)


def reached(tiers: Sequence[Tier], value: int) -> Tier | None:
    """Return the tier with the greatest threshold not above the value (D-21), None below the first."""
    return next((tier for tier in reversed(tiers) if tier.threshold <= value), None)


def check_kind(kind: str) -> str:
    """Return the kind; raises ValidationFailed for one that is not among the nine."""
    if kind not in KINDS:
        raise invalid("/kind", f"must be one of {', '.join(KINDS)}")
    return kind


def complete_rules(kind: str, given: Mapping[str, object]) -> dict[str, RuleValue]:
    """Return all rules of the kind, the given ones over the defaults; raises ValidationFailed naming the rule."""
    known = RULES[kind]
    for name in given:
        if name not in known:
            offered = ", ".join(known) or "none"
            raise invalid(f"/rules/{name}", f"is no rule of {kind} programs; they know: {offered}")
    rules = {name: _checked(f"/rules/{name}", rule, given.get(name, rule.default)) for name, rule in known.items()}
    _check_together(rules)
    return rules


def _check_together(rules: Mapping[str, RuleValue]) -> None:
    """Refuse rules of which each is right by itself, but which contradict each other."""
    lock, validity = rules.get("lock_days"), rules.get("validity_days")
    if isinstance(lock, int) and isinstance(validity, int) and 0 < validity <= lock:
        raise invalid("/rules/lock_days", "must be less than validity_days, or nothing earned could ever be redeemed")
    for first, further in (("reward_name", "rewards"), ("tier", "tiers")):
        rows = rules.get(further, ())
        for place, row in enumerate(rows if isinstance(rows, list) else ()):
            if first in rules and row["name"] == rules[first]:
                raise invalid(
                    f"/rules/{further}/{place}/name", f"must differ from {first}, or nobody knows which is meant"
                )


def _checked(pointer: str, rule: Rule, value: object) -> RuleValue:
    if rule.columns:
        return _checked_rows(pointer, rule.columns, value)
    return _checked_cell(pointer, rule, value)


def _checked_cell(pointer: str, rule: Rule, value: object) -> RowValue:
    if rule.choices:
        if not isinstance(value, str) or value not in rule.choices:
            raise invalid(pointer, f"must be one of {', '.join(rule.choices)}")
        return value
    if isinstance(rule.default, str):
        if not isinstance(value, str):
            raise invalid(pointer, "must be a text")
        return check_name(value, pointer, 40)
    if isinstance(value, bool) or not isinstance(value, int) or not rule.minimum <= value <= rule.maximum:
        raise invalid(pointer, f"must be a whole number from {rule.minimum} to {rule.maximum}")
    return value


def _checked_rows(pointer: str, columns: Sequence[tuple[str, Rule]], value: object) -> list[Mapping[str, RowValue]]:
    names = [name for name, _ in columns]
    if not isinstance(value, list | tuple) or len(value) > _ROWS_MAX:
        raise invalid(pointer, f"must be a list of at most {_ROWS_MAX} objects of {', '.join(names)}")
    rows = list[Mapping[str, RowValue]]()
    for place, row in enumerate(value):
        if not isinstance(row, dict) or set(row) != set(names):
            raise invalid(f"{pointer}/{place}", f"must be an object of {', '.join(names)}")
        rows.append({name: _checked_cell(f"{pointer}/{place}/{name}", rule, row[name]) for name, rule in columns})
    for name in ("name", "threshold"):
        seen = [row[name] for row in rows if name in row]
        if len(set(seen)) != len(seen):
            raise invalid(pointer, f"must not have the same {name} twice")
    return rows
