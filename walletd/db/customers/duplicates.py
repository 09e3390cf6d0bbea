"""The inbox of duplicates, and who is the same by the keys that customers are recognised by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    or_,
    select,
    update,
)

from walletd.db.customers.customers import containing, customers
from walletd.db.engine.base import Tx, locked, merchant_column, metadata, moment, partial_index, stored
from walletd.db.engine.bulk import insert_rows
from walletd.db.engine.pages import Listing, either, fetch_page
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.customers.matching import DuplicateCase, DuplicateSource, DuplicateState, MatchStage
from walletd.domain.pages import Page, PageRequest

duplicate_cases = Table(
    "duplicate_cases",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("older", String(30), nullable=False),
    Column("newer", String(30), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger),
    Column("told_at", BigInteger),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "older", "newer"),
    Index(None, "newer"),
    Index(None, "older"),
    Index(None, "merchant_id", "created_at", "id"),
    partial_index("ix_duplicate_cases_untold", "merchant_id", where="told_at IS NULL AND state = 'open'"),
)

_UNLESS_KNOWN: Final = "ON CONFLICT (merchant_id, older, newer) DO NOTHING"


def same_as(tx: Tx, merchant_id: str, stage: MatchStage, key: str, limit: int) -> list[str]:
    """Return the first customers with this key at a stage, the oldest first; merged ones are left out."""
    query = (
        select(customers.c.id)
        .where(
            customers.c.merchant_id == merchant_id,
            customers.c[f"match_{stage}"] == key,
            customers.c.merged_into.is_(None),
        )
        .order_by(customers.c.id)
        .limit(limit)
    )
    return list(tx.execute(query).scalars())


def shared_keys(tx: Tx, merchant_id: str, stage: MatchStage, after: str, limit: int) -> list[tuple[str, int]]:
    """Return the next keys that several customers have, in their order, and how many have each."""
    column = customers.c[f"match_{stage}"]
    query = (
        select(column.label("key"), func.count().label("customers"))
        .where(customers.c.merchant_id == merchant_id, column > after, customers.c.merged_into.is_(None))
        .group_by(column)
        .having(func.count() > 1)
        .order_by(column)
        .limit(limit)
    )
    return [(row.key, row.customers) for row in tx.execute(query)]


def insert_new(tx: Tx, found: Sequence[DuplicateCase]) -> int:
    """Store cases of pairs that have none yet; return how many that were.

    Two that find the same pair at once are both right: the second one changes nothing.
    """
    known = select(duplicate_cases.c.older, duplicate_cases.c.newer).where(
        duplicate_cases.c.older.in_({case.older for case in found}),
        duplicate_cases.c.newer.in_({case.newer for case in found}),
    )
    present = {(row.older, row.newer) for row in tx.execute(known)}
    # In one order, so that two of them never wait for each other.
    new = sorted(
        (case for case in found if (case.older, case.newer) not in present), key=lambda case: (case.older, case.newer)
    )
    insert_rows(tx, duplicate_cases, [_values(case) for case in new], on_conflict=_UNLESS_KNOWN)
    return len(new)


def find(tx: Tx, merchant_id: str, case_id: str, *, lock: bool = False) -> DuplicateCase | None:
    """Return a merchant's case; with `lock` it stays as read until commit."""
    query = select(duplicate_cases).where(duplicate_cases.c.id == case_id, duplicate_cases.c.merchant_id == merchant_id)
    row = tx.execute(locked(query) if lock else query).one_or_none()
    return None if row is None else _case(row)


def page(tx: Tx, merchant_id: str, request: PageRequest, state: DuplicateState | None) -> Page[DuplicateCase]:
    """Return a page of cases, the newest first unless asked otherwise."""
    query = select(duplicate_cases).where(duplicate_cases.c.merchant_id == merchant_id)
    if state is not None:
        query = query.where(duplicate_cases.c.state == state)
    sorts = {"created_at": duplicate_cases.c.created_at}
    listing = Listing(
        sorts, duplicate_cases.c.id, _case, "-created_at", lambda text: _names(containing(merchant_id, text))
    )
    return fetch_page(tx, query, request, listing)


def _names(found: Collection[str] | Select[Any]) -> ColumnElement[bool]:
    return either(duplicate_cases.c.older, duplicate_cases.c.newer, found)


def decide(tx: Tx, case: DuplicateCase) -> None:
    """Store what was decided."""
    tx.execute(
        update(duplicate_cases)
        .where(duplicate_cases.c.id == case.id)
        .values(state=case.state, decided_at=stored(case.decided_at), reason=case.reason)
    )


def follow_merge(tx: Tx, survivor: str, absorbed: str, now: datetime) -> None:
    """Close the open case of two customers who became one; whom the absorbed one resembled, the survivor does now."""
    open_cases = select(duplicate_cases).where(
        or_(duplicate_cases.c.older == absorbed, duplicate_cases.c.newer == absorbed),
        duplicate_cases.c.state == DuplicateState.OPEN,
    )
    for case in [_case(row) for row in tx.execute(open_cases)]:
        third = case.newer if case.older == absorbed else case.older
        if third == survivor:
            decide(tx, replace(case, state=DuplicateState.MERGED, decided_at=now))
            continue
        tx.execute(delete(duplicate_cases).where(duplicate_cases.c.id == case.id))
        older, newer = sorted((survivor, third))
        insert_new(tx, [replace(case, older=older, newer=newer)])


def open_at(tx: Tx, merchant_id: str, stage: MatchStage, after: str, limit: int) -> list[DuplicateCase]:
    """Return the next open cases of a stage, by id."""
    query = (
        select(duplicate_cases)
        .where(
            duplicate_cases.c.merchant_id == merchant_id,
            duplicate_cases.c.state == DuplicateState.OPEN,
            duplicate_cases.c.stage == stage,
            duplicate_cases.c.id > after,
        )
        .order_by(duplicate_cases.c.id)
        .limit(limit)
    )
    return [_case(row) for row in tx.execute(query)]


def not_notified(tx: Tx, merchant_id: str, limit: int) -> list[DuplicateCase]:
    """Return the newest open cases that no mail has told staff about."""
    query = select(duplicate_cases).where(*_not_notified(merchant_id))
    newest = query.order_by(duplicate_cases.c.created_at.desc(), duplicate_cases.c.id.desc()).limit(limit)
    return [_case(row) for row in tx.execute(newest)]


def set_notified(tx: Tx, merchant_id: str, now: datetime) -> int:
    """Note that staff are told of all open cases; return how many of them are new to them."""
    return int(
        tx.execute(
            update(duplicate_cases).where(*_not_notified(merchant_id)).values(told_at=milliseconds(now))
        ).rowcount
    )


def count_open(tx: Tx, merchant_id: str) -> int:
    """Return how many cases are open."""
    is_open = (duplicate_cases.c.merchant_id == merchant_id, duplicate_cases.c.state == DuplicateState.OPEN)
    counted: int = tx.execute(select(func.count()).where(*is_open)).scalar_one()
    return counted


def _not_notified(merchant_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        duplicate_cases.c.merchant_id == merchant_id,
        duplicate_cases.c.state == DuplicateState.OPEN,
        duplicate_cases.c.told_at.is_(None),
    )


def forget_customers(tx: Tx, customer_ids: Collection[str]) -> None:
    """Forget all cases of customers who were erased."""
    tx.execute(delete(duplicate_cases).where(_names(customer_ids)))


def _values(case: DuplicateCase) -> dict[str, Any]:
    return {
        "id": case.id,
        "merchant_id": case.merchant_id,
        "older": case.older,
        "newer": case.newer,
        "stage": case.stage,
        "source": case.source,
        "state": case.state,
        "created_at": milliseconds(case.created_at),
    }


def _case(row: Row[Any]) -> DuplicateCase:
    return DuplicateCase(
        id=row.id,
        merchant_id=row.merchant_id,
        older=row.older,
        newer=row.newer,
        stage=MatchStage(row.stage),
        source=DuplicateSource(row.source),
        state=DuplicateState(row.state),
        created_at=from_milliseconds(row.created_at),
        decided_at=moment(row.decided_at),
        reason=row.reason,
    )
