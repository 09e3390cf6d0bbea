"""Lists of customers: filtered, sorted, counted, and deactivated together."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Row,
    String,
    Table,
    Text,
    cast,
    func,
    or_,
    select,
    update,
)

from walletd.db.cards.cards import card_keys, cards
from walletd.db.customers.customers import customers, to_customer
from walletd.db.engine.base import Tx, merchant_column, metadata, moment
from walletd.db.engine.pages import Listing, contains, fetch_page, literally
from walletd.db.ledger.accounts import accounts
from walletd.db.ledger.entries import transactions
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.lists import BulkDeactivation, CustomerFilter, Tiles
from walletd.domain.pages import Page, PageRequest

bulk_deactivations = Table(
    "bulk_deactivations",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("created_at", BigInteger, nullable=False),
    Column("undone_at", BigInteger),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
)

_BATCH = 500
"""Customers per write: no till waits for longer than such a batch takes."""


def page(tx: Tx, merchant_id: str, request: PageRequest, chosen: CustomerFilter) -> Page[Customer]:
    """Return a page of a merchant's customers, without those that were merged into others or erased."""
    query = select(customers).where(*_conditions(merchant_id, None, chosen))
    sorts = {
        "number": customers.c.number,
        "created_at": customers.c.created_at,
        "name": customers.c.sort_name,
    }
    listing = Listing(sorts, customers.c.id, to_customer, search=lambda text: _found_by(merchant_id, text))
    return fetch_page(tx, query, request, listing)


def tiles(tx: Tx, merchant_id: str, search: str | None, chosen: CustomerFilter) -> Tiles:
    """Count what the tiles above a list say about all customers that the list holds (D-34)."""
    conditions = _conditions(merchant_id, search, chosen)
    counted = tx.execute(
        select(
            func.count().label("customers"),
            func.count(customers.c.feedback_rating).label("reviews"),
            func.sum(customers.c.feedback_rating).label("points"),
        ).where(*conditions)
    ).one()
    booked = (
        select(func.count())
        .select_from(transactions)
        .join(accounts, accounts.c.id == transactions.c.account_id)
        .join(customers, customers.c.id == accounts.c.customer_id)
        .where(accounts.c.merchant_id == merchant_id, *conditions)
    )
    rating = None if counted.points is None else float(counted.points) / counted.reviews
    return Tiles(counted.customers, tx.execute(booked).scalar_one(), counted.reviews, rating)


def _conditions(merchant_id: str, search: str | None, chosen: CustomerFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        customers.c.merchant_id == merchant_id,
        customers.c.merged_into.is_(None),
        customers.c.erased_at.is_(None),
    ]
    for column, value in (
        (customers.c.crm_active, chosen.crm_active),
        (customers.c.loyalty_status, chosen.loyalty_status),
        (customers.c.redeem_blocked, chosen.redeem_blocked),
        (customers.c.opt_in, chosen.opt_in),
    ):
        if value is not None:
            found.append(column == value)
    if chosen.origin is not None:
        found.append(customers.c[f"from_{chosen.origin}"].is_(True))
    if chosen.tag is not None:
        # As the tag is written in the stored JSON list, whichever way letters beyond ASCII were written there.
        stored = cast(customers.c.tags, Text)
        spelt = {json.dumps(chosen.tag, ensure_ascii=ascii_only) for ascii_only in (True, False)}
        found.append(or_(*(stored.like(f"%{literally(tag)}%", escape="\\") for tag in sorted(spelt))))
    if search:
        found.append(_found_by(merchant_id, search))
    return found


def _found_by(merchant_id: str, search: str) -> ColumnElement[bool]:
    # A whole key of any of the cards counts too, those of authorised buyers and former ones among them (D-39).
    holders = (
        select(cards.c.customer_id)
        .join(card_keys, card_keys.c.serial_number == cards.c.serial_number)
        .where(card_keys.c.merchant_id == merchant_id, card_keys.c.key == search)
    )
    return or_(contains(customers.c.search_text, search), customers.c.id.in_(holders))


def count_without_opt_in(tx: Tx, merchant_id: str) -> int:
    """Return how many active customers have not consented to newsletters (D-17)."""
    counted: int = tx.execute(select(func.count()).select_from(customers).where(*_unwilling(merchant_id))).scalar_one()
    return counted


def open_deactivation(tx: Tx, deactivation_id: str, merchant_id: str, now: datetime) -> None:
    """Note a deactivation in bulk."""
    values = {"id": deactivation_id, "merchant_id": merchant_id, "created_at": milliseconds(now)}
    tx.execute(bulk_deactivations.insert(), values)


def deactivate_batch(tx: Tx, merchant_id: str, deactivation_id: str) -> int:
    """Deactivate the next customers without consent; return how many."""
    batch = select(customers.c.id).where(*_unwilling(merchant_id)).limit(_BATCH)
    names = list(tx.execute(batch).scalars())
    changed = update(customers).where(customers.c.id.in_(names), customers.c.crm_active.is_(True))
    return tx.execute(changed.values(crm_active=False, deactivated_by=deactivation_id)).rowcount


def reactivate_batch(tx: Tx, deactivation_id: str) -> int:
    """Reactivate the next customers of a deactivation in bulk, but for those that somebody changed since."""
    batch = select(customers.c.id).where(customers.c.deactivated_by == deactivation_id).limit(_BATCH)
    names = list(tx.execute(batch).scalars())
    changed = update(customers).where(customers.c.id.in_(names), customers.c.deactivated_by == deactivation_id)
    return tx.execute(changed.values(crm_active=True, deactivated_by=None)).rowcount


def find_deactivation(tx: Tx, merchant_id: str, deactivation_id: str) -> BulkDeactivation | None:
    """Return a deactivation in bulk."""
    query = select(bulk_deactivations).where(
        bulk_deactivations.c.id == deactivation_id, bulk_deactivations.c.merchant_id == merchant_id
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else _deactivation(row)


def close_deactivation(tx: Tx, deactivation_id: str, now: datetime) -> None:
    """Note that a deactivation in bulk is being undone."""
    tx.execute(
        update(bulk_deactivations)
        .where(bulk_deactivations.c.id == deactivation_id)
        .values(undone_at=func.coalesce(bulk_deactivations.c.undone_at, milliseconds(now)))
    )


def _unwilling(merchant_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        customers.c.merchant_id == merchant_id,
        customers.c.crm_active.is_(True),
        customers.c.merged_into.is_(None),
        customers.c.opt_in != OptInState.CONFIRMED,
    )


def _deactivation(row: Row[Any]) -> BulkDeactivation:
    return BulkDeactivation(row.id, from_milliseconds(row.created_at), moment(row.undone_at))
