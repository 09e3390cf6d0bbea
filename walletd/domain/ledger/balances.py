"""Balances: the stored state of an account, and the figures that are shown of it (D2.4).

An account is worth what its entries sum up to. Beside that sum it keeps what could be worked out from its entries but
is needed at every booking; the nightly proof works it out again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from walletd.domain.ledger.lots import Lot

AMOUNT_MAX: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact; no amount and no balance goes beyond."""

EXPIRING_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class AccountState:
    """One customer's account in one program, with the head of its chain of entries."""

    id: str
    merchant_id: str
    program_id: str
    customer_id: str
    unit: str
    currency: str | None
    head_hash: str
    sequence: int = 0
    balance: int = 0
    """The sum of its active entries. Below zero only by `debt`."""
    collected: int = 0
    expired: int = 0
    reserved: int = 0
    """Held by open redemptions; part of the balance."""
    debt: int = 0
    """What credit notes asked back beyond what was left; the next credits pay it first."""
    unallocated: int = 0
    """Debits that were tied to no lot (D-24, compatibility)."""
    turnover: int = 0
    """Purchases less returns, in minor units."""
    carry: int = 0
    """Minor units of purchases that did not make a whole point yet."""
    tier: str | None = None
    """The membership tier that was set by hand."""
    member_until: datetime | None = None
    due_at: datetime | None = None
    """Not later than the next moment at which time alone changes the account: an expiry, unlocking, a reservation's
    end."""
    next_expiry: datetime | None = None
    """Not later than the first end of validity among what is held."""
    last_unlock: datetime | None = None
    """Not earlier than the last end of a lock."""
    fault: str | None = None
    """What the proof found wrong; while it is there nothing can be redeemed (I-01)."""
    merged_into: str | None = None
    """The account that goes on for this one after a merge; whoever books here books there."""

    @property
    def held(self) -> int:
        """Return what the lots hold together."""
        return self.balance + self.debt + self.unallocated


@dataclass(frozen=True, slots=True)
class Balances:
    """The balances of an account at one instant, all in its unit."""

    collected: int
    expired: int
    expiring_30_days: int
    total: int
    locked: int
    redeemable: int
    reserved: int
    debt: int
    expires_next: datetime | None
    """When the next of what is held expires, and how much: `expiring_next`."""
    expiring_next: int


def balances_at(account: AccountState, lots: Iterable[Lot], now: datetime) -> Balances:
    """Return the balances at an instant to which the account was advanced.

    `lots` holds at least those that are locked at `now` or end within 30 days after it.
    """
    locked = expiring = expiring_next = 0
    expires_next: datetime | None = None
    for lot in lots:
        if not lot.remaining:
            continue
        if lot.is_locked(now):
            locked += lot.remaining
        ends = lot.valid_until
        if ends is None or ends <= now:
            continue
        if ends - now <= EXPIRING_SOON:
            expiring += lot.remaining
        if expires_next is None or ends < expires_next:
            expires_next, expiring_next = ends, 0
        if ends == expires_next:
            expiring_next += lot.remaining
    redeemable = account.held - locked - account.reserved - account.unallocated
    return Balances(
        collected=account.collected,
        expired=account.expired,
        expiring_30_days=expiring,
        total=locked + redeemable - account.debt,
        locked=locked,
        redeemable=redeemable,
        reserved=account.reserved,
        debt=account.debt,
        expires_next=expires_next,
        expiring_next=expiring_next,
    )
