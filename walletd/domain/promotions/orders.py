"""Orders and credit notes of a customer, as the system that took them reports them (C-24, S4-024 to S4-036).

They are records: what they say of points was booked by whoever reports them, and is not booked again here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from walletd.domain.errors import Conflict
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.validation import check_note, invalid

ORDER, CREDIT_NOTE = "order", "credit_note"
TYPES: Final = (ORDER, CREDIT_NOTE)
_AHEAD: Final = timedelta(days=1)
"""Clocks of shops differ by time zones that nobody set; more than that is a mistake."""


class OrderExists(Conflict):
    """There is an order of this source, reference and type already, and it says something else."""

    code = "order_exists"


@dataclass(frozen=True, slots=True)
class OrderPoints:
    """What an order earned, by kind, and what was redeemed in it; whole points (S4-030 to S4-034)."""

    order: int = 0
    turnover: int = 0
    category: int = 0
    variant: int = 0
    redeemed: int = 0


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A position; money in minor units of the order's currency."""

    name: str
    quantity: int
    total: int
    sku: str | None = None
    category: str | None = None
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What is reported; of a credit note all figures are positive, too."""

    source: str
    """The system that it comes from."""
    ref_id: str
    """Its id there; with source and type there is one."""
    type: str
    total: int
    """In minor units of the currency."""
    currency: str
    ordered_at: datetime
    points: OrderPoints = field(default_factory=OrderPoints)
    billing_address: Mapping[str, str] = field(default_factory=dict)
    delivery_address: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[OrderLine, ...] = ()
    transactions: tuple[str, ...] = ()
    """Ids of the transactions that booked its points."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as stored; `number` counts the orders of a merchant from 1."""

    id: str
    merchant_id: str
    number: int
    customer_id: str
    content: NewOrder
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders are wanted; None does not narrow them."""

    customer_ids: tuple[str, ...] | None = None
    source: str | None = None
    type: str | None = None
    ref_id: str | None = None


def check_order(new: NewOrder, now: datetime) -> NewOrder:
    """Return the order; raises ValidationFailed with a pointer to what cannot be."""
    for name in ("source", "ref_id"):
        text = getattr(new, name)
        if not text.strip():
            raise invalid(f"/{name}", "must not be blank")
        check_note(text, f"/{name}")
    if new.type not in TYPES:
        raise invalid("/type", f"must be one of {', '.join(TYPES)}")
    if new.ordered_at > now + _AHEAD:
        raise invalid("/ordered_at", "lies in the future")
    _check_figures(new)
    for index, line in enumerate(new.lines):
        for name in ("name", "sku", "category", "variant"):
            check_note(getattr(line, name), f"/lines/{index}/{name}")
    for kind in ("billing_address", "delivery_address"):
        for name, text in getattr(new, kind).items():
            check_note(text, f"/{kind}/{name}")
    return new


def _check_figures(new: NewOrder) -> None:
    figures = {"/total": new.total}
    figures |= {f"/points/{name}": getattr(new.points, name) for name in OrderPoints.__slots__}
    for index, line in enumerate(new.lines):
        figures |= {f"/lines/{index}/quantity": line.quantity, f"/lines/{index}/total": abs(line.total)}
    for pointer, figure in figures.items():
        if not 0 <= figure <= AMOUNT_MAX:
            raise invalid(pointer, f"must be a whole number from 0 to {AMOUNT_MAX}")
