"""Jobs, from the transaction that wants them until some time after they ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    select,
    text,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, moment, partial_index, stored
from walletd.db.engine.leases import Lease, LeaseQueue
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.outbox.jobs import Job, JobState

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("content", JSON(none_as_null=True)),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("leased_by", String(64)),
    Column("leased_until", BigInteger, nullable=False),
    Column("last_reason", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "kind", "subject"),
    partial_index("ix_jobs_due", "due_at", where="due_at IS NOT NULL"),
    partial_index("ix_jobs_ended", "ended_at", where="ended_at IS NOT NULL"),
)

QUEUE: Final = LeaseQueue(jobs)

_INSERT = text(
    "INSERT INTO jobs (id, merchant_id, kind, subject, content, state, attempts, due_at, leased_until, last_reason,"
    " created_at) VALUES (:id, :merchant_id, :kind, :subject, :content, :state, :attempts, :due_at, 0, '', :created_at)"
    " ON CONFLICT (merchant_id, kind, subject) DO NOTHING"
).bindparams(bindparam("content", type_=JSON))


def insert(tx: Tx, made: Sequence[Job]) -> int:
    """Store jobs, but for those that were asked for before, and wake who works on them; return how many were stored."""
    tx.announce("jobs")
    return sum(
        tx.execute(
            _INSERT,
            {
                "id": job.id,
                "merchant_id": job.merchant_id,
                "kind": job.kind,
                "subject": job.subject,
                "content": job.content,
                "state": job.state,
                "attempts": job.attempts,
                "due_at": stored(job.due_at),
                "created_at": milliseconds(job.created_at),
            },
        ).rowcount
        for job in made
    )


def claim(tx: Tx, kinds: Collection[str], now: datetime, limit: int, lease: Lease) -> list[Job]:
    """Lease up to `limit` due jobs of these kinds; return them, the longest due first."""
    taken = QUEUE.claim(tx, now, limit, lease, jobs.c.kind.in_(sorted(kinds)))
    if not taken:
        return []
    return [_job(row) for row in tx.execute(select(jobs).where(QUEUE.is_one_of(taken)).order_by(jobs.c.due_at))]


def settle(tx: Tx, job: Job, holder: str) -> None:
    """Store what an attempt came to and end its lease, unless somebody else took the job over meanwhile."""
    values = {
        "content": job.content,
        "state": job.state,
        "attempts": job.attempts,
        "due_at": stored(job.due_at),
        "last_reason": job.last_reason,
        "ended_at": stored(job.ended_at),
    }
    QUEUE.settle(tx, values, jobs.c.id == job.id, holder=holder)


def next_due(tx: Tx, now: datetime) -> datetime | None:
    """Return when the next job can be taken."""
    return QUEUE.next_due(tx, now)


def newest_dead(tx: Tx, kind: str) -> Job | None:
    """Return the job of a kind that died last and is not purged yet."""
    query = select(jobs).where(jobs.c.ended_at.is_not(None), jobs.c.state == JobState.DEAD, jobs.c.kind == kind)
    row = tx.execute(query.order_by(jobs.c.ended_at.desc()).limit(1)).one_or_none()
    return None if row is None else _job(row)


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        merchant_id=row.merchant_id,
        kind=row.kind,
        subject=row.subject,
        content=row.content,
        state=JobState(row.state),
        attempts=row.attempts,
        due_at=moment(row.due_at),
        last_reason=row.last_reason,
        created_at=from_milliseconds(row.created_at),
        ended_at=moment(row.ended_at),
    )
