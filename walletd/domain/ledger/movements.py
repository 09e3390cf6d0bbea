"""Bookings: what a till asks to book, what the rules look at, and the movement they decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Booking:
    """What a till or back end asks to book on a card; texts stay as sent, so that the request can be hashed."""

    card: str
    type: str
    amount: int | None = None
    purchase_total: int | None = None
    locked_until: str | None = None
    valid_until: str | None = None
    reference: str | None = None
    reason: str | None = None
    campaign: str | None = None
    reward: str | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """What the rules look at of an account."""

    total: int
    redeemable: int
    turnover: int
    carry: int
    tier: str | None
    member_until: datetime | None


@dataclass(frozen=True, slots=True)
class Movement:
    """A decided change of one account: positive amounts come in from the merchant's account, negative ones go out."""

    kind: str
    amount: int
    merchant_account: str
    turnover: int = 0
    carry: int = 0
    """The carry after the movement."""
    tier: str | None = None
    member_until: datetime | None = None
    locked_until: datetime | None = None
    valid_until: datetime | None = None
    terms: str | None = None
    """The rule values that earned it, as compact JSON: a later return is worked out with them."""

    @property
    def takes(self) -> bool:
        """Say whether value leaves the account."""
        return self.amount < 0
