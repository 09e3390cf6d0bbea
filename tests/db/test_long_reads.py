"""Reads that take their time: beside the readers, in a line of their own, and ended where they take too long."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from walletd.db.engine import postgres, sqlite, sqlite_long_reads
from walletd.db.engine.base import Tx
from walletd.db.engine.database import Database, open_database
from walletd.domain.errors import NotFound, Overloaded, StorageUnavailable

_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def count(tx: Tx) -> int:
    """A look-up."""
    found: int = tx.execute(text("SELECT count(*) FROM merchants")).scalar_one()
    return found


def make(tx: Tx) -> None:
    """Make a merchant."""
    made = (
        "INSERT INTO merchants (id, name, currency, timezone, languages, customer_number, created_at)"
        " VALUES ('mer_1', 'x', 'EUR', 'UTC', '[]', 0, 0)"
    )
    tx.execute(text(made))


def endless(tx: Tx) -> int:
    """A statement that no engine comes to an end with."""
    found: int = tx.execute(text(_ENDLESS)).scalar_one()
    return found


async def answers(call: Callable[[], Any]) -> bool:
    """Say whether a look-up is answered within a second."""
    try:
        await asyncio.wait_for(call(), 1)
    except TimeoutError:
        return False
    return True


async def test_a_long_read_gives_what_a_read_gives(database: Database) -> None:
    """Function, arguments, result and errors of a function are the same."""

    def add(tx: Tx, one: int, *, other: int) -> int:
        return count(tx) + one + other

    def fail(_tx: Tx) -> None:
        raise NotFound("no such thing")

    assert await database.long_read(add, 1, other=2) == await database.read(add, 1, other=2)
    with pytest.raises(NotFound, match="no such thing"):
        await database.long_read(fail)
    assert await database.long_read(count) == 0


async def test_threads_take_short_turns_while_anything_is_read_long(database: Database) -> None:
    """Who needs the interpreter waits for a fiftieth of the usual interval, until the read has ended."""
    usual, until_noted = sys.getswitchinterval(), threading.Event()

    def hold(_tx: Tx) -> None:
        assert until_noted.wait(10)

    def interval(_tx: Tx) -> float:
        return sys.getswitchinterval()

    held = asyncio.ensure_future(database.long_read(hold))
    await asyncio.sleep(0)  # until it has begun
    assert await database.read(interval) == pytest.approx(usual / 50)
    until_noted.set()
    await held
    assert await database.read(interval) == usual


async def test_a_look_up_does_not_wait_for_long_reads(database_url: str) -> None:
    """However many long reads stand in the database, a till is answered; as reads they would hold it up."""
    database = open_database(database_url)
    await database.start()
    many = max(sqlite.READERS, postgres.READERS)
    go_on, line = threading.Event(), threading.Event()

    def hold(tx: Tx) -> int:
        line.set()
        found = count(tx)
        assert go_on.wait(30)
        return found

    long = [asyncio.ensure_future(database.long_read(hold)) for _ in range(many)]
    assert await asyncio.to_thread(line.wait, 10)
    assert await answers(lambda: database.read(count))
    short = [asyncio.ensure_future(database.read(hold)) for _ in range(many)]
    waiting = asyncio.ensure_future(database.read(count))
    assert not await answers(lambda: asyncio.shield(waiting))
    go_on.set()
    assert await asyncio.gather(*long, *short, waiting) == [0] * (2 * many + 1)
    await database.close()


async def test_a_long_statement_holds_up_neither_look_ups_nor_the_loop(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While statements run on all connections for long reads, the process goes on, and so does every reader."""
    monkeypatch.setattr(sqlite_long_reads, "SECONDS_MAX", 2)
    database = open_database(sqlite_url)
    await database.start()
    long = [asyncio.ensure_future(database.long_read(endless)) for _ in range(sqlite_long_reads.AT_ONCE)]
    looked_up = 0
    while not any(read.done() for read in long):
        await database.read(count)
        looked_up += 1
    assert looked_up > 20
    assert [type(error) for error in await asyncio.gather(*long, return_exceptions=True)] == [StorageUnavailable] * 2
    await database.close()


async def test_a_long_read_never_writes(database: Database) -> None:
    """What is given to read the books cannot change them."""
    with pytest.raises((StorageUnavailable, DBAPIError)):
        await database.long_read(lambda tx: tx.execute(text("DELETE FROM merchants")))
    assert await database.long_read(count) == 0


async def test_a_long_read_sees_one_moment_to_its_end(database: Database) -> None:
    """What is committed meanwhile is not half in an export; the next read sees it."""
    loop = asyncio.get_running_loop()

    def twice(tx: Tx) -> tuple[int, int]:
        before = count(tx)
        asyncio.run_coroutine_threadsafe(database.write(make), loop).result(10)
        return before, count(tx)

    assert await database.long_read(twice) == (0, 0)
    assert await database.long_read(count) == 1


async def test_more_long_reads_than_may_wait_are_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line has an end: who would wait too long hears so at once, and afterwards everybody is taken again."""
    for module in (sqlite_long_reads, postgres):
        monkeypatch.setattr(module, "LONG_WAITING_MAX", 1)
    database = open_database(database_url)
    await database.start()
    go_on = threading.Event()
    reads = [asyncio.ensure_future(database.long_read(lambda _tx: go_on.wait(10))) for _ in range(20)]
    await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
    go_on.set()
    results = await asyncio.gather(*reads, return_exceptions=True)
    assert {type(result) for result in results} == {bool, Overloaded}
    assert await database.long_read(count) == 0
    await database.close()


async def test_a_read_that_takes_too_long_is_ended(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the limit or not at all: the connection is free for the next afterwards."""
    monkeypatch.setattr(sqlite_long_reads, "SECONDS_MAX", 0.3)
    monkeypatch.setattr(postgres, "_LONG_STATEMENT_TIMEOUT", "300ms")
    database = open_database(database_url)
    await database.start()
    for _ in range(5):
        begin = time.monotonic()
        with pytest.raises(StorageUnavailable):
            await database.long_read(endless)
        assert time.monotonic() - begin < 5
    assert await database.long_read(count) == 0
    await database.close()


async def test_a_long_read_that_nobody_waits_for_any_more_ends(sqlite_url: str) -> None:
    """A client that breaks off an export leaves no statement behind that runs for minutes."""
    database = open_database(sqlite_url)
    await database.start()
    reads = [asyncio.ensure_future(database.long_read(endless)) for _ in range(sqlite_long_reads.AT_ONCE)]
    await asyncio.sleep(0.2)
    for read in reads:
        read.cancel()
    assert await asyncio.wait_for(database.long_read(count), 10) == 0
    await database.close()


async def test_closing_ends_long_reads_and_leaves_no_thread(database_url: str) -> None:
    """What was begun is finished, then all threads end; afterwards the database says that it is closed."""
    before = set(threading.enumerate())
    database = open_database(database_url)
    await database.start()
    started = threading.Event()

    def slow(tx: Tx) -> int:
        started.set()
        time.sleep(0.2)
        return count(tx)

    reading = asyncio.ensure_future(database.long_read(slow))
    assert await asyncio.to_thread(started.wait, 10)
    await database.close()
    assert await reading == 0
    assert {thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("walletd")} == set()
    with pytest.raises(StorageUnavailable):
        await database.long_read(count)


async def test_sqlite_reads_long_with_the_build_and_the_safety_of_its_readers(sqlite_url: str) -> None:
    """One process has one SQLite on a file, and each connection is told the same."""
    database = open_database(sqlite_url)
    await database.start()
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "mmap_size", "secure_delete", "query_only")

    def facts(tx: Tx) -> list[object]:
        build = tx.execute(text("SELECT sqlite_source_id()")).scalar_one()
        return [build, *(tx.execute(text(f"PRAGMA {name}")).scalar_one() for name in names)]

    assert await database.long_read(facts) == await database.read(facts)
    await database.close()
