"""What can be done to the books, as values: each becomes one answer, whichever batch it lands in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, get_args

from walletd.domain.ledger.bookings import Booking
from walletd.domain.merchants.principals import Principal
from walletd.services.idempotency import Protected


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
class Settle:
    """Book what time did to an account."""

    account_id: str


Work = Book | Reserve | Capture | Release | Reverse | Settle


@dataclass(frozen=True, slots=True)
class Command:
    """A piece of work, who asked for it, and the key that lets it happen only once."""

    by: Principal
    work: Work
    protected: Protected | None = None


def protected(by: Principal, route: str, key: str, work: Work) -> Protected:
    """Return the request of a piece of work under its key."""
    asked = work.booking if isinstance(work, Book) else work
    return Protected(by, route, key, {name: getattr(asked, name) for name in _NAMES[type(asked)]})


_NAMES: Final = {kind: tuple(field.name for field in fields(kind)) for kind in (Booking, *get_args(Work))}
