"""How a process starts, refuses to start, and ends (P9, R5, R6, R10, B34)."""

from __future__ import annotations

import asyncio
import random
import resource
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.processes.conftest import Start
from tests.processes.outside import Outside, open_program
from tests.processes.servers import free_port


async def test_a_server_says_once_that_it_is_ready_answers_and_ends_cleanly(outside: Outside, start: Start) -> None:
    """One line at the start names address, role, database and environment, and no secret; SIGTERM ends with 0."""
    served = start(outside.environ)
    await served.ready()
    assert await start(outside.environ, "healthcheck", name="healthcheck").ended() == 0
    assert await served.stop() == 0
    output = served.output.read_text()
    lines = [line for line in output.splitlines() if "walletd is ready" in line]
    assert len(lines) == 1
    assert all(word in lines[0] for word in ('"role": "all"', '"environment": "demo"', served.url, '"database": "'))
    assert "4242" not in output


async def test_sigterm_under_load_answers_every_request_that_was_accepted(outside: Outside, start: Start) -> None:
    """Readiness says no first, then every accepted request is answered, and the process ends with 0 in time (R5)."""
    served = start(outside.environ)
    await served.ready()
    await open_program(outside)
    till = outside.till
    cards = [await till.card(outside.program_id, f"Person {number}") for number in range(8)]
    is_over = asyncio.Event()
    readiness: list[int] = []

    async def keep_booking() -> None:
        while not is_over.is_set():
            await till.book(random.choice(cards)["serial_number"], 1)

    async def watch_readiness() -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            while not is_over.is_set():
                try:
                    readiness.append((await http.get(f"{served.url}/readyz")).status_code)
                except httpx.ConnectError:
                    readiness.append(0)
                await asyncio.sleep(0.05)

    work = [asyncio.create_task(keep_booking()) for _ in range(10)]
    work.append(asyncio.create_task(watch_readiness()))
    await asyncio.sleep(1.0)
    started = time.monotonic()
    assert await served.stop() == 0
    assert time.monotonic() - started < 20
    served.start()
    await served.ready()
    is_over.set()
    await asyncio.gather(*work)
    assert till.unanswered == []
    assert 503 in readiness
    assert readiness.index(503) < readiness.index(0)
    for card in cards:
        account = (await till.ask("GET", f"/api/v1/accounts/{card['account_id']}")).json()
        assert account["total"] == till.expected[card["serial_number"]]


async def test_a_second_sigterm_ends_the_process_at_once(outside_sqlite: Outside, start: Start) -> None:
    """Whoever is in a hurry sends SIGTERM twice; what was answered is stored all the same (R6)."""
    served = start(outside_sqlite.environ)
    await served.ready()
    await open_program(outside_sqlite)
    served.signal(signal.SIGTERM)
    await served.said("stopping")
    started = time.monotonic()
    served.signal(signal.SIGTERM)
    assert await served.ended() == -signal.SIGTERM
    assert time.monotonic() - started < 0.8
    served.start()
    await served.ready()
    listed = await outside_sqlite.till.ask("GET", "/api/v1/programs")
    assert [program["id"] for program in listed.json()["items"]] == [outside_sqlite.program_id]


async def test_an_embedded_database_has_one_server_only(outside_sqlite: Outside, start: Start) -> None:
    """A second server on the same SQLite file refuses to start, in one line."""
    served = start(outside_sqlite.environ)
    await served.ready()
    second = start(outside_sqlite.environ | {"WALLETD_PORT": str(free_port())}, name="second")
    assert await second.ended() == 78
    assert second.output.read_text().count("\n") == 1
    assert "Another walletd serves" in second.output.read_text()


async def test_a_port_that_is_taken_is_named(outside_postgres: Outside, start: Start) -> None:
    """Where somebody else listens already, the start is refused with the address and the way out."""
    served = start(outside_postgres.environ)
    await served.ready()
    second = start(outside_postgres.environ, name="second")
    assert await second.ended() == 78
    assert f"port {outside_postgres.environ['WALLETD_PORT']}" in second.output.read_text()


@pytest.mark.parametrize("role", ["web", "worker", "scheduler"])
async def test_a_single_role_over_an_embedded_database_is_refused(
    outside_sqlite: Outside, start: Start, role: str
) -> None:
    """SQLite belongs to one process, and the refusal says what to do."""
    served = start(outside_sqlite.environ, "serve", "--role", role)
    assert await served.ended() == 78
    assert "PostgreSQL" in served.output.read_text().splitlines()[-1]


async def test_a_disk_that_fails_under_a_commit_ends_the_process_without_a_false_success(
    outside_sqlite: Outside, start: Start
) -> None:
    """An I/O error while storing is answered with 503, and the process ends non-zero so that it is noticed (34)."""
    served = start(outside_sqlite.environ)
    await served.ready()
    await open_program(outside_sqlite)
    till = outside_sqlite.till
    card = await till.card(outside_sqlite.program_id, "Person")
    await till.book(card["serial_number"], 5)
    wal = Path(outside_sqlite.environ["WALLETD_DATABASE_URL"].removeprefix("sqlite:///") + "-wal")
    room = wal.stat().st_size  # noqa: ASYNC240 - one look at a local file
    # Writing beyond the end of the log fails from now on, as on a broken disk.
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (room, room))
    statuses = []
    for number in range(50):
        body = {"card": card["serial_number"], "type": "credit", "amount": 1}
        try:
            answer = await till.ask("POST", "/api/v1/transactions", body, f"after-{number}")
        except httpx.TransportError:
            break
        statuses.append(answer.status_code)
    assert 503 in statuses
    assert set(statuses[statuses.index(503) :]) == {503}
    assert await served.ended() == 1
    booked = 5 + statuses.count(201)
    served.start()
    await served.ready()
    account = (await till.ask("GET", f"/api/v1/accounts/{card['account_id']}")).json()
    assert account["total"] == booked
