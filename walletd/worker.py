"""The worker: publishes what changed and tells the phones, at once when something happens and again when it failed.

Beside it every serving process watches the credentials, so that each signs with a new certificate without a restart.

The worker is a list of queues: it knows *when*; what is done stands in the services. A round that fails is logged,
counted and tried again after a pause that grows; nothing ends a loop but the wish to stop, and then the round at hand
is finished first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from walletd.domain.errors import StorageUnavailable
from walletd.services import Services
from walletd.telemetry import WORKER_LAG, counter, logger

PUBLISH_AT_ONCE: Final = 200
CREDENTIALS_SECONDS: Final = 10.0
_CROWD: Final = 16
_GATHER_SECONDS: Final = 0.05
_PAUSE_FIRST_SECONDS: Final = 0.1
_PAUSE_LONGEST_SECONDS: Final = 10.0
_SHORTEST_WAIT_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 1.0
_SLOW_ROUNDS_MAX: Final = 8

log = logger(__name__)
_failures = counter("worker_failures", "Rounds of the worker that failed, by loop", ("loop",))


class Wakeup(Protocol):
    """A place to wait for committed work; it remembers what came while nobody waited."""

    async def wait(self, timeout_seconds: float) -> None:
        """Return when something came since the last wait, or after the timeout."""

    def close(self) -> None:
        """Give the place back."""


Subscribe = Callable[[str], Wakeup]
Round = Callable[[], Coroutine[Any, Any, int]]
Delay = Callable[[], Coroutine[Any, Any, float]]


@dataclass(frozen=True, slots=True)
class Queue:
    """Rows of one kind that become due: who works on them is given by a service, when by the worker."""

    topic: str
    """What wakes its loop, and the loop's name in metrics and the log."""
    work: Round
    """Works on what is due, or begins to; returns how much it was."""
    seconds_until_due: Callable[[], Coroutine[Any, Any, float | None]]
    """Returns how long nothing is due, None where nothing waits."""
    finish: Callable[[], Coroutine[Any, Any, None]]
    """Waits for the work that is under way."""


def _queues(services: Services) -> tuple[Queue, ...]:
    """Return the queues; a new one is one line."""
    deliveries, objects = services.deliveries, services.object_delivery
    webhooks, jobs = services.webhook_delivery, services.jobs
    pushing, sending = _Overlapping(deliveries.deliver_due), _Overlapping(objects.send_due)
    return (
        Queue("deliver", pushing.round, deliveries.seconds_until_due, pushing.finish),
        Queue("objects", sending.round, objects.seconds_until_due, sending.finish),
        Queue("webhooks", webhooks.start_due, webhooks.seconds_until_due, webhooks.finish),
        Queue("jobs", jobs.start_due, jobs.seconds_until_due, jobs.finish),
    )


class Worker:
    """The loops of one process; several processes may run them over one PostgreSQL."""

    def __init__(self, services: Services, subscribe: Subscribe, poll_seconds: float) -> None:
        """Take what wakes the loops: `subscribe(topic)`, and a slow poll for wake-ups that were lost."""
        self._services = services
        self._subscribe = subscribe
        self._poll_seconds = poll_seconds
        self._queues = _queues(services)
        self._rounds_ended_at = dict.fromkeys(("publish", *(queue.topic for queue in self._queues)), time.monotonic())
        WORKER_LAG.set_function(self.lag_seconds)

    def lag_seconds(self) -> float:
        """Return how long ago the slowest loop ended a round; also an idle one looks again every few seconds."""
        return time.monotonic() - min(self._rounds_ended_at.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, finish the rounds at hand, and give leases back."""
        loops = [_Loop("publish", self._publish, self._until_poll, self._poll_seconds)]
        loops += [_Loop(queue.topic, queue.work, self._until(queue), self._poll_seconds) for queue in self._queues]
        async with asyncio.TaskGroup() as running:
            for loop in loops:
                running.create_task(loop.run(self._subscribe(loop.name), stop, self._note_round))
        for queue in self._queues:
            await queue.finish()
        try:
            await self._services.publisher.release()
        except StorageUnavailable as error:
            # The lease ends by itself after a quarter of a minute.
            log.warning("lease_not_released", detail=error.detail)

    def _note_round(self, loop: str) -> None:
        self._rounds_ended_at[loop] = time.monotonic()

    async def _publish(self) -> int:
        published = await self._services.publisher.publish_next(PUBLISH_AT_ONCE)
        if _CROWD <= published < PUBLISH_AT_ONCE:
            # So many cards change at once that more will in a moment: publishing them together costs half.
            await asyncio.sleep(_GATHER_SECONDS)
        return published

    def _until(self, queue: Queue) -> Delay:
        async def until_due() -> float:
            seconds = await queue.seconds_until_due()
            return self._poll_seconds if seconds is None else min(seconds, self._poll_seconds)

        return until_due

    async def _until_poll(self) -> float:
        return self._poll_seconds


class CredentialsWatch:
    """Loads certificates that another process stored: at once when it announces them, and by a slow poll."""

    def __init__(self, services: Services, subscribe: Subscribe) -> None:
        self._services = services
        self._subscribe = subscribe

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set."""
        loop = _Loop("credentials", self._load, self._until_next, CREDENTIALS_SECONDS)
        await loop.run(self._subscribe(loop.name), stop, lambda _loop: None)

    async def _load(self) -> int:
        await self._services.merchants.load_credentials()
        return 0

    async def _until_next(self) -> float:
        return CREDENTIALS_SECONDS


@dataclass(frozen=True, slots=True)
class _Loop:
    """Rounds of one kind: the next one at once after one that found work, else when woken or after a while."""

    name: str
    work: Round
    delay: Delay
    """Gives the seconds until the next round, asked when there was nothing to do."""
    longest_seconds: float

    async def run(self, wakeup: Wakeup, stop: asyncio.Event, note_round: Callable[[str], None]) -> None:
        """Do rounds until `stop` is set; `note_round` is told of each that did not fail."""
        failures = empty = 0
        try:
            while not stop.is_set():
                try:
                    worked = await self.work()
                    seconds = 0.0 if worked else await self.delay()
                except Exception as error:  # noqa: BLE001 - whatever a round meets, the next one is tried
                    failures += 1
                    _note_failure(self.name, error)
                    await _first(stop.wait(), asyncio.sleep(_pause(failures)))
                    continue
                failures = 0
                note_round(self.name)
                if worked:
                    empty = 0
                    continue
                # What is due may be held by somebody else or by a paused channel: look again, but less and less often.
                shortest = min(_SHORTEST_WAIT_SECONDS * 2.0**empty, self.longest_seconds)
                empty = min(empty + 1, 10)
                await _first(stop.wait(), wakeup.wait(max(seconds, shortest)))
        finally:
            wakeup.close()


class _Overlapping:
    """Rounds that need not wait for a slow one: a merchant whose platform hangs holds up nobody else (P16).

    A round that takes longer than a moment goes on beside the next ones; what it works on is leased to it.
    """

    def __init__(self, work: Round) -> None:
        self._work = work
        self._slow: set[asyncio.Task[int]] = set()

    async def round(self) -> int:
        """Do one round, or leave it to itself and say so by 0; raises what it or an earlier slow one raised."""
        ended = {task for task in self._slow if task.done()}
        self._slow -= ended
        worked = sum(task.result() for task in ended)
        if len(self._slow) >= _SLOW_ROUNDS_MAX:
            await asyncio.wait(self._slow, return_when=asyncio.FIRST_COMPLETED)
            return worked
        task = asyncio.get_running_loop().create_task(self._work())
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE_SECONDS)
        if done:
            return worked + task.result()
        self._slow.add(task)
        return worked

    async def finish(self) -> None:
        """Wait for the rounds that were left to themselves."""
        await asyncio.gather(*self._slow, return_exceptions=True)


def _note_failure(loop: str, error: Exception) -> None:
    _failures.labels(loop).inc()
    if isinstance(error, StorageUnavailable):
        log.warning("worker_waits_for_storage", loop=loop, detail=error.detail)
    else:
        log.error("worker_round_failed", loop=loop, exc_info=error)


def _pause(failures: int) -> float:
    return min(_PAUSE_FIRST_SECONDS * 2.0 ** min(failures - 1, 10), _PAUSE_LONGEST_SECONDS)


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of several waits and give the others up."""
    tasks = [asyncio.get_running_loop().create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
