"""Long reads of SQLite: a few connections over aiosqlite, so that none of them holds a reader that a till waits for.

A statement runs in the thread that aiosqlite has for its connection. What a function does with the rows runs in one
thread for all long reads, which has an event loop of its own: in that of the process it would hold up every request.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite
from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from walletd.db.engine.base import Tx
from walletd.db.engine.pool import LONG_WAITING_MAX, Places, refused
from walletd.db.engine.sqlite_file import ONLY_READ, connect, sqlite, storage_error
from walletd.domain.errors import StorageUnavailable

Result = TypeVar("Result")

AT_ONCE: Final = 2
"""More would only share the processor: most machines that keep their database in a file have two cores."""
SECONDS_MAX: Final = 120.0
"""While a snapshot is read the log cannot be written back, and grows by all that is booked meanwhile."""
_SECONDS_BETWEEN_INTERRUPTS: Final = 0.05


class LongReads:
    """A few connections for reads that take their time, a thread for what is done with their rows, and a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = create_async_engine(
            f"sqlite+aiosqlite:///{path}",
            module=_over_the_fixed_build(),
            async_creator=self._connect,
            isolation_level="AUTOCOMMIT",
            pool_size=AT_ONCE,
            max_overflow=0,
            hide_parameters=True,  # what a statement was given may name a person, and errors end up in logs
        )
        self._places = Places(AT_ONCE + LONG_WAITING_MAX)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="walletd-long-reads", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` on a snapshot; the future fails with Overloaded where too many wait already.

        It fails with StorageUnavailable after SECONDS_MAX. A future that is cancelled ends the read.
        """
        if not self._places.take():
            return refused()
        future = asyncio.run_coroutine_threadsafe(self._read(fn), self._loop)
        future.add_done_callback(self._places.give_back)
        return future

    def close(self) -> None:
        """Finish what waits, close the connections and end the threads."""
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _read(self, fn: Callable[[Tx], Result]) -> Result:
        async with self._turns, self._engine.connect() as connection:
            work = asyncio.ensure_future(connection.run_sync(_on_snapshot, fn))
            try:
                await asyncio.wait({work}, timeout=SECONDS_MAX)
            finally:
                took_too_long = not work.done()
                if took_too_long:
                    await _stop(connection, work)
            if took_too_long:
                raise StorageUnavailable(f"A read was ended after {SECONDS_MAX:.0f} seconds.")
            try:
                return work.result()
            except DBAPIError as error:
                raise storage_error(error.orig) from error

    async def _finish(self) -> None:
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
        await self._engine.dispose()

    async def _connect(self) -> aiosqlite.Connection:
        connection = aiosqlite.Connection(partial(connect, self._path, ONLY_READ), iter_chunk_size=64)
        connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does; a process that breaks off must not hang
        return await connection


async def _stop(connection: AsyncConnection, work: asyncio.Future[Result]) -> None:
    """End a read, be it in a statement or between two, and the connection with it."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    while not work.done():
        await driver.interrupt()
        await asyncio.wait({work}, timeout=_SECONDS_BETWEEN_INTERRUPTS)
    work.exception()  # that it was interrupted is no news
    await connection.invalidate()


def _on_snapshot(connection: Connection, fn: Callable[[Tx], Result]) -> Result:
    connection.exec_driver_sql("BEGIN")
    try:
        return fn(Tx(connection))
    finally:
        connection.exec_driver_sql("ROLLBACK")


def _over_the_fixed_build() -> AsyncAdapt_aiosqlite_dbapi:
    """Return SQLAlchemy's adapter with the errors and the version of the build that opens the file.

    By itself it takes them from Python's own build, and would let the other's errors through as if they were none.
    """
    driver = AsyncAdapt_aiosqlite_dbapi(aiosqlite, sqlite)
    errors = ("DatabaseError", "Error", "IntegrityError", "NotSupportedError", "OperationalError", "ProgrammingError")
    for name in (*errors, "sqlite_version", "sqlite_version_info"):
        setattr(driver, name, getattr(sqlite, name))
    return driver
