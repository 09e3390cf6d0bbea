"""The audit log: who did what to which row; appended only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, BigInteger, Column, ForeignKeyConstraint, String, Table

from walletd.db.base import Tx, merchant_column, metadata
from walletd.db.bulk import insert_rows
from walletd.domain.calendar import milliseconds
from walletd.domain.identifiers import new_id
from walletd.domain.principals import Principal

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(48), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("details", JSON, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
)


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did to a row; details hold ids and figures, never personal data."""

    by: Principal
    action: str
    subject: str
    details: Mapping[str, object] | None = None


def record(
    tx: Tx, by: Principal, now: datetime, action: str, subject: str, details: Mapping[str, object] | None = None
) -> None:
    """Append one row; details hold ids and figures, never personal data."""
    record_all(tx, [Deed(by, action, subject, details)], now)


def record_all(tx: Tx, deeds: Sequence[Deed], now: datetime) -> None:
    """Append rows."""
    insert_rows(
        tx,
        audit_log,
        [
            {
                "id": new_id("aud", now),
                "merchant_id": deed.by.merchant_id,
                "at": milliseconds(now),
                "actor": deed.by.key_id,
                "action": deed.action,
                "subject": deed.subject,
                "details": dict(deed.details or {}),
            }
            for deed in deeds
        ],
    )
