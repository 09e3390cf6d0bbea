"""The large installation: several processes of each role over one PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.processes.conftest import Start
from tests.processes.outside import Outside, open_program
from walletd.bootstrap import application
from walletd.settings import load

_PHONES = 6
_NIGHTLY = ("ledger_proof", "purge", "certificate_watch")


async def test_two_web_two_worker_processes_and_a_scheduler_do_the_work_of_one(
    outside_postgres: Outside, start: Start
) -> None:
    """Tills and phones notice nothing of the number of processes, nor of a worker that is killed."""
    environ = outside_postgres.environ
    web = start(environ, "serve", "--role", "web", "--workers", "2", name="web")
    workers = [start(environ, "serve", "--role", "worker", name=f"worker-{number}") for number in (1, 2)]
    scheduler = start(environ, "serve", "--role", "scheduler", name="scheduler")
    await asyncio.gather(web.ready(), *(each.said("walletd is ready") for each in (*workers, scheduler)))
    await open_program(outside_postgres)
    till = outside_postgres.till
    cards = [await till.card(outside_postgres.program_id, f"Person {number}") for number in range(_PHONES)]
    for card in cards:
        await outside_postgres.phone_with(card["customer"]["name"], card)

    async def book_some() -> None:
        for _ in range(15):
            await till.book(random.choice(cards)["serial_number"], 2)

    await asyncio.gather(*(book_some() for _ in range(6)))
    await outside_postgres.converged(10)
    await workers[0].kill()
    await asyncio.gather(*(book_some() for _ in range(2)))
    # What the killed one had leased is free again after three quarters of a minute at the most.
    await outside_postgres.converged(50)
    assert [await each.stop() for each in (web, workers[1], scheduler)] == [0, 0, 0]
    assert web.output.read_text().count("walletd is ready") == 2
    assert till.unanswered == []


async def test_a_worker_that_ends_leaves_no_lease_behind(outside_postgres: Outside, start: Start) -> None:
    """After a clean stop another worker publishes and pushes at once, without waiting for a lease to end."""
    environ = outside_postgres.environ
    web = start(environ, "serve", "--role", "web", name="web")
    first = start(environ, "serve", "--role", "worker", name="first")
    await web.ready()
    await first.said("walletd is ready")
    await open_program(outside_postgres)
    till = outside_postgres.till
    card = await till.card(outside_postgres.program_id, "Person")
    await outside_postgres.phone_with("Phone", card)
    await till.book(card["serial_number"], 1)
    await outside_postgres.converged(10)
    second = start(environ, "serve", "--role", "worker", name="second")
    await second.said("walletd is ready")
    assert await first.stop() == 0
    await till.book(card["serial_number"], 1)
    await outside_postgres.converged(5)


async def test_two_schedulers_run_each_slot_once(outside_postgres: Outside, start: Start) -> None:
    """Nightly work that was missed is done once, by one of them, and both know it."""
    environ = outside_postgres.environ
    schedulers = [start(environ, "serve", "--role", "scheduler", name=f"scheduler-{number}") for number in (1, 2)]
    await asyncio.gather(*(each.said("walletd is ready") for each in schedulers))
    async with application(load(environ), role="cli", serving=False) as app:
        for job in _NIGHTLY:
            slot = None
            for _ in range(400):
                slot = slot or await app.services.upkeep.last_slot(job)
                await asyncio.sleep(0 if slot else 0.05)
            assert slot is not None
            assert datetime.now(UTC) - slot < timedelta(hours=26)
    await asyncio.sleep(0.5)
    assert [await each.stop() for each in schedulers] == [0, 0]
    output = "".join(each.output.read_text() for each in schedulers)
    runs = Counter(job for job in _NIGHTLY for _ in range(output.count(f'"job": "{job}"')))
    assert runs == {"ledger_proof": 1, "purge": 1, "certificate_watch": 1}
