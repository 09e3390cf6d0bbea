"""Doing jobs: each is leased, done with no transaction open, and noted. One that hangs or fails holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.engine.leases import Lease
from walletd.db.outbox import jobs
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.jobs import Job, JobState
from walletd.services.runtime import Runtime
from walletd.telemetry import counter, logger

TOPIC: Final = "jobs"
"""Wakes whoever does jobs."""
_AT_ONCE: Final = 16
_SECONDS: Final = 60.0
_LEASE: Final = timedelta(seconds=120)
"""Longer than any job is given, so that nothing is done twice at once."""

log = logger(__name__)
_done = counter("jobs_tried", "Attempts at jobs, by kind and verdict", ("kind", "verdict"))

Handler = Callable[[Job], Awaitable[Attempt]]


class Jobs:
    """The doing side of jobs; `handlers` do them, by kind."""

    def __init__(self, runtime: Runtime, handlers: Mapping[str, Handler]) -> None:
        self._runtime = runtime
        self._handlers = handlers
        self._working: dict[str, asyncio.Task[None]] = {}

    async def start_due(self) -> int:
        """Begin the jobs that are due, as far as there is room; return how many."""
        now, room = self._runtime.clock(), _AT_ONCE - len(self._working)
        # Read first: an idle process asks every few seconds, and writes nothing.
        if room <= 0 or await self.seconds_until_due() != 0:
            return 0
        lease = Lease(self._runtime.instance, now + _LEASE)
        claimed = await self._runtime.database.write(jobs.claim, self._handlers, now, room, lease)
        for job in claimed:
            task = asyncio.get_running_loop().create_task(self._work(job))
            self._working[job.id] = task
            task.add_done_callback(lambda _, key=job.id: self._working.pop(key, None))  # type: ignore[misc]
        return len(claimed)

    async def seconds_until_due(self) -> float | None:
        """Return how long no job can be taken, or None where nothing waits at all."""
        now = self._runtime.clock()
        moment = await self._runtime.database.read(jobs.next_due, now)
        return None if moment is None else max(0.0, (moment - now).total_seconds())

    async def finish(self) -> None:
        """Wait for the jobs that are under way."""
        await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def newest_dead(self, kind: str) -> Job | None:
        """Return the job of a kind that was given up last, None where there is none."""
        return await self._runtime.database.read(jobs.newest_dead, kind)

    async def _work(self, job: Job) -> None:
        attempt = await self._attempt(job)
        now = self._runtime.clock()
        after = job.after(attempt, now, self._runtime.jitter())
        _done.labels(job.kind, attempt.verdict.value).inc()
        if after.state == JobState.DEAD:
            log.error("job_given_up", job=job.id, kind=job.kind, subject=job.subject, reason=attempt.reason)

        def write(tx: Tx) -> None:
            jobs.settle(tx, after, self._runtime.instance)
            tx.announce(TOPIC)

        try:
            await self._runtime.database.write(write)
        except Exception:
            # Its lease ends by itself, and it is done again.
            log.exception("job_not_noted", job=job.id, kind=job.kind)

    async def _attempt(self, job: Job) -> Attempt:
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._handlers[job.kind](job)
        except TimeoutError:
            return Attempt(Verdict.RETRY, f"not done within {_SECONDS:.0f} seconds")
        except Exception as error:
            log.exception("job_failed", job=job.id, kind=job.kind)
            return Attempt(Verdict.RETRY, f"internal error: {type(error).__name__}")
