"""Threads with a waiting line that ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from walletd.db.engine import pool
from walletd.db.engine.base import Tx
from walletd.db.engine.database import open_database
from walletd.db.engine.pool import BoundedPool
from walletd.domain.errors import NotFound, Overloaded


def test_a_full_line_refuses_at_once_and_takes_again_once_it_is_shorter() -> None:
    """More calls than threads and places are refused without waiting; each that ended, or was given up, frees one."""
    threads = BoundedPool(1, "test", waiting_max=2)
    go_on = threading.Event()
    futures = [threads.submit(go_on.wait) for _ in range(5)]
    assert [future.done() for future in futures] == [False, False, False, True, True]
    with pytest.raises(Overloaded):
        futures[-1].result(0)
    assert futures[2].cancel()
    futures[2] = threads.submit(go_on.wait)
    assert not futures[2].done()
    go_on.set()
    assert all(future.result(5) for future in futures[:3])
    assert threads.submit(len, "abc").result(5) == 3
    threads.shutdown()


def test_a_call_that_fails_frees_its_place() -> None:
    """Errors reach the caller and leave no place taken behind."""
    threads = BoundedPool(1, "test", waiting_max=2)

    def fail() -> None:
        raise NotFound

    for _ in range(30):
        with pytest.raises(NotFound):
            threads.submit(fail).result(5)
    threads.shutdown()


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_both_engines_refuse_what_would_wait_too_long(
    database_url: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A flood of requests is refused in part, and what was taken is done; afterwards the engine takes everything."""
    monkeypatch.setattr(pool, "WAITING_MAX", 5)
    monkeypatch.setattr("walletd.db.engine.sqlite.WAITING_MAX", 5)
    database = open_database(database_url)
    await database.start()
    go_on = threading.Event()

    def wait(_tx: Tx) -> bool:
        return go_on.wait(10)

    call = database.read if kind == "read" else database.write
    waiting = [asyncio.ensure_future(call(wait)) for _ in range(300)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    go_on.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {bool, Overloaded}
    assert await call(wait)
    await database.close()
