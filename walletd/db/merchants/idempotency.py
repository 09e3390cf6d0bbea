"""Idempotency keys: taken in the transaction that they protect, kept for ever; their answers for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    select,
    text,
)

from walletd.db.engine.base import Tx, metadata
from walletd.db.engine.bulk import insert_rows, one_of_rows
from walletd.domain.calendar import from_milliseconds, milliseconds

idempotency_records = Table(
    "idempotency_records",
    metadata,
    Column("merchant_id", String(30), primary_key=True),
    Column("owner", String(30), primary_key=True),
    Column("route", String(32), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("subject", String(30)),
    Column("body", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    Index(None, "created_at"),
)


Place = tuple[str, str, str, str]
"""Merchant, owner, route and key."""


@dataclass(frozen=True, slots=True)
class IdempotencyRow:
    """What an idempotency key stands for: the hash of its request, and the answer while it is kept."""

    merchant_id: str
    owner: str
    route: str
    key: str
    request_hash: str
    status: int
    subject: str | None
    body: bytes | None
    created_at: datetime

    @property
    def place(self) -> Place:
        """Return what no two records share."""
        return self.merchant_id, self.owner, self.route, self.key


_CLAIM = text(
    "INSERT INTO idempotency_records (merchant_id, owner, route, key, request_hash, status, created_at)"
    " VALUES (:merchant_id, :owner, :route, :key, :request_hash, 0, :created_at)"
    " ON CONFLICT (merchant_id, owner, route, key) DO NOTHING"
)
_SETTLE = text(
    "UPDATE idempotency_records SET status = :status, subject = :subject, body = :body"
    " WHERE merchant_id = :merchant_id AND owner = :owner AND route = :route AND key = :key"
)


_PLACES = select(idempotency_records).where(one_of_rows(list(idempotency_records.primary_key), "places"))
_UNLESS_TAKEN: Final = "ON CONFLICT (merchant_id, owner, route, key) DO NOTHING"


def taken_keys(tx: Tx, rows: Sequence[IdempotencyRow]) -> dict[Place, IdempotencyRow]:
    """Return the records of those keys that were taken before, by their place."""
    if not rows:
        return {}
    found = tx.rows(_PLACES, {"places": [row.place for row in rows]})
    return {record.place: record for record in map(_record, found)}


def insert_keys(tx: Tx, rows: Sequence[IdempotencyRow]) -> None:
    """Store keys with their answers; where another transaction took one meanwhile, this one is run again."""
    if not rows:
        return
    parameters = [
        {
            "merchant_id": row.merchant_id,
            "owner": row.owner,
            "route": row.route,
            "key": row.key,
            "request_hash": row.request_hash,
            "status": row.status,
            "subject": row.subject,
            "body": row.body,
            "created_at": milliseconds(row.created_at),
        }
        for row in sorted(rows, key=lambda row: row.place)
    ]
    insert_rows(tx, idempotency_records, parameters, on_conflict=_UNLESS_TAKEN, all_or_again=True)


def claim_key(tx: Tx, row: IdempotencyRow) -> IdempotencyRow | None:
    """Take a key for this transaction and return None, or return the record of the one who took it before.

    On an engine with several writers this waits for a transaction that is just using the key.
    """
    place = {"merchant_id": row.merchant_id, "owner": row.owner, "route": row.route, "key": row.key}
    taken = tx.execute(_CLAIM, {**place, "request_hash": row.request_hash, "created_at": milliseconds(row.created_at)})
    if taken.rowcount == 1:
        return None
    return _record(tx.execute(select(idempotency_records).filter_by(**place)).one())


def settle_key(tx: Tx, row: IdempotencyRow) -> None:
    """Store the answer beside the key that this transaction took."""
    tx.execute(
        _SETTLE,
        {
            "merchant_id": row.merchant_id,
            "owner": row.owner,
            "route": row.route,
            "key": row.key,
            "status": row.status,
            "subject": row.subject,
            "body": row.body,
        },
    )


_FORGET = text(
    "UPDATE idempotency_records SET body = NULL WHERE (merchant_id, owner, route, key) IN"
    " (SELECT merchant_id, owner, route, key FROM idempotency_records"
    " WHERE created_at < :before AND body IS NOT NULL ORDER BY created_at LIMIT :limit)"
)


def forget_bodies(tx: Tx, before: datetime, limit: int) -> int:
    """Drop up to `limit` stored answers older than `before`; the keys themselves stay for ever."""
    return tx.execute(_FORGET, {"before": milliseconds(before), "limit": limit}).rowcount


def _record(row: Row[Any]) -> IdempotencyRow:
    return IdempotencyRow(
        merchant_id=row.merchant_id,
        owner=row.owner,
        route=row.route,
        key=row.key,
        request_hash=row.request_hash,
        status=row.status,
        subject=row.subject,
        body=row.body,
        created_at=from_milliseconds(row.created_at),
    )
