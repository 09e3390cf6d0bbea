"""Cards: what a customer holds of a program, and which bookings its state and the customer's flags allow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from walletd.domain.customers.customers import LoyaltyStatus, NewCustomer
from walletd.domain.customers.merges import CardMerged
from walletd.domain.errors import CardIsDeleted, CardIsRevoked, LoyaltySuspended, RedemptionBlocked


class CardStatus(StrEnum):
    """How far a card is: on a phone, not yet or no more, or void."""

    ISSUED = "issued"
    INSTALLED = "installed"
    UNINSTALLED = "uninstalled"
    REVOKED = "revoked"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Card:
    """A card: its serial number never changes, its key can be rewritten."""

    serial_number: str
    merchant_id: str
    program_id: str
    customer_id: str
    account_id: str
    key: str
    holder_name: str | None
    status: CardStatus
    token_version: int
    created_at: datetime
    merged_into: str | None = None
    """The serial number of the card that goes on for this one; the pass of both shows the same."""
    message: str | None = None
    """The newest message to its holder."""


@dataclass(frozen=True, slots=True)
class NewCard:
    """What is asked for when a card is issued: of an existing customer, or of one created with it."""

    program_id: str
    customer_id: str | None = None
    customer: NewCustomer | None = None
    key: str | None = None
    holder_name: str | None = None
    account_of: str | None = None

    def asked(self) -> dict[str, object]:
        """Return what was asked for, as an idempotency key is bound to it: the number is among the customer's details.

        Releases before this one hashed it so; a request that is repeated after an update is the same one still.
        """
        customer = self.customer
        flat = None if customer is None else {"number": customer.number, **asdict(customer.details)}
        return {**asdict(self), "customer": flat}


@dataclass(frozen=True, slots=True)
class BookableCard:
    """What decides whether a card can be booked on."""

    serial_number: str
    merchant_id: str
    account_id: str
    status: CardStatus
    loyalty_status: LoyaltyStatus
    redeem_blocked: bool
    merged_into: str | None = None


def check_may_book(card: BookableCard, *, takes: bool) -> None:
    """Raise CardMerged, CardIsRevoked, CardIsDeleted, LoyaltySuspended or, where value is taken, RedemptionBlocked.

    Clause: D-16; B14 and B15.
    """
    if card.merged_into is not None:
        raise CardMerged(
            f"This card was merged into the card {card.merged_into}; book on that one.",
            serial_number=card.merged_into,
        )
    if card.status == CardStatus.REVOKED:
        raise CardIsRevoked
    if card.status == CardStatus.DELETED:
        raise CardIsDeleted
    if card.loyalty_status != LoyaltyStatus.ACTIVE:
        raise LoyaltySuspended
    if takes and card.redeem_blocked:
        raise RedemptionBlocked
