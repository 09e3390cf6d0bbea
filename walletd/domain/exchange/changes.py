"""What imports and exports did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from walletd.domain.cards.changes import OfCard
from walletd.domain.changes import OfRow


class CardImported(OfCard):
    """An import made a card; the audit entry is that of its customer."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CustomerImported(OfRow):
    """A row of an import made or changed a customer, or gave it a card."""

    details: Mapping[str, object]
    is_update: bool
    """Whether it was known before, so that its cards may show something else."""

    @property
    def updated(self) -> Sequence[str]:
        """Return the customer, if its cards may show something else."""
        return (self.id,) if self.is_update else ()


@dataclass(frozen=True, slots=True)
class ImportCommitted(OfRow):
    """A validated file is to be booked."""

    rows: int
    booked: int


@dataclass(frozen=True, slots=True)
class ListExported(OfRow):
    """A list was downloaded: of a program, or of the whole merchant; `list` is `customers` or `transactions`."""

    list: str
