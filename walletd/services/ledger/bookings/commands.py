"""Commands on their way into a batch: what is to be done, who asked for it, and the key that lets it happen once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, get_args

from walletd.domain.ledger.bookings.commands import Book, Work
from walletd.domain.ledger.movements import Booking
from walletd.domain.merchants.principals import Principal
from walletd.services.idempotency import Protected


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
