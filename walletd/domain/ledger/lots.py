"""Lots: credited amounts with their own lock and validity, and in which order they are consumed (D-24, D-26).

A lot is redeemable from `locked_until` on and up to, but without, `valid_until`. What ends first is consumed first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lot:
    """What is left of one credit; `reserved` is the part of `remaining` that open redemptions hold."""

    id: str
    """The id of the entry that credited it."""
    account_id: str
    sequence: int
    amount: int
    remaining: int
    reserved: int = 0
    locked_until: datetime | None = None
    valid_until: datetime | None = None

    @property
    def free(self) -> int:
        """Return what no redemption holds."""
        return self.remaining - self.reserved

    def is_locked(self, now: datetime) -> bool:
        """Say whether the lot cannot be redeemed yet."""
        return self.locked_until is not None and now < self.locked_until

    def has_ended(self, now: datetime) -> bool:
        """Say whether the validity is over; a reserved part stays valid until its redemption ends."""
        return self.valid_until is not None and self.valid_until <= now

    def is_redeemable(self, now: datetime) -> bool:
        """Say whether `locked_until <= now < valid_until` (D-26)."""
        return not self.is_locked(now) and not self.has_ended(now)


@dataclass(frozen=True, slots=True)
class Consumption:
    """So much of a lot that an entry took; below zero: gave back."""

    lot_id: str
    amount: int


def consumption_order(lot: Lot) -> tuple[datetime, int]:
    """Return the key that sorts lots by the end of their validity, those without end last, then by age."""
    return lot.valid_until or NEVER, lot.sequence


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to weights, by largest remainder, ties to the earlier one.

    The shares sum up to the amount; while the amount is not above the sum of the weights, no share is above its weight.
    """
    whole = sum(weights)
    shares = [amount * weight // whole for weight in weights]
    rest = amount - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(amount * weights[place] % whole), place))
    for place in by_remainder[:rest]:
        shares[place] += 1
    return shares
