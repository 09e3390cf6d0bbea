"""Merge requests of customers, from the day they are filed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

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
    and_,
    delete,
    or_,
    select,
    update,
)

from walletd.db.customers.customers import containing
from walletd.db.engine.base import Tx, locked, merchant_column, metadata, moment, reference, stored
from walletd.db.engine.pages import Listing, either, fetch_page
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.customers.merge_requests import UNDECIDED, MergeRequest, MergeRequestState
from walletd.domain.pages import Page, PageRequest

merge_requests = Table(
    "merge_requests",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("requested_by", String(30), nullable=False),
    Column("requested_for", String(30), nullable=False),
    Column("remark", Text, nullable=False),
    Column("state", String(24), nullable=False),
    Column("undecided_pair", String(64)),
    Column("asked_address", String(64)),
    Column("created_at", BigInteger, nullable=False),
    Column("confirm_until", BigInteger),
    Column("confirmed_at", BigInteger),
    Column("decided_at", BigInteger),
    Column("merge_id", String(30)),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    reference("customers", "requested_by"),
    reference("customers", "requested_for"),
    UniqueConstraint("merchant_id", "undecided_pair"),
    Index(None, "requested_by"),
    Index(None, "requested_for"),
    Index(None, "merchant_id", "created_at", "id"),
)


def insert(tx: Tx, request: MergeRequest) -> None:
    """Store a new request."""
    tx.execute(merge_requests.insert(), {"id": request.id, "merchant_id": request.merchant_id, **_values(request)})


def change(tx: Tx, request: MergeRequest) -> None:
    """Store what became of a request."""
    tx.execute(update(merge_requests).where(merge_requests.c.id == request.id).values(**_values(request)))


def find(tx: Tx, merchant_id: str | None, request_id: str, *, lock: bool = False) -> MergeRequest | None:
    """Return a request, of one merchant or of any; with `lock` it stays as read until commit."""
    query = select(merge_requests).where(merge_requests.c.id == request_id)
    if merchant_id is not None:
        query = query.where(merge_requests.c.merchant_id == merchant_id)
    row = tx.execute(locked(query) if lock else query).one_or_none()
    return None if row is None else _request(row)


def undecided(tx: Tx, merchant_id: str, pair: tuple[str, str]) -> MergeRequest | None:
    """Return the request about two customers that nobody decided, kept as read; it may have expired by itself."""
    query = select(merge_requests).where(
        merge_requests.c.merchant_id == merchant_id, merge_requests.c.undecided_pair == _pair(*pair)
    )
    row = tx.execute(locked(query)).one_or_none()
    return None if row is None else _request(row)


def undecided_of(tx: Tx, customer_id: str) -> list[MergeRequest]:
    """Return the requests by and about a customer that nobody decided, kept as read."""
    query = select(merge_requests).where(_names([customer_id]), merge_requests.c.undecided_pair.is_not(None))
    return [_request(row) for row in tx.execute(locked(query.order_by(merge_requests.c.id)))]


def page(
    tx: Tx, merchant_id: str, request: PageRequest, state: MergeRequestState | None, now: datetime
) -> Page[MergeRequest]:
    """Return a page of requests in a state at an instant, the newest first unless asked otherwise."""
    query = select(merge_requests).where(merge_requests.c.merchant_id == merchant_id)
    if state is not None:
        query = query.where(_is(state, now))
    sorts = {"created_at": merge_requests.c.created_at}
    listing = Listing(
        sorts, merge_requests.c.id, _request, "-created_at", lambda text: _names(containing(merchant_id, text))
    )
    return fetch_page(tx, query, request, listing)


def about(tx: Tx, customer_ids: Collection[str]) -> list[MergeRequest]:
    """Return all requests by and about customers, in the order in which they were filed."""
    query = select(merge_requests).where(_names(customer_ids)).order_by(merge_requests.c.id)
    return [_request(row) for row in tx.execute(query)]


def forget_customers(tx: Tx, customer_ids: Collection[str]) -> None:
    """Forget all requests by and about customers who were erased."""
    tx.execute(delete(merge_requests).where(_names(customer_ids)))


def _names(found: Collection[str] | Select[Any]) -> ColumnElement[bool]:
    return either(merge_requests.c.requested_by, merge_requests.c.requested_for, found)


def _is(state: MergeRequestState, now: datetime) -> ColumnElement[bool]:
    is_late = and_(
        merge_requests.c.state == MergeRequestState.AWAITING, merge_requests.c.confirm_until <= milliseconds(now)
    )
    if state == MergeRequestState.EXPIRED:
        return or_(merge_requests.c.state == MergeRequestState.EXPIRED, is_late)
    if state == MergeRequestState.AWAITING:
        return and_(
            merge_requests.c.state == MergeRequestState.AWAITING, merge_requests.c.confirm_until > milliseconds(now)
        )
    return merge_requests.c.state == state


def _pair(one: str, other: str) -> str:
    return " ".join(sorted((one, other)))


def _values(request: MergeRequest) -> dict[str, Any]:
    is_undecided = request.state in UNDECIDED
    return {
        "requested_by": request.requested_by,
        "requested_for": request.requested_for,
        "remark": request.remark,
        "state": request.state,
        # Of one pair there is one undecided request; the database keeps that (D-28).
        "undecided_pair": _pair(request.requested_by, request.requested_for) if is_undecided else None,
        "asked_address": request.asked_address,
        "created_at": milliseconds(request.created_at),
        "confirm_until": stored(request.confirm_until),
        "confirmed_at": stored(request.confirmed_at),
        "decided_at": stored(request.decided_at),
        "merge_id": request.merge_id,
    }


def _request(row: Row[Any]) -> MergeRequest:
    return MergeRequest(
        id=row.id,
        merchant_id=row.merchant_id,
        requested_by=row.requested_by,
        requested_for=row.requested_for,
        remark=row.remark,
        state=MergeRequestState(row.state),
        created_at=from_milliseconds(row.created_at),
        confirm_until=moment(row.confirm_until),
        confirmed_at=moment(row.confirmed_at),
        decided_at=moment(row.decided_at),
        merge_id=row.merge_id,
        asked_address=row.asked_address,
    )
