"""The audit log: who did what to which row; appended only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKeyConstraint, Index, Row, String, Table, func, select, tuple_

from walletd.db.engine.base import Tx, merchant_column, metadata
from walletd.db.engine.bulk import insert_rows
from walletd.db.engine.pages import Listing, fetch_page
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.audit import AuditFilter, AuditRow
from walletd.domain.merchants.principals import Principal, kind_of
from walletd.domain.pages import Page, PageRequest

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("actor_kind", String(16)),
    Column("action", String(48), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("details", JSON, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    Index(None, "merchant_id", "subject", "at"),
    Index(None, "merchant_id", "at", "id"),
)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody did to a row; details hold ids and figures, never personal data."""

    by: Principal
    action: str
    subject: str
    details: Mapping[str, object]


def append(tx: Tx, entries: Sequence[AuditEntry], now: datetime) -> None:
    """Append entries."""
    insert_rows(
        tx,
        audit_log,
        [
            {
                "id": new_id("aud", now),
                "merchant_id": entry.by.merchant_id,
                "at": milliseconds(now),
                "actor": entry.by.id,
                "actor_kind": entry.by.kind.value,
                "action": entry.action,
                "subject": entry.subject,
                "details": dict(entry.details),
            }
            for entry in entries
        ],
    )


def page(tx: Tx, merchant_id: str, request: PageRequest, chosen: AuditFilter) -> Page[AuditRow]:
    """Return a page of what was done, the newest first unless asked otherwise."""
    query = select(audit_log).where(audit_log.c.merchant_id == merchant_id)
    for column, value in (
        (audit_log.c.subject, chosen.subject),
        (audit_log.c.actor, chosen.actor),
        (audit_log.c.action, chosen.action),
    ):
        if value is not None:
            query = query.where(column == value)
    return fetch_page(tx, query, request, Listing({"at": audit_log.c.at}, audit_log.c.id, _row, usual="-at"))


def about(
    tx: Tx, merchant_id: str, subjects: Collection[str], before: tuple[datetime, str] | None, limit: int
) -> list[AuditRow]:
    """Return the newest of what was done to rows; `before` is the moment and the id to go on from."""
    query = select(audit_log).where(audit_log.c.merchant_id == merchant_id, audit_log.c.subject.in_(list(subjects)))
    if before is not None:
        at, entry_id = before
        query = query.where(tuple_(audit_log.c.at, audit_log.c.id) < tuple_(milliseconds(at), entry_id))
    newest = query.order_by(audit_log.c.at.desc(), audit_log.c.id.desc()).limit(limit)
    return [_row(row) for row in tx.execute(newest)]


def count_about(tx: Tx, merchant_id: str, subjects: Collection[str]) -> int:
    """Return how much was done to rows."""
    query = select(func.count()).where(audit_log.c.merchant_id == merchant_id, audit_log.c.subject.in_(list(subjects)))
    counted: int = tx.execute(query).scalar_one()
    return counted


def _row(row: Row[Any]) -> AuditRow:
    return AuditRow(
        id=row.id,
        at=from_milliseconds(row.at),
        actor=row.actor,
        actor_kind=kind_of(row.actor, row.actor_kind),
        action=row.action,
        subject=row.subject,
        details=row.details,
    )
