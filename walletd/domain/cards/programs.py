"""Programs: the kinds of cards that a merchant offers, with the rules the merchant set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from walletd.domain.cards.kinds import KINDS, RULES, RowValue, Rule, RuleValue
from walletd.domain.validation import check_name, invalid

_ROWS_MAX: Final = 20


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
    """Return the kind; raises ValidationFailed for one that is not among the known ones."""
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
