"""Changes of cards and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from walletd.domain.cards.cards import Card
from walletd.domain.cards.keys import OldKey
from walletd.domain.changes import Change, OfRow


@dataclass(frozen=True, slots=True)
class OfCard(Change):
    """A change of a card."""

    card: Card

    @property
    def serial_number(self) -> str:
        """Return which card."""
        return self.card.serial_number

    @property
    def program_id(self) -> str:
        """Return the card's program."""
        return self.card.program_id

    @property
    def customer_id(self) -> str:
        """Return whose card it is."""
        return self.card.customer_id

    @property
    def account_id(self) -> str:
        """Return the card's account."""
        return self.card.account_id


class CardIssued(OfCard):
    """A card was made."""

    __slots__ = ()


class CardInstalled(OfCard):
    """A card came onto a phone."""

    __slots__ = ()


class CardUninstalled(OfCard):
    """A card left the last phone it was on."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CardRevoked(OfCard):
    """Nothing is booked on the card any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class CardReinstated(OfCard):
    """A revoked card is what it was before."""

    reason: str


@dataclass(frozen=True, slots=True)
class CardDeleted(OfCard):
    """A card ended for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class CardKeyRewritten(OfCard):
    """A card has another key; `shown_by` are the serial numbers of all cards whose pass shows it."""

    reason: str
    old_key: OldKey
    shown_by: Sequence[str]


@dataclass(frozen=True, slots=True)
class CardMessageSent(Change):
    """The holder of a card was sent a message."""

    serial_number: str
    message_id: str


@dataclass(frozen=True, slots=True)
class ProgramCreated(OfRow):
    """A merchant offers another kind of card."""

    kind: str


class ProgramChanged(OfRow):
    """Name or rules of a program changed; its cards are marked in steps, see `services/delivery/republishing.py`."""

    __slots__ = ()
