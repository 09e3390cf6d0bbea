"""Endpoints of webhooks: where a merchant wants to be notified, with secrets sealed by the vault."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    exists,
    select,
    update,
)

from walletd.db.engine.base import Tx, locked, merchant_column, metadata, moment, partial_index, stored
from walletd.db.engine.bulk import one_of
from walletd.db.engine.pages import Listing, fetch_page
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.outbox.webhooks import Endpoint, EndpointState
from walletd.domain.pages import Page, PageRequest

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("description", Text),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("paused_until", BigInteger),
    Column("pauses", Integer, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("old_secret", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("secret_changed_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "id"),
    partial_index("ix_webhook_endpoints_active", "merchant_id", where="state = 'active'"),
)

_IS_ACTIVE = webhook_endpoints.c.state == EndpointState.ACTIVE
_ACTIVE = select(webhook_endpoints).where(one_of(webhook_endpoints.c.merchant_id, "merchants"), _IS_ACTIVE)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The sealed secrets of an endpoint; the old one is used for a day after an exchange."""

    secret: bytes
    old_secret: bytes | None


def insert(tx: Tx, endpoint: Endpoint, secret: bytes) -> None:
    """Store a new endpoint."""
    tx.execute(
        webhook_endpoints.insert(),
        {
            "id": endpoint.id,
            "merchant_id": endpoint.merchant_id,
            "url": endpoint.url,
            "events": list(endpoint.events),
            "description": endpoint.description,
            "created_at": milliseconds(endpoint.created_at),
            "secret": secret,
            "secret_changed_at": milliseconds(endpoint.created_at),
            **_state(endpoint),
        },
    )


def find(tx: Tx, merchant_id: str, endpoint_id: str, *, lock: bool = False) -> Endpoint | None:
    """Return a merchant's endpoint; with `lock` it stays as read until commit."""
    query = select(webhook_endpoints).where(
        webhook_endpoints.c.id == endpoint_id,
        webhook_endpoints.c.merchant_id == merchant_id,
        webhook_endpoints.c.state != EndpointState.DELETED,
    )
    row = tx.execute(locked(query) if lock else query).one_or_none()
    return None if row is None else _endpoint(row)


def page(tx: Tx, merchant_id: str, request: PageRequest) -> Page[Endpoint]:
    """Return a page of a merchant's endpoints."""
    query = select(webhook_endpoints).where(
        webhook_endpoints.c.merchant_id == merchant_id, webhook_endpoints.c.state != EndpointState.DELETED
    )
    sorts = {"created_at": webhook_endpoints.c.created_at}
    return fetch_page(tx, query, request, Listing(sorts, webhook_endpoints.c.id, _endpoint))


def is_notified(merchant: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a merchant has an endpoint that is notified of events, for a query of another table."""
    return exists().where(webhook_endpoints.c.merchant_id == merchant, _IS_ACTIVE)


def active(tx: Tx, merchant_ids: Collection[str]) -> list[Endpoint]:
    """Return the endpoints of merchants that are notified of events."""
    return [_endpoint(row) for row in tx.execute(_ACTIVE, {"merchants": sorted(merchant_ids)})]


def store_state(tx: Tx, endpoint: Endpoint) -> None:
    """Store whether an endpoint is active or paused, and why not."""
    tx.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint.id).values(_state(endpoint)))


def delete(tx: Tx, endpoint_id: str) -> None:
    """Forget an endpoint with its secrets; its messages stay readable until they are purged."""
    values = {"state": EndpointState.DELETED, "secret": b"", "old_secret": None, "url": ""}
    tx.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(values))


def secrets(tx: Tx, endpoint_id: str) -> Secrets:
    """Return the sealed secrets of an endpoint."""
    row = tx.execute(
        select(webhook_endpoints.c.secret, webhook_endpoints.c.old_secret).where(webhook_endpoints.c.id == endpoint_id)
    ).one()
    return Secrets(row.secret, row.old_secret)


def exchange_secret(tx: Tx, endpoint_id: str, secret: bytes, now: datetime) -> None:
    """Store a new secret; the one of before becomes the old one."""
    values = {"secret": secret, "old_secret": webhook_endpoints.c.secret, "secret_changed_at": milliseconds(now)}
    tx.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(values))


def _state(endpoint: Endpoint) -> dict[str, object]:
    return {
        "state": endpoint.state,
        "reason": endpoint.reason,
        "paused_until": stored(endpoint.paused_until),
        "pauses": endpoint.pauses,
    }


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        merchant_id=row.merchant_id,
        url=row.url,
        events=tuple(row.events),
        description=row.description,
        state=EndpointState(row.state),
        reason=row.reason,
        paused_until=moment(row.paused_until),
        pauses=row.pauses,
        created_at=from_milliseconds(row.created_at),
        secret_changed_at=from_milliseconds(row.secret_changed_at),
    )
