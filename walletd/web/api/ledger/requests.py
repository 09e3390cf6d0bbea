"""The bodies that the API takes about the ledger.

Unknown fields are refused: a misspelt one must not be without effect in silence.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.bookings.commands import Reverse
from walletd.domain.ledger.movements import Booking
from walletd.web.api.fields import Amount, Note, Total


class TransactionNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """A transaction to book; which types there are, and which fields belong to them, depends on the kind of card."""

    card: Annotated[str, Meta(min_length=1, max_length=90, description="Serial number or key, or what a scanner read.")]
    type: Annotated[
        Literal["credit", "debit", "purchase", "reward", "visit", "coupon", "tier"],
        Meta(description="credit and debit take amount, purchase takes purchase_total, tier takes tier."),
    ]
    amount: Amount | None = None
    purchase_total: Total | None = None
    locked_until: (
        Annotated[str, Meta(max_length=40, description="Date or instant from which it is redeemable.")] | None
    ) = None
    valid_until: Annotated[str, Meta(max_length=40, description="Date or instant at which it expires.")] | None = None
    reward: Annotated[str, Meta(max_length=40, description="Which reward; else the program's own.")] | None = None
    tier: Annotated[str, Meta(max_length=40, description="The tier a membership changes to, or renews.")] | None = None
    campaign: Note | None = None
    reference: Note | None = None
    reason: Note | None = None

    def as_domain(self) -> Booking:
        """Return the same as the services take it."""
        return Booking(**msgspec.structs.asdict(self))


class RedemptionNew(Struct, forbid_unknown_fields=True, kw_only=True):
    """An amount of a card's account to hold for exactly 15 minutes."""

    card: Annotated[str, Meta(min_length=1, max_length=90, description="Serial number or key, or what a scanner read.")]
    amount: Amount
    reference: Note | None = None


class RedemptionCapture(Struct, forbid_unknown_fields=True, kw_only=True):
    """What of a redemption is taken; without `amount` all of it."""

    amount: Amount | None = None


class Reversal(Struct, forbid_unknown_fields=True, kw_only=True):
    """What of a transaction is taken back: all that is left of it, or a part.

    A part is named by `purchase_total` for a purchase, by `amount` for anything else.
    """

    amount: Amount | None = None
    purchase_total: Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="Value of the returned goods.")] | None = None
    reference: Note | None = None
    reason: Note | None = None

    def as_domain(self, transaction_id: str) -> Reverse:
        """Return the same as the services take it."""
        return Reverse(transaction_id, self.amount, self.purchase_total, self.reference, self.reason)
