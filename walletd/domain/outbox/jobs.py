"""Jobs: work that must be done later, stored in the transaction that wants it.

A job is done at least once: whoever does it may die before it is noted. What it does has to bear that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.retries import retry_at


class JobState(StrEnum):
    """How far a job is; a dead one was given up, for people to look at."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work; of one kind and subject there is one per merchant, however often it is asked for."""

    id: str
    merchant_id: str
    kind: str
    subject: str
    content: Mapping[str, str] | None
    """What the work needs to know; forgotten once it is done, as it may name persons."""
    state: JobState
    attempts: int
    due_at: datetime | None
    last_reason: str
    created_at: datetime
    ended_at: datetime | None

    def after(self, attempt: Attempt, now: datetime, jitter: float) -> Job:
        """Return the job as it is after an attempt."""
        tried = replace(self, attempts=self.attempts + 1, last_reason=attempt.reason)
        if attempt.verdict is Verdict.DONE:
            return replace(tried, state=JobState.DONE, content=None, due_at=None, ended_at=now)
        due_at = retry_at(now, self.created_at, tried.attempts, jitter) if attempt.verdict.is_passing else None
        return (
            replace(tried, due_at=due_at) if due_at else replace(tried, state=JobState.DEAD, due_at=None, ended_at=now)
        )


def new_job(job_id: str, merchant_id: str, kind: str, subject: str, content: Mapping[str, str], now: datetime) -> Job:
    """Return a job that is due at once."""
    return Job(
        id=job_id,
        merchant_id=merchant_id,
        kind=kind,
        subject=subject,
        content=content,
        state=JobState.PENDING,
        attempts=0,
        due_at=now,
        last_reason="",
        created_at=now,
        ended_at=None,
    )
