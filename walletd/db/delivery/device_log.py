"""What phones report about our PassKit web service, neutralised and classified; kept for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, delete, func, select

from walletd.db.engine.base import Tx, metadata
from walletd.domain.calendar import milliseconds
from walletd.domain.identifiers import new_id

device_log = Table(
    "device_log",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("line", Text, nullable=False),
    Index(None, "at"),
)


def insert(tx: Tx, lines: Sequence[tuple[str, str]], now: datetime) -> None:
    """Store lines as pairs of kind and text."""
    tx.execute(
        device_log.insert(),
        [{"id": new_id("log", now), "at": milliseconds(now), "kind": kind, "line": line} for kind, line in lines],
    )


def counts_since(tx: Tx, since: datetime) -> dict[str, int]:
    """Return how many lines of each kind came since a moment."""
    rows = tx.execute(
        select(device_log.c.kind, func.count().label("lines"))
        .where(device_log.c.at >= milliseconds(since))
        .group_by(device_log.c.kind)
    )
    return {row.kind: int(row.lines) for row in rows}


def purge(tx: Tx, before: datetime, keep: int) -> int:
    """Delete lines older than `before`, and the oldest beyond `keep`; return how many went."""
    newest = select(device_log.c.id).order_by(device_log.c.id.desc()).limit(keep)
    old = (device_log.c.at < milliseconds(before)) | device_log.c.id.not_in(newest)
    return tx.execute(delete(device_log).where(old)).rowcount
