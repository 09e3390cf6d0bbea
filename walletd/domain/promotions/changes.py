"""Changes of orders."""

from __future__ import annotations

from dataclasses import dataclass

from walletd.domain.changes import OfRow


@dataclass(frozen=True, slots=True)
class OrderReported(OfRow):
    """A shop reported an order or a credit note."""

    customer_id: str
