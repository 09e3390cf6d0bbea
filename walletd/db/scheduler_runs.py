"""Runs of the scheduler: one row per job and slot, so that two schedulers never do the same work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, String, Table, Text, delete, func, or_, select, text, update

from walletd.db.base import Tx, metadata
from walletd.domain.calendar import from_milliseconds, milliseconds

scheduler_runs = Table(
    "scheduler_runs",
    metadata,
    Column("job", String(48), primary_key=True),
    Column("slot", BigInteger, primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("outcome", Text, nullable=False),
)

FREQUENT = "settle_accounts"
"""The one job that runs every few seconds."""

_CLAIM = text(
    "INSERT INTO scheduler_runs (job, slot, started_at, outcome) VALUES (:job, :slot, :now, 'running')"
    " ON CONFLICT (job, slot) DO NOTHING"
)


def claim(tx: Tx, job: str, slot: datetime, now: datetime) -> bool:
    """Take a slot of a job; False where it was taken before."""
    parameters = {"job": job, "slot": milliseconds(slot), "now": milliseconds(now)}
    return tx.execute(_CLAIM, parameters).rowcount == 1


def finish(tx: Tx, job: str, slot: datetime, now: datetime, outcome: str) -> None:
    """Store how a run ended."""
    tx.execute(
        update(scheduler_runs)
        .where(scheduler_runs.c.job == job, scheduler_runs.c.slot == milliseconds(slot))
        .values(finished_at=milliseconds(now), outcome=outcome)
    )


def last_slot(tx: Tx, job: str) -> datetime | None:
    """Return the newest slot that was taken of a job."""
    value = tx.execute(select(func.max(scheduler_runs.c.slot)).where(scheduler_runs.c.job == job)).scalar_one()
    return None if value is None else from_milliseconds(value)


def purge(tx: Tx, before: datetime, frequent_before: datetime) -> int:
    """Delete the rows of runs before a moment, those of frequent work before another; return how many went."""
    slot = scheduler_runs.c.slot
    last = select(func.max(slot)).where(scheduler_runs.c.job == FREQUENT).scalar_subquery()
    old = slot < milliseconds(before)
    frequent = (scheduler_runs.c.job == FREQUENT) & (slot < milliseconds(frequent_before)) & (slot < last)
    return tx.execute(delete(scheduler_runs).where(or_(old, frequent))).rowcount
