"""The loop: looks at the timetable, takes each slot that is due, and has its work done.

A slot is taken by a row in the database before its work begins, so that any number of schedulers runs it once. Work
that fails is logged with its row and is due again at its next slot.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from scheduler.certificates import watch_certificates
from scheduler.due_slots import due_slot, next_slot
from scheduler.timetable import TIMETABLE, Job
from walletd.domain.errors import WalletdError
from walletd.services import Services
from walletd.telemetry import counter, histogram, logger

_LONGEST_SLEEP_SECONDS: Final = 30.0
_SHORTEST_SLEEP_SECONDS: Final = 0.05
_AFTER_FAILURE_SECONDS: Final = 5.0

log = logger(__name__)
_runs = counter("scheduled_runs", "Runs of scheduled work, by job and outcome (done, failed)", ("job", "outcome"))
_seconds = histogram("scheduled_run_seconds", "How long scheduled work took", ("job",), (0.01, 0.1, 1, 10, 60, 600))


class Scheduler:
    """One scheduler; several over one database are harmless."""

    def __init__(self, services: Services, clock: Callable[[], datetime], timetable: Sequence[Job] = TIMETABLE) -> None:
        self._services = services
        self._clock = clock
        self._timetable = timetable
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ticked_at = time.monotonic()

    def lag_seconds(self) -> float:
        """Return how long ago the timetable was looked at; it is every half minute at the latest."""
        return time.monotonic() - self._ticked_at

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the timetable until `stop` is set, then wait for the work that is under way."""
        await self._tell_figures()
        while not stop.is_set():
            try:
                seconds = await self.tick()
                self._ticked_at = time.monotonic()
            except Exception as error:
                log.warning("scheduler_waits", exc_info=None if isinstance(error, WalletdError) else error)
                seconds = _AFTER_FAILURE_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stop.wait()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def tick(self) -> float:
        """Start what is due now; return after how many seconds to look again."""
        now = self._clock()
        local = await self._zone()
        soonest = _LONGEST_SLEEP_SECONDS
        for job in self._timetable:
            zone = UTC if job.clock == "utc" else local
            slot = due_slot(job.cron, zone, await self._services.upkeep.last_slot(job.name), now, job.misfire)
            if slot is not None and job.name not in self._running:
                await self._take(job, slot)
            soonest = min(soonest, (next_slot(job.cron, zone, now) - now).total_seconds())
        return max(soonest, _SHORTEST_SLEEP_SECONDS)

    async def _take(self, job: Job, slot: datetime) -> None:
        if not await self._services.upkeep.claim_slot(job.name, slot):
            return
        task = asyncio.get_running_loop().create_task(self._work(job, slot))
        self._running[job.name] = task
        task.add_done_callback(lambda _: self._running.pop(job.name, None))

    async def _work(self, job: Job, slot: datetime) -> None:
        started = asyncio.get_running_loop().time()
        try:
            said = await job.work(self._services)
            outcome = "done"
        except Exception as error:
            said, outcome = f"failed: {error}", "failed"
            log.exception("scheduled_run_failed", job=job.name)
        seconds = asyncio.get_running_loop().time() - started
        _runs.labels(job.name, outcome).inc()
        _seconds.labels(job.name).observe(seconds)
        log.info("scheduled_run", job=job.name, outcome=said, seconds=round(seconds, 3))
        try:
            await self._services.upkeep.finish_slot(job.name, slot, said[:500])
        except WalletdError as error:
            log.warning("scheduled_run_not_noted", job=job.name, detail=error.detail)

    async def _zone(self) -> tzinfo:
        name = await self._services.upkeep.timezone()
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            log.warning("time_zone_unknown", name=name)
            return UTC

    async def _tell_figures(self) -> None:
        """Set the figures of certificates at the start; tomorrow's watch would be late for a monitor."""
        try:
            await watch_certificates(self._services)
        except WalletdError as error:
            log.warning("certificates_not_watched", detail=error.detail)
