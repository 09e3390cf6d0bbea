"""`kill -9` while a file is being booked: every row once, none left, and the books prove (D2.3.11, P1)."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from tests.processes.conftest import Start
from tests.processes.outside import Outside, open_program
from tests.processes.servers import Served

_API = "/api/v1"
_ROWS = 2_500
_KILLS = 6
_NEXT_ROW_WITHIN = 60.0


async def _head(outside: Outside, import_id: str) -> dict[str, Any]:
    answer = await outside.till.ask("GET", f"{_API}/imports/{import_id}")
    found: dict[str, Any] = answer.json()
    return found


async def _wait(outside: Outside, import_id: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until something is so of an import; each row that is booked meanwhile gives it more time."""
    ends_at, done = time.monotonic() + _NEXT_ROW_WITHIN, 0
    while time.monotonic() < ends_at:
        head = await _head(outside, import_id)
        if is_so(head):
            return head
        if head["done"] > done:
            ends_at, done = time.monotonic() + _NEXT_ROW_WITHIN, head["done"]
        await asyncio.sleep(0.05)
    pytest.fail(f"{done} rows were booked, and no more")


def _let_leases_end(outside: Outside) -> None:
    """Do what two minutes do in PostgreSQL; an embedded database frees at the start what a killed process held."""
    url = make_url(outside.environ["WALLETD_DATABASE_URL"])
    if url.get_backend_name() == "sqlite":
        return
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        connection.execute("UPDATE jobs SET leased_until = 1 WHERE leased_until > 1")


async def _kill_while_booking(outside: Outside, served: Served, import_id: str) -> None:
    done = 0
    for _ in range(_KILLS):
        done = (await _wait(outside, import_id, lambda head, before=done: head["done"] > before))["done"]  # type: ignore[misc]
        await asyncio.sleep(random.uniform(0.02, 0.3))
        await served.kill()
        _let_leases_end(outside)
        served.start()
        await served.ready()
    assert (await _head(outside, import_id))["state"] == "COMMITTING", "the kills came too late"


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_an_import_that_is_killed_again_and_again_books_each_row_once(outside: Outside, start: Start) -> None:
    """Whoever is started next goes on where the last one stopped; nobody has to commit anew."""
    served = start(outside.environ)
    await served.ready()
    await open_program(outside)
    lines = "".join(f"Muster {number};m{number}@example.org;{number + 1}\n" for number in range(_ROWS))
    till = outside.till
    path = f"{till.url}{_API}/imports?program_id={outside.program_id}&dry_run=false"
    headers = {"authorization": f"Bearer {till.api_key}", "content-type": "text/csv"}
    sent = await outside.http.post(path, content=f"Nachname;E-Mail;Saldo\n{lines}", headers=headers)
    assert sent.status_code == 201, sent.text
    import_id = sent.json()["import_id"]
    await _kill_while_booking(outside, served, import_id)
    head = await _wait(outside, import_id, lambda head: head["state"] == "COMMITTED")
    assert (head["done"], head["left_out"]) == (_ROWS, 0)
    liability = (await till.ask("GET", f"{_API}/reports/liability")).json()["items"][0]
    assert (liability["accounts"], liability["closing"]) == (_ROWS, _ROWS * (_ROWS + 1) // 2)
    tiles = (await till.ask("GET", f"{_API}/customers/tiles")).json()
    assert tiles["customers"] == _ROWS
    assert await served.stop() == 0
    assert await start(outside.environ, "ledger", "verify", name="proof").ended() == 0
