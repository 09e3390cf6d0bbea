"""Earning: what a purchase brings by the rules of its program, and what a return of a part of it takes away.

The rule values that earned something are pinned as its terms, so that a return is worked out with the rules of the day
of the purchase, whatever the program says since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from walletd.domain.cards.programs import Program, reached, tiers_of

_BASIS_POINTS: Final = 10_000
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Earned:
    """What a purchase earned, the carry after it, and the terms it was earned by."""

    amount: int
    carry: int
    terms: str


def earn(program: Program, total: int, *, turnover: int, carry: int) -> Earned | None:
    """Return what a purchase of `total` minor units earns, None for kinds that earn nothing.

    `turnover` is what was purchased before, `carry` what is left over of it; both in minor units.
    """
    terms = _terms_of(program, turnover)
    if terms is None:
        return None
    if terms.get("rounding") == "carry":
        points, carry = divmod(total + carry, terms["per"])
    else:
        points = _worth(terms, total)
    return Earned(points + terms.get("order", 0), carry, _encode(terms))


def give_back(terms: str, total: int, returned_before: int, part: int, carry: int) -> tuple[int, int]:
    """Return how much a return of `part` takes away (never below zero), and the carry after it.

    `total` is what the purchase came to, `returned_before` what of it went back before; in minor units.
    """
    values = json.loads(terms)
    left = total - returned_before - part
    fixed = 0 if left else values.get("order", 0)
    if values.get("rounding") == "carry":
        points = -(-max(part - carry, 0) // values["per"])
        return points + fixed, carry + points * values["per"] - part
    return _worth(values, left + part) - _worth(values, left) + fixed, carry


def half_up(numerator: int, denominator: int) -> int:
    """Return the quotient of two whole numbers that are not negative, halves rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)


def _worth(terms: Mapping[str, Any], total: int) -> int:
    if "rate" in terms:
        return half_up(total * terms["rate"], _BASIS_POINTS)
    if "flat" in terms:
        return terms["flat"] if total else 0
    return total // terms["per"] if terms["rounding"] == "floor" else half_up(total, terms["per"])


def _terms_of(program: Program, turnover: int) -> dict[str, Any] | None:
    if program.kind in {"loyalty", "reward"}:
        order = program.number("points_per_order")
        per = {"per": program.number("cents_per_point"), "rounding": program.text("rounding")}
        return {**per, "order": order} if order else per
    if program.kind == "stamp" and program.number("cents_per_stamp"):
        return {"per": program.number("cents_per_stamp"), "rounding": "floor"}
    if program.kind in {"stamp", "membership"}:
        rule = "stamps_per_purchase" if program.kind == "stamp" else "visits_per_purchase"
        return {"flat": program.number(rule)}
    if program.kind == "cashback":
        tier = reached(tiers_of(program), turnover)
        return {"rate": 0 if tier is None else tier.rate}
    return {"rate": _BASIS_POINTS} if program.kind == "discount" else None
