"""Merge requests: a customer asks for two customer records to become one (D2.3.4, D-28)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from walletd.domain.customers.matching import email_key
from walletd.domain.errors import Conflict

OFF, SAME_EMAIL, CONFIRMED_BY_MAIL = "off", "same_email", "confirmed"
POLICIES: Final = (OFF, SAME_EMAIL, CONFIRMED_BY_MAIL)
"""What a merchant allows: nothing; one person with one e-mail address; anybody whom the second address confirms."""

CONFIRM_WITHIN: Final = timedelta(days=7)
NEW_REMARK: Final = "Neuer Eintrag"
"""What a request says that was filed without a remark (S4-059)."""


class MergeRequestState(StrEnum):
    """How far a merge request is."""

    OPEN = "open"
    AWAITING = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    """Nobody confirmed it in time."""


UNDECIDED: Final = (MergeRequestState.OPEN, MergeRequestState.AWAITING, MergeRequestState.CONFIRMED)


class MergeRequestRefused(Conflict):
    """The policy of the shop does not allow this request; see `walletd merchant set --merge-requests`."""

    code = "merge_request_refused"


class MergeRequestOpen(Conflict):
    """There is an undecided request about these two customers already."""

    code = "merge_request_open"


class MergeRequestUnconfirmed(Conflict):
    """The second e-mail address has not confirmed this request yet, so it cannot be approved."""

    code = "merge_request_unconfirmed"


class MergeRequestDecided(Conflict):
    """This request was approved or rejected before, or nobody confirmed it in time."""

    code = "merge_request_decided"


def address_mark(email: str | None) -> str:
    """Return what an e-mail address is recognised by, without naming it."""
    return hashlib.sha256((email_key(email) or "").encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A request; `requested_by` becomes the main account, `requested_for` is integrated into it (S4-057, S4-058)."""

    id: str
    merchant_id: str
    requested_by: str
    requested_for: str
    remark: str
    state: MergeRequestState
    created_at: datetime
    confirm_until: datetime | None = None
    """Until when the second address may confirm; None where it does not have to."""
    confirmed_at: datetime | None = None
    decided_at: datetime | None = None
    merge_id: str | None = None
    """The merge that the approval made."""
    asked_address: str | None = None
    """What the address that was asked to confirm is recognised by, see `address_mark`."""

    def at(self, now: datetime) -> MergeRequest:
        """Return the request as it is at an instant: one that nobody confirmed in time has expired by itself."""
        if self.state == MergeRequestState.AWAITING and self.confirm_until is not None and self.confirm_until <= now:
            return replace(self, state=MergeRequestState.EXPIRED, decided_at=self.confirm_until)
        return self

    def confirmed(self, now: datetime) -> MergeRequest:
        """Return the request after the second address agreed; agreeing twice changes nothing.

        Raises MergeRequestDecided.
        """
        present = self.undecided(now)
        if present.state != MergeRequestState.AWAITING:
            return present
        return replace(present, state=MergeRequestState.CONFIRMED, confirmed_at=now)

    def rejected(self, remark: str | None, now: datetime) -> MergeRequest:
        """Return the request after somebody declined it; raises MergeRequestDecided."""
        return replace(
            self.undecided(now), state=MergeRequestState.REJECTED, decided_at=now, remark=remark or self.remark
        )

    def approved(self, merge_id: str, now: datetime) -> MergeRequest:
        """Return the request after the two became one."""
        return replace(self, state=MergeRequestState.APPROVED, decided_at=now, merge_id=merge_id)

    def can_confirm(self, email: str | None) -> bool:
        """Say whether the link that was mailed is still that of the second customer: it is not once they moved."""
        return self.asked_address is None or self.asked_address == address_mark(email)

    def check_approvable(self, now: datetime) -> None:
        """Raise MergeRequestDecided, or MergeRequestUnconfirmed while the second address has not confirmed."""
        if self.undecided(now).state == MergeRequestState.AWAITING:
            until = self.confirm_until.isoformat() if self.confirm_until is not None else ""
            raise MergeRequestUnconfirmed(confirm_until=until)

    def undecided(self, now: datetime) -> MergeRequest:
        """Return the request as it is at an instant; raises MergeRequestDecided."""
        present = self.at(now)
        if present.state not in UNDECIDED:
            raise MergeRequestDecided(f"This request is {present.state}.", state=present.state)
        return present
