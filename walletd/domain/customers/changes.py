"""Changes of customers, and of what is asked and decided about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from walletd.domain.changes import Change, OfRow
from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.merge_requests import MergeRequest
from walletd.domain.customers.merges import Merge


class CustomerCreated(OfRow):
    """A customer was taken into the master data."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CustomerChanged(OfRow):
    """Details of a customer changed; `fields` names them."""

    fields: Sequence[str]


@dataclass(frozen=True, slots=True)
class CustomerFlagged(OfRow):
    """A flag of a customer changed: its name and its new value."""

    flag: Mapping[str, object]


class CustomerExported(OfRow):
    """Somebody asked for all that is known of a customer."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CustomerErased(Change):
    """A person was erased, with the customers that had been merged into it; their cards are void."""

    customer_id: str
    customers: Sequence[str]
    cards: Sequence[str]


@dataclass(frozen=True, slots=True)
class OptInChanged(OfRow):
    """A customer was asked for consent, gave it or revoked it."""

    state: OptInState


class CustomersDeactivated(OfRow):
    """All customers without consent were taken out of lists and newsletters."""

    __slots__ = ()


class CustomersReactivated(OfRow):
    """Such a deactivation was undone."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class DuplicateDismissed(OfRow):
    """Two customers who look alike are different persons."""

    older: str
    newer: str


@dataclass(frozen=True, slots=True)
class OfMergeRequest(Change):
    """A change of a merge request."""

    request: MergeRequest

    @property
    def id(self) -> str:
        """Return which request."""
        return self.request.id

    @property
    def requested_by(self) -> str:
        """Return the customer who asks."""
        return self.request.requested_by

    @property
    def requested_for(self) -> str:
        """Return the customer to be integrated."""
        return self.request.requested_for


class MergeRequestFiled(OfMergeRequest):
    """A customer asked for a merge."""

    __slots__ = ()


class MergeRequestConfirmed(OfMergeRequest):
    """The second address agreed."""

    __slots__ = ()


class MergeRequestRejected(OfMergeRequest):
    """The second address or staff said no."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OfMerge(Change):
    """A merge or its undoing; a till knows customers by their numbers, and has to merge these two as well (S0-057)."""

    merge: Merge
    survivor_number: int
    absorbed_number: int

    @property
    def merge_id(self) -> str:
        """Return which merge."""
        return self.merge.id

    @property
    def identity_survivor(self) -> str:
        """Return the customer who goes on."""
        return self.merge.plan.identity_survivor

    @property
    def number_survivor(self) -> str:
        """Return the customer whose number goes on."""
        return self.merge.plan.number_survivor

    @property
    def absorbed(self) -> str:
        """Return the customer who was merged into the other one."""
        return self.merge.plan.absorbed

    @property
    def reason(self) -> str | None:
        """Return why, where somebody said it."""
        return self.merge.plan.reason

    @property
    def both(self) -> Sequence[str]:
        """Return both customers: every card of them shows something else."""
        return self.identity_survivor, self.absorbed


class CustomersMerged(OfMerge):
    """Two customers are one."""

    __slots__ = ()


class MergeUndone(OfMerge):
    """They are two again."""

    __slots__ = ()
