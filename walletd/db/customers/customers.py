"""Customers: a merchant's master data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Row,
    Select,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    select,
    update,
)

from walletd.db.engine.base import Tx, locked, merchant_column, metadata, moment, partial_index, stored
from walletd.db.engine.bulk import insert_rows, update_rows
from walletd.db.engine.pages import contains
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.customers.consent import OptIn, OptInState
from walletd.domain.customers.customers import ORIGINS, Customer, CustomerDetails, LoyaltyStatus
from walletd.domain.customers.matching import MatchStage, match_keys

customers = Table(
    "customers",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("number", BigInteger, nullable=False),
    Column("ref_id", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("company", Text),
    Column("email", Text),
    Column("phone", Text),
    Column("birth_date", String(10)),
    Column("locale", String(32)),
    Column("source", Text),
    Column("address", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("custom_fields", JSON, nullable=False),
    Column("utm", JSON, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("crm_active", Boolean, nullable=False),
    Column("loyalty_status", String(16), nullable=False),
    Column("redeem_blocked", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("merged_into", String(30)),
    Column("opt_in", String(16), nullable=False, server_default="none"),
    Column("opt_in_sent_at", BigInteger),
    Column("opt_in_confirmed_at", BigInteger),
    Column("opt_in_revoked_at", BigInteger),
    *(Column(f"from_{origin}", Boolean, nullable=False, server_default=false()) for origin in ORIGINS),
    Column("feedback_rating", SmallInteger),
    Column("deactivated_by", String(30)),
    Column("sort_name", Text, nullable=False, server_default=""),
    Column("erased_at", BigInteger),
    *(Column(f"match_{stage}", Text) for stage in MatchStage),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "id"),
    UniqueConstraint("merchant_id", "number"),
    Index(None, "merchant_id", "sort_name", "id"),
    Index(None, "merchant_id", "created_at", "id"),
    Index(None, "deactivated_by"),
    partial_index("ix_customers_merged_into", "merged_into", where="merged_into IS NOT NULL"),
    *(Index(None, "merchant_id", f"match_{stage}", "id") for stage in MatchStage),
)


_DETAILS = tuple(item.name for item in fields(CustomerDetails))


def insert(tx: Tx, made: Sequence[Customer]) -> None:
    """Store new customers."""
    rows = [
        {
            "id": customer.id,
            "merchant_id": customer.merchant_id,
            "number": customer.number,
            "created_at": milliseconds(customer.created_at),
            **_status(customer),
            **_details(customer),
        }
        for customer in made
    ]
    insert_rows(tx, customers, rows)


def find(tx: Tx, merchant_id: str, customer_id: str, *, lock: bool = False) -> Customer | None:
    """Return a merchant's customer; with `lock` it stays as read until commit."""
    query = select(customers).where(customers.c.id == customer_id, customers.c.merchant_id == merchant_id)
    row = tx.execute(locked(query) if lock else query).one_or_none()
    return None if row is None else to_customer(row)


def find_any(tx: Tx, customer_id: str, *, lock: bool = False) -> Customer | None:
    """Return a customer of any merchant, for links that walletd itself signed; `lock` as in `find`."""
    query = select(customers).where(customers.c.id == customer_id)
    row = tx.execute(locked(query) if lock else query).one_or_none()
    return None if row is None else to_customer(row)


def by_numbers_or_emails(
    tx: Tx, merchant_id: str, numbers: Collection[int], emails: Collection[str], *, lock: bool = False
) -> list[Customer]:
    """Return a merchant's customers with one of these numbers, or addresses as `email_key` writes them."""
    found: dict[str, Customer] = {}
    for column, values in ((customers.c.number, numbers), (customers.c.match_email, emails)):
        if values:
            query = select(customers).where(customers.c.merchant_id == merchant_id, column.in_(sorted(values)))
            # By an expression: to sort by the bare column SQLite would rather walk through all customers in this order.
            query = query.order_by(customers.c.id.concat(""))
            found |= {row.id: to_customer(row) for row in tx.execute(locked(query) if lock else query)}
    return list(found.values())


def by_ids(tx: Tx, customer_ids: Collection[str]) -> dict[str, Customer]:
    """Return customers by id."""
    query = select(customers).where(customers.c.id.in_(list(customer_ids)))
    return {row.id: to_customer(row) for row in tx.execute(query)}


def containing(merchant_id: str, text: str) -> Select[Any]:
    """Return the query for the ids of a merchant's customers that a searched text leads to."""
    return select(customers.c.id).where(customers.c.merchant_id == merchant_id, contains(customers.c.search_text, text))


def ids_merged_into(tx: Tx, merchant_id: str, customer_id: str) -> list[str]:
    """Return the customers that were merged into one."""
    query = select(customers.c.id).where(customers.c.merchant_id == merchant_id, customers.c.merged_into == customer_id)
    return sorted(tx.execute(query).scalars())


def change(tx: Tx, changed: Sequence[Customer]) -> None:
    """Store details and status of customers that were read with `lock`."""
    update_rows(
        tx,
        customers,
        [{"id": customer.id, **_status(customer), **_details(customer)} for customer in changed],
    )
    active = [customer.id for customer in changed if customer.crm_active]
    claimed = update(customers).where(customers.c.id.in_(active), customers.c.deactivated_by.is_not(None))
    tx.execute(claimed.values(deactivated_by=None))


def after(tx: Tx, merchant_id: str, number: int, limit: int) -> list[Customer]:
    """Return the next customers by number, without those that were merged into others."""
    query = select(customers).where(
        customers.c.merchant_id == merchant_id,
        customers.c.number > number,
        customers.c.merged_into.is_(None),
        customers.c.erased_at.is_(None),
    )
    return [to_customer(row) for row in tx.execute(query.order_by(customers.c.number).limit(limit))]


def number_is_taken(tx: Tx, merchant_id: str, number: int) -> bool:
    """Say whether a customer of the merchant has the number."""
    found = tx.execute(
        select(customers.c.id).where(customers.c.merchant_id == merchant_id, customers.c.number == number)
    )
    return found.first() is not None


def set_merged(tx: Tx, customer_id: str, into: str | None) -> tuple[str, ...]:
    """Let a customer, and those that led to it, lead to another; None: it goes on by itself again.

    Returns the customers that had led to it.
    """
    forwarded: list[str] = []
    if into is not None:
        query = update(customers).where(customers.c.merged_into == customer_id).values(merged_into=into)
        forwarded = list(tx.execute(query.returning(customers.c.id)).scalars())
    tx.execute(update(customers).where(customers.c.id == customer_id).values(merged_into=into))
    return tuple(sorted(forwarded))


def to_customer(row: Row[Any]) -> Customer:
    """Return the customer of a row that has all columns of the table."""
    details = CustomerDetails(
        ref_id=row.ref_id,
        first_name=row.first_name,
        last_name=row.last_name,
        company=row.company,
        email=row.email,
        phone=row.phone,
        birth_date=row.birth_date,
        address=row.address,
        locale=row.locale,
        tags=tuple(row.tags),
        custom_fields=row.custom_fields,
        source=row.source,
        utm=row.utm,
        origins=tuple(origin for origin in ORIGINS if getattr(row, f"from_{origin}")),
        feedback_rating=row.feedback_rating,
    )
    return Customer(
        id=row.id,
        merchant_id=row.merchant_id,
        number=row.number,
        details=details,
        crm_active=row.crm_active,
        loyalty_status=LoyaltyStatus(row.loyalty_status),
        redeem_blocked=row.redeem_blocked,
        created_at=from_milliseconds(row.created_at),
        merged_into=row.merged_into,
        opt_in=OptIn(
            state=OptInState(row.opt_in),
            sent_at=moment(row.opt_in_sent_at),
            confirmed_at=moment(row.opt_in_confirmed_at),
            revoked_at=moment(row.opt_in_revoked_at),
        ),
        erased_at=moment(row.erased_at),
    )


def _status(customer: Customer) -> dict[str, Any]:
    opt_in = customer.opt_in
    return {
        "crm_active": customer.crm_active,
        "loyalty_status": customer.loyalty_status,
        "redeem_blocked": customer.redeem_blocked,
        "opt_in": opt_in.state,
        "opt_in_sent_at": stored(opt_in.sent_at),
        "opt_in_confirmed_at": stored(opt_in.confirmed_at),
        "opt_in_revoked_at": stored(opt_in.revoked_at),
    }


def _details(customer: Customer) -> dict[str, Any]:
    details = customer.details
    values = {name: getattr(details, name) for name in _DETAILS}
    values["tags"] = list(details.tags)
    origins = values.pop("origins")
    values |= {f"from_{origin}": origin in origins for origin in ORIGINS}
    parts = (
        customer.number,
        details.ref_id,
        details.first_name,
        details.last_name,
        details.company,
        details.email,
        details.phone,
    )
    values["search_text"] = " ".join(str(part) for part in parts if part is not None).casefold()
    values["sort_name"] = sort_name(details)
    keys = match_keys(details)
    values |= {f"match_{stage}": keys.of(stage) for stage in MatchStage}
    return values


def sort_name(details: CustomerDetails) -> str:
    """Return what lists by name are sorted by: last name, first name, company, in lower case."""
    return " ".join(part or "" for part in (details.last_name, details.first_name, details.company)).lower()
