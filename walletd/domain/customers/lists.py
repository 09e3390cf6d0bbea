"""Lists of customers: what they can be narrowed to, what stands above them, what is done to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.customers import ORIGINS, LoyaltyStatus
from walletd.domain.errors import Conflict
from walletd.domain.validation import check_choice, invalid

UNDO_FOR: Final = timedelta(hours=24)


class DeactivationNotUndoable(Conflict):
    """A deactivation of many customers can be undone for 24 hours."""

    code = "deactivation_not_undoable"


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Which customers a list holds; None does not narrow it."""

    crm_active: bool | None = None
    loyalty_status: str | None = None
    redeem_blocked: bool | None = None
    opt_in: str | None = None
    origin: str | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no customer can have."""
        if self.loyalty_status is not None:
            check_choice(LoyaltyStatus, self.loyalty_status, "/loyalty_status")
        if self.opt_in is not None:
            check_choice(OptInState, self.opt_in, "/opt_in")
        if self.origin is not None and self.origin not in ORIGINS:
            raise invalid("/origin", f"must be one of {', '.join(ORIGINS)}")


@dataclass(frozen=True, slots=True)
class Tiles:
    """What stands above a list of customers, counted over all that the list holds (D-34)."""

    customers: int
    transactions: int
    reviews: int
    overall_rating: float | None
    """The mean of the reviews, from 1 to 5; None where there is none."""


@dataclass(frozen=True, slots=True)
class BulkDeactivation:
    """Customers who were taken out of lists and newsletters together, for they had not consented (D-17)."""

    id: str
    created_at: datetime
    undone_at: datetime | None = None

    @property
    def undo_until(self) -> datetime:
        """Return the first instant at which it can no longer be undone."""
        return self.created_at + UNDO_FOR

    def check_undoable(self, now: datetime) -> None:
        """Raise DeactivationNotUndoable where it is too old; one that was undone in part may be finished."""
        if now >= self.undo_until:
            raise DeactivationNotUndoable("It can be undone for 24 hours; this one is older.")
