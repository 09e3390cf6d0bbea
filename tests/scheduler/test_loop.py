"""The loop over the real services: each slot once, failures noted, an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.certificates import is_alarm_day
from scheduler.loop import Scheduler
from scheduler.timetable import Job
from tests.builders import Clock, open_shop
from walletd.db.engine.database import Database
from walletd.services import Services

_START = datetime(2026, 6, 2, 8, 0, tzinfo=UTC)


def a_job(work: Callable[[Services], Awaitable[str]], misfire: str = "run_once") -> Job:
    """A nightly job."""
    return Job("probe", "30 2 * * *", "local", misfire, work)  # type: ignore[arg-type]  # one of the two words


async def at_rest(*schedulers: Scheduler) -> None:
    """Wait until nothing is under way, however slow the machine is."""
    for scheduler in schedulers:
        while scheduler._running:
            await asyncio.gather(*scheduler._running.values(), return_exceptions=True)
            await asyncio.sleep(0)


async def test_two_schedulers_run_a_slot_once(database: Database) -> None:
    """Whoever takes the slot first does the work; the other one does nothing."""
    runs = []

    async def work(_services: Services) -> str:
        runs.append(1)
        return "done"

    clock = Clock(_START)
    async with open_shop(database, clock) as shop:
        pair = [Scheduler(shop.services, clock, [a_job(work)]) for _ in range(2)]
        for _ in range(3):
            await asyncio.gather(*(each.tick() for each in pair))
            await at_rest(*pair)
            assert len(runs) == 1
        clock.advance(days=1)
        await asyncio.gather(*(each.tick() for each in pair))
        await at_rest(*pair)
        assert len(runs) == 2


async def test_work_that_fails_is_noted_and_comes_again_at_its_next_slot(database: Database) -> None:
    """A failure ends neither the scheduler nor the job's future."""
    runs = []

    async def work(_services: Services) -> str:
        runs.append(1)
        raise RuntimeError("the machine is on fire")

    clock = Clock(_START)
    async with open_shop(database, clock) as shop:
        scheduler = Scheduler(shop.services, clock, [a_job(work)])
        for _ in range(2):
            await scheduler.tick()
            await at_rest(scheduler)
            await scheduler.tick()
            clock.advance(days=1)
        assert len(runs) == 2


async def test_the_loop_sleeps_until_the_next_slot_and_no_longer(database: Database) -> None:
    """Ten seconds before a slot it asks to be woken in ten seconds, at noon in half a minute."""

    async def work(_services: Services) -> str:
        return "done"

    clock = Clock(datetime(2026, 6, 2, 0, 29, 50, tzinfo=UTC))
    async with open_shop(database, clock) as shop:
        scheduler = Scheduler(shop.services, clock, [a_job(work, "skip")])
        assert await scheduler.tick() == pytest.approx(10)
        clock.advance(hours=10)
        assert await scheduler.tick() == pytest.approx(30)


async def test_the_end_waits_for_work_that_is_under_way(database: Database) -> None:
    """Stopping finishes what has begun, so that no row says »running« for ever."""
    begun, ended = asyncio.Event(), []

    async def work(_services: Services) -> str:
        begun.set()
        await asyncio.sleep(0.1)
        ended.append(1)
        return "done"

    clock = Clock(_START)
    async with open_shop(database, clock) as shop:
        stop = asyncio.Event()
        running = asyncio.create_task(Scheduler(shop.services, clock, [a_job(work)]).run(stop))
        await begun.wait()
        stop.set()
        await running
    assert ended == [1]


async def test_the_shipped_timetable_runs_on_a_fresh_shop(database: Database) -> None:
    """Everything that is scheduled works on real services."""
    clock = Clock(_START)
    async with open_shop(database, clock) as shop:
        await shop.card()
        scheduler = Scheduler(shop.services, clock)
        await scheduler.tick()
        await asyncio.gather(*scheduler._running.values())
        for job in ("ledger_proof", "purge", "certificate_watch"):
            slot = await shop.services.upkeep.last_slot(job)
            assert slot is not None
            assert clock.now - slot < timedelta(days=1)


def test_alarms_about_certificates_come_on_the_days_that_matter() -> None:
    """60, 30 and 14 days before the end, and every day of the last week."""
    assert [days for days in range(70, -3, -1) if is_alarm_day(days)] == [60, 30, 14, 7, 6, 5, 4, 3, 2, 1, 0, -1, -2]
