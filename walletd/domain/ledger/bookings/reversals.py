"""Reversals: what was taken back of a transaction, and what of it is left to take back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.ledger.lots import Consumption


@dataclass(frozen=True, slots=True)
class Reversed:
    """What was taken back of a transaction: of its purchase in minor units, and of its amount."""

    purchase_total: int = 0
    amount: int = 0

    def plus(self, other: Reversed) -> Reversed:
        """Return what both took back together."""
        return Reversed(self.purchase_total + other.purchase_total, self.amount + other.amount)


@dataclass(frozen=True, slots=True)
class Original:
    """A transaction that is to be reversed, with its entry and what was taken back before."""

    transaction: Transaction
    entry: Entry | None
    consumptions: tuple[Consumption, ...]
    """What the entry took of which lot, less what earlier reversals gave back."""
    reversed: Reversed

    def after(self, part: Reversed, given_back: Sequence[Consumption]) -> Original:
        """Return the same after one more reversal, so that the next one in the batch sees it."""
        left = {taken.lot_id: taken.amount for taken in self.consumptions}
        for item in given_back:
            if item.lot_id in left:
                left[item.lot_id] += item.amount
        return replace(
            self,
            consumptions=tuple(Consumption(lot_id, amount) for lot_id, amount in left.items() if amount),
            reversed=self.reversed.plus(part),
        )
