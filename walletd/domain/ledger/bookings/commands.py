"""Commands: what can be done to the books, as values."""

from __future__ import annotations

from dataclasses import dataclass

from walletd.domain.ledger.movements import Booking


@dataclass(frozen=True, slots=True)
class Book:
    """Book a transaction on a card."""

    booking: Booking


@dataclass(frozen=True, slots=True)
class Reserve:
    """Hold an amount of a card's account for 15 minutes."""

    card: str
    amount: int
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Take what a redemption holds, or a part of it."""

    code: str
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Give back what a redemption holds."""

    code: str


@dataclass(frozen=True, slots=True)
class Reverse:
    """Take back a transaction, or a part of its amount or of its purchase."""

    transaction_id: str
    amount: int | None = None
    purchase_total: int | None = None
    reference: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """Book what time did to an account."""

    account_id: str


Work = Book | Reserve | Capture | Release | Reverse | Advance
