"""Runs of the scheduler: one row per job and slot, so that two schedulers never do the same work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, String, Table, Text, delete, func, select, text, update

from walletd.db.engine.base import Tx, metadata
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


def purge(tx: Tx, before: datetime, most: int) -> int:
    """Delete the runs before a moment, and of each job all but the newest `most`; return how many went."""
    gone = tx.execute(delete(scheduler_runs).where(scheduler_runs.c.slot < milliseconds(before))).rowcount
    for job in tx.execute(select(scheduler_runs.c.job).distinct()).scalars().all():
        of_job = scheduler_runs.c.job == job
        newest = select(scheduler_runs.c.slot).where(of_job).order_by(scheduler_runs.c.slot.desc()).limit(1)
        first_kept = tx.execute(newest.offset(most - 1)).scalar_one_or_none()
        if first_kept is not None:
            gone += tx.execute(delete(scheduler_runs).where(of_job, scheduler_runs.c.slot < first_kept)).rowcount
    return gone
