"""Orders and credit notes that other systems reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
    update,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, reference
from walletd.db.engine.pages import Listing, contains, fetch_page
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.pages import Page, PageRequest
from walletd.domain.promotions.orders import NewOrder, Order, OrderFilter, OrderLine, OrderPoints

orders = Table(
    "orders",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("number", BigInteger, nullable=False),
    Column("customer_id", String(30), nullable=False),
    Column("source", Text, nullable=False),
    Column("ref_id", Text, nullable=False),
    Column("type", String(16), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("ordered_at", BigInteger, nullable=False),
    *(Column(f"points_{kind}", BigInteger, nullable=False) for kind in OrderPoints.__slots__),
    Column("billing_address", JSON, nullable=False),
    Column("delivery_address", JSON, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("transactions", JSON, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    reference("customers", "customer_id"),
    UniqueConstraint("merchant_id", "source", "ref_id", "type"),
    UniqueConstraint("merchant_id", "number"),
    Index(None, "customer_id", "number"),
    Index(None, "merchant_id", "ordered_at", "id"),
    Index(None, "merchant_id", "total", "id"),
)

_SORTS: Final = {name: orders.c[name] for name in ("number", "ordered_at", "total", "ref_id")}


def insert(tx: Tx, order: Order) -> None:
    """Store an order."""
    content = order.content
    values = asdict(content)
    points: Mapping[str, int] = values.pop("points")
    values |= {f"points_{kind}": count for kind, count in points.items()}
    values |= {"ordered_at": milliseconds(content.ordered_at), "transactions": list(content.transactions)}
    row = {
        "id": order.id,
        "merchant_id": order.merchant_id,
        "number": order.number,
        "customer_id": order.customer_id,
        "search_text": f"{order.number} {content.ref_id} {content.source}".casefold(),
        "created_at": milliseconds(order.created_at),
    }
    tx.execute(orders.insert(), row | values | {"lines": list(values["lines"])})


def find(tx: Tx, merchant_id: str, order_id: str) -> Order | None:
    """Return a merchant's order."""
    query = select(orders).where(orders.c.id == order_id, orders.c.merchant_id == merchant_id)
    row = tx.execute(query).one_or_none()
    return None if row is None else _order(row)


def find_reported(tx: Tx, merchant_id: str, source: str, ref_id: str, kind: str) -> Order | None:
    """Return the order that a source reported under its own id."""
    query = select(orders).where(
        orders.c.merchant_id == merchant_id,
        orders.c.source == source,
        orders.c.ref_id == ref_id,
        orders.c.type == kind,
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else _order(row)


def page(tx: Tx, merchant_id: str, request: PageRequest, chosen: OrderFilter) -> Page[Order]:
    """Return a page of orders, the newest number first unless asked otherwise."""
    query = select(orders).where(orders.c.merchant_id == merchant_id)
    if chosen.customer_ids is not None:
        query = query.where(orders.c.customer_id.in_(list(chosen.customer_ids)))
    for name in ("source", "type", "ref_id"):
        if getattr(chosen, name) is not None:
            query = query.where(orders.c[name] == getattr(chosen, name))
    listing = Listing(_SORTS, orders.c.id, _order, "-number", lambda text: contains(orders.c.search_text, text))
    return fetch_page(tx, query, request, listing)


def forget_addresses(tx: Tx, customer_ids: Collection[str]) -> None:
    """Take the addresses out of the orders of customers who were erased; what was bought stays."""
    cleared = update(orders).where(orders.c.customer_id.in_(list(customer_ids)))
    tx.execute(cleared.values(billing_address={}, delivery_address={}))


def _order(row: Row[Any]) -> Order:
    content = NewOrder(
        source=row.source,
        ref_id=row.ref_id,
        type=row.type,
        total=row.total,
        currency=row.currency,
        ordered_at=from_milliseconds(row.ordered_at),
        points=OrderPoints(**{kind: getattr(row, f"points_{kind}") for kind in OrderPoints.__slots__}),
        billing_address=row.billing_address,
        delivery_address=row.delivery_address,
        lines=tuple(OrderLine(**line) for line in row.lines),
        transactions=tuple(row.transactions),
    )
    created_at = from_milliseconds(row.created_at)
    return Order(
        id=row.id,
        merchant_id=row.merchant_id,
        number=row.number,
        customer_id=row.customer_id,
        content=content,
        created_at=created_at,
    )
