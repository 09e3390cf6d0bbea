"""The audit log: who did what to which row; appended only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import JSON, BigInteger, Column, ForeignKeyConstraint, String, Table

from walletd.db.base import Tx, merchant_column, metadata
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


_INSERT = audit_log.insert()


def record(
    tx: Tx, by: Principal, now: datetime, action: str, subject: str, details: Mapping[str, object] | None = None
) -> None:
    """Append one row; details hold ids and figures, never personal data."""
    tx.execute(
        _INSERT,
        {
            "id": new_id("aud", now),
            "merchant_id": by.merchant_id,
            "at": milliseconds(now),
            "actor": by.key_id,
            "action": action,
            "subject": subject,
            "details": dict(details or {}),
        },
    )
