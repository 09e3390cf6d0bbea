"""The seam between one process and many: the Backend protocol, and the database that services are given.

`await database.write(fn)` runs `fn(tx)` in the database's own thread and commits it; `await database.read(fn)` gives a
snapshot. No await can stand inside, so the network is only ever used between transactions (decision 0001).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from walletd.db.engine.base import Tx
from walletd.db.engine.migrate import newest_revision
from walletd.db.engine.pool import SHORT_TURNS
from walletd.db.engine.postgres import PostgresBackend
from walletd.db.engine.sqlite import SqliteBackend
from walletd.db.engine.wakeups import Wakeup, Wakeups
from walletd.domain.errors import ConfigurationRefused, WalletdError

Result = TypeVar("Result")
Given = ParamSpec("Given")


class Backend(Protocol):
    """What differs between the embedded and the large installation."""

    exclusive: bool
    """Whether this process is the only one, so that what it remembers of the database stays true."""

    def migrate(self) -> None:
        """Bring the schema to this release, once, with a backup before; refuses a newer schema."""

    def revision(self) -> str | None:
        """Return the revision of the schema as it is, None where there is no database yet; changes nothing."""

    def engine(self) -> str:
        """Return the engine's name and version, and how safely it stores, once it is started."""

    def on_broken(self, tell: Callable[[], None]) -> None:
        """Call `tell`, from any thread, when storing failed so that only a restart can help (B34)."""

    def start(self, wakeups: Wakeups) -> None:
        """Open connections; raises ConfigurationRefused where the engine would not keep its promises."""

    def write(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` in a transaction of its own and commit it; the future fails with a WalletdError of storage."""

    def read(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` on a snapshot."""

    def long_read(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` on a snapshot, on a connection that no `read` waits for; a read that takes minutes is ended."""

    def close(self) -> None:
        """Finish what is waiting and close."""


class Database:
    """What services see of the database."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._wakeups = Wakeups()
        self.exclusive = backend.exclusive

    async def start(self) -> None:
        """Open the connections; what was opened before a refusal is closed again."""
        try:
            await asyncio.to_thread(self._backend.start, self._wakeups)
        except WalletdError:
            await self.close()
            raise

    async def write(
        self, fn: Callable[Concatenate[Tx, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run `fn(tx, *args)` in one committed transaction, in one hop; it may be run again after a conflict."""
        return await asyncio.wrap_future(self._backend.write(_bound(fn, *args, **kwargs)))

    async def read(
        self, fn: Callable[Concatenate[Tx, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run `fn(tx, *args)` on one snapshot of what is committed."""
        return await asyncio.wrap_future(self._backend.read(_bound(fn, *args, **kwargs)))

    async def long_read(
        self, fn: Callable[Concatenate[Tx, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run `fn(tx, *args)` as `read` does, where it takes its time over many rows: no till waits behind it."""
        with SHORT_TURNS:
            return await asyncio.wrap_future(self._backend.long_read(_bound(fn, *args, **kwargs)))

    def engine(self) -> str:
        """Return the engine's name and version, and how safely it stores."""
        return self._backend.engine()

    def on_broken(self, tell: Callable[[], None]) -> None:
        """Call `tell`, from any thread, when storing failed so that only a restart can help."""
        self._backend.on_broken(tell)

    def on_invalidated(self, forget: Callable[[Iterable[str]], None]) -> None:
        """Call `forget` with the names that a committed transaction of this process invalidated, before its answer."""
        self._wakeups.on_invalidated(forget)

    def subscribe(self, topic: str) -> Wakeup:
        """Return a wakeup that committed transactions announce."""
        return self._wakeups.subscribe(topic)

    async def close(self) -> None:
        """Finish what is waiting and close the connections."""
        await asyncio.to_thread(self._backend.close)


def _bound(
    fn: Callable[Concatenate[Tx, Given], Result], *args: Given.args, **kwargs: Given.kwargs
) -> Callable[[Tx], Result]:
    # Most callers on hot paths give a function that needs nothing more; it is handed on as it is.
    return (lambda tx: fn(tx, *args, **kwargs)) if args or kwargs else fn


def open_backend(url: str, role: str = "all") -> Backend:
    """Return the engine for a database address; raises ConfigurationRefused for one that is not known."""
    if url.startswith("sqlite:///"):
        if role != "all":
            raise ConfigurationRefused(
                f"SQLite belongs to one process: start walletd without --role {role},"
                " or set WALLETD_DATABASE_URL to a PostgreSQL database."
            )
        return SqliteBackend(url.removeprefix("sqlite:///"))
    if url.startswith("postgresql+psycopg://"):
        return PostgresBackend(url, role)
    raise ConfigurationRefused("WALLETD_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.")


def open_database(url: str, role: str = "all") -> Database:
    """Return the database at an address, not started yet."""
    return Database(open_backend(url, role))


def migrate(url: str) -> None:
    """Bring the schema at an address to this release."""
    open_backend(url).migrate()


def schema(url: str) -> tuple[str | None, str]:
    """Return the revision of the schema at an address (None: no database yet) and that of this release."""
    return open_backend(url).revision(), newest_revision()
