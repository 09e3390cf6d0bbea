"""Merging: two customers turn out to be one (D-03, D-29, D2.3.5); what that means, and its errors.

The *identity survivor* goes on as customer; the *number survivor* is the one whose card number goes on, which the till
knows; the *absorbed* customer ends. Where both have an account in one program that collects, the accounts are joined;
what is a thing of its own, such as a voucher, only changes its owner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from walletd.domain.customers.consent import OptIn
from walletd.domain.customers.customers import ORIGINS, LoyaltyStatus
from walletd.domain.errors import Conflict, ValidationFailed
from walletd.domain.identifiers import KeyState
from walletd.domain.outbox.tills import TillState

UNDO_FOR: Final = timedelta(days=30)


class MergeState(StrEnum):
    """Whether a merge stands."""

    COMMITTED = "committed"
    UNDONE = "undone"


class MergeSelf(ValidationFailed):
    """A customer cannot be merged into itself, and the survivors must be the customers of the merge."""

    code = "merge_self"


class CardMerged(Conflict):
    """The card or customer was merged into another one, which the answer names."""

    code = "card_merged"


class RedemptionOpen(Conflict):
    """A till holds a part of the account; wait until the redemption is captured, released or over."""

    code = "redemption_open"


class MergeNotUndoable(Conflict):
    """This merge cannot be undone: it was before, is too old, or another merge was built on it."""

    code = "merge_not_undoable"


@dataclass(frozen=True, slots=True)
class MergePlan:
    """Which customers are to become one."""

    identity_survivor: str
    number_survivor: str
    absorbed: str
    reason: str | None = None

    def check(self) -> MergePlan:
        """Return the plan; raises MergeSelf."""
        if self.identity_survivor == self.absorbed:
            raise MergeSelf(
                "identity_survivor and absorbed are the same customer.",
                errors=[{"pointer": "/absorbed", "detail": "must be another customer than identity_survivor"}],
            )
        if self.number_survivor not in {self.identity_survivor, self.absorbed}:
            raise MergeSelf(
                "number_survivor is neither of the two customers.",
                errors=[{"pointer": "/number_survivor", "detail": "must be identity_survivor or absorbed"}],
            )
        return self


@dataclass(frozen=True, slots=True)
class MovedLot:
    """What became of one lot of an absorbed account; `amount` is what went over.

    `tied` is what debits that were tied to no lot took of it, `paid` the part that paid the other account's debt.
    """

    from_lot: str
    to_lot: str | None
    amount: int
    tied: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class JoinedAccounts:
    """What a merge moved from one account to another, beside the lots; enough to move it back."""

    program_id: str
    from_account: str
    into_account: str
    total: int
    debt: int
    turnover: int
    carry: int
    debt_entry: str | None
    """The entry by which the surviving account took the debt over."""
    tier_before: str | None
    tier_after: str | None
    member_until_before: datetime | None
    member_until_after: datetime | None
    forwarded: tuple[str, ...] = ()
    """Accounts that had been merged into the absorbed one before."""


@dataclass(frozen=True, slots=True)
class KeyMove:
    """A key that leads elsewhere since the merge, and where it led before, in which state."""

    key: str
    serial_number: str
    state: KeyState


@dataclass(frozen=True, slots=True)
class CardMove:
    """A card that a merge touched, as it was before."""

    serial_number: str
    account_id: str
    customer_id: str
    key: str
    key_after: str
    merged_into: str | None


@dataclass(frozen=True, slots=True)
class Journal:
    """Everything a merge changed, as it was before: what undoing needs (D2.3.5)."""

    joined: tuple[JoinedAccounts, ...] = ()
    owned: tuple[str, ...] = ()
    """Accounts that only changed their owner."""
    cards: tuple[CardMove, ...] = ()
    keys: tuple[KeyMove, ...] = ()
    customers: tuple[str, ...] = ()
    """Customers that had been merged into the absorbed one before."""
    redeem_blocked: bool = False
    loyalty_status: LoyaltyStatus = LoyaltyStatus.ACTIVE
    """The flags of the identity survivor before the merge."""
    origins: tuple[str, ...] | None = None
    opt_in: OptIn | None = None
    """Its origins and consent before the merge; None in journals that do not tell, as those merges left both alone."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge as stored."""

    id: str
    merchant_id: str
    plan: MergePlan
    actor: str
    state: MergeState
    journal: Journal
    created_at: datetime
    undone_at: datetime | None = None
    till: TillState | None = None
    """None where none is connected."""

    @property
    def undo_until(self) -> datetime:
        """Return the first instant at which it can no longer be undone."""
        return self.created_at + UNDO_FOR

    def check_undoable(self, now: datetime) -> None:
        """Raise MergeNotUndoable where it was undone before or is too old."""
        if self.state != MergeState.COMMITTED:
            raise MergeNotUndoable("This merge was undone before.")
        if now >= self.undo_until:
            raise MergeNotUndoable("A merge can be undone for 30 days; this one is older.")


def stricter(statuses: Sequence[LoyaltyStatus]) -> LoyaltyStatus:
    """Return the loyalty status that goes on: what was suspended for one is not freed by a merge."""
    return LoyaltyStatus.of(active=LoyaltyStatus.SUSPENDED not in statuses)


def all_origins(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """Return where a person of two customers came from (D-49)."""
    return tuple(name for name in ORIGINS if name in one or name in other)


def newer_consent(one: OptIn, other: OptIn) -> OptIn:
    """Return the consent with the newest step: what a person said last counts, on whichever account."""
    return other if _last_step(other) > _last_step(one) else one


def _last_step(opt_in: OptIn) -> float:
    moments = (opt_in.sent_at, opt_in.confirmed_at, opt_in.revoked_at)
    return max((moment.timestamp() for moment in moments if moment is not None), default=0.0)


def better_tier(tiers: Sequence[str], one: str | None, other: str | None) -> str | None:
    """Return the higher of two tiers that were set by hand; `tiers` holds the names in rising order."""
    rank: Mapping[str | None, int] = {name: place for place, name in enumerate(tiers, start=1)}
    return one if rank.get(one, 0) >= rank.get(other, 0) else other
