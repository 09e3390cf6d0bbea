"""The large installation's engine: PostgreSQL through psycopg 3, with small pools of writers and readers.

Writers commit beside each other; whoever changes the same account or counter waits for a row lock. A conflict that
the server reports (40001, 40P01) repeats the whole transaction. Waking other processes is NOTIFY, sent beside the
commits and not inside them: PostgreSQL lets only one notifying transaction commit at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors as pg_errors
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from walletd.db.engine.base import APPEND_ONLY, RetryTransaction, Tx
from walletd.db.engine.migrate import migrate_connection, present_revision
from walletd.db.engine.pool import LONG_WAITING_MAX, BoundedPool
from walletd.db.engine.wakeups import Wakeups
from walletd.domain.errors import ConfigurationRefused, Conflict, OutcomeUnknown, StorageFull, StorageUnavailable

Result = TypeVar("Result")

WRITERS: Final = 8
READERS: Final = 8
LONG_READERS: Final = 2
_CHANNEL: Final = "walletd"
_END: Final = ""
"""A topic nobody waits for."""
_MIGRATION_LOCK: Final = 0x77616C6C
_REPEATS_MAX: Final = 10
_STATEMENT_TIMEOUT: Final = "30s"
_LONG_STATEMENT_TIMEOUT: Final = "10min"
_BY_KEYS: Final = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
"""How writers look for rows. They change few, found by their keys, but the server keeps the plan it made while a table
was small: to read all of it. Until it counts the rows again, each batch would read every key that was ever used."""
_DURABLE: Final = {"fsync": {"on"}, "synchronous_commit": {"on", "remote_apply", "remote_write", "local"}}


def guard_statements() -> list[str]:
    """Return the statements that make the append-only tables refuse UPDATE, DELETE and TRUNCATE."""
    refuse = (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    triggers = [
        f"CREATE OR REPLACE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ]
    grants = [f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM CURRENT_USER" for table in APPEND_ONLY]
    return [refuse, *triggers, *grants]


class PostgresBackend:
    """PostgreSQL behind pools of writing and reading threads."""

    exclusive = False

    def __init__(self, url: str, role: str) -> None:
        self._url = url
        self._role = role
        self._engine: Engine | None = None
        self._reading: Engine | None = None
        self._reading_long: Engine | None = None
        self._writers: BoundedPool | None = None
        self._readers: BoundedPool | None = None
        self._long_readers: BoundedPool | None = None
        self._notifier: _Notifier | None = None
        self._wakeups = Wakeups()
        self._version = ""

    def migrate(self) -> None:
        """Bring the schema to this release, behind an advisory lock; backups are the operator's pg_dump."""
        engine = self._open(1)
        try:
            with engine.connect() as connection, self._advisory_lock(connection):
                migrate_connection(connection, guard_statements(), backup=None)
                connection.commit()
        except DBAPIError as error:
            raise _unreachable(error) from error
        finally:
            engine.dispose()

    def revision(self) -> str | None:
        """Return the revision of the schema as it is."""
        engine = self._open(1)
        try:
            with engine.connect() as connection:
                return present_revision(connection)
        except DBAPIError as error:
            raise _unreachable(error) from error
        finally:
            engine.dispose()

    def engine(self) -> str:
        """Return the server's version; `start` refuses a server that answers before it has stored."""
        return f"PostgreSQL {self._version} (fsync on)"

    def on_broken(self, tell: Callable[[], None]) -> None:
        """Nothing: a failed disk ends the PostgreSQL server, and connections to the next one work."""

    def start(self, wakeups: Wakeups) -> None:
        """Open the pools; refuses a server that answers commits before they are on its disk (P2)."""
        self._wakeups = wakeups
        self._engine = self._open(WRITERS, _BY_KEYS)
        self._reading = self._open_to_read(READERS, _STATEMENT_TIMEOUT)
        self._reading_long = self._open_to_read(LONG_READERS, _LONG_STATEMENT_TIMEOUT)
        try:
            with self._engine.connect() as connection:
                self._version = str(connection.execute(text("SHOW server_version")).scalar_one()).partition(" ")[0]
                for name, allowed in _DURABLE.items():
                    value = connection.execute(text(f"SHOW {name}")).scalar_one()
                    if value not in allowed:
                        raise ConfigurationRefused(
                            f"PostgreSQL runs with {name} = {value}, which loses answered commits."
                        )
        except DBAPIError as error:
            raise _unreachable(error) from error
        self._writers = BoundedPool(WRITERS, "walletd-writer")
        self._readers = BoundedPool(READERS, "walletd-reader")
        self._long_readers = BoundedPool(LONG_READERS, "walletd-long-reader", LONG_WAITING_MAX)
        self._notifier = _Notifier(_dsn(self._url), wakeups)
        self._notifier.start()

    def write(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` in a transaction on one of the writers."""
        if self._writers is None:
            raise StorageUnavailable("The database is not open.")
        return self._writers.submit(self._write, fn)

    def read(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` on a snapshot on one of the readers."""
        if self._readers is None:
            raise StorageUnavailable("The database is not open.")
        return self._readers.submit(self._read, self._reading, fn)

    def long_read(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` on a snapshot on one of the long readers."""
        if self._long_readers is None:
            raise StorageUnavailable("The database is not open.")
        return self._long_readers.submit(self._read, self._reading_long, fn)

    def close(self) -> None:
        """Finish what is queued and close the pools."""
        for pool in (self._writers, self._readers, self._long_readers):
            if pool is not None:
                pool.shutdown()
        self._writers = self._readers = self._long_readers = None
        if self._notifier is not None:
            self._notifier.stop()
            self._notifier = None
        for engine in (self._engine, self._reading, self._reading_long):
            if engine is not None:
                engine.dispose()
        self._engine = self._reading = self._reading_long = None

    def _open_to_read(self, size: int, timeout: str) -> Engine:
        engine = self._open(size, f"-c statement_timeout={timeout}", isolation_level="REPEATABLE READ")
        event.listen(engine, "connect", _only_read)
        return engine

    def _open(self, size: int, options: str = "", **more: Any) -> Engine:
        return create_engine(
            self._url,
            **more,
            pool_size=size,
            max_overflow=0,
            pool_pre_ping=False,
            hide_parameters=True,  # what a statement was given may name a person, and errors end up in logs
            connect_args={
                "application_name": f"walletd {self._role}",
                "options": f"-c statement_timeout={_STATEMENT_TIMEOUT} {options}",
                "connect_timeout": 10,
            },
        )

    @contextmanager
    def _advisory_lock(self, connection: Connection) -> Iterator[None]:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        connection.commit()
        try:
            yield
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()

    def _write(self, fn: Callable[[Tx], Result]) -> Result:
        for attempt in range(_REPEATS_MAX):
            try:
                return self._write_once(fn)
            except RetryTransaction:
                continue
            except DBAPIError as error:
                again = isinstance(error.orig, pg_errors.SerializationFailure | pg_errors.DeadlockDetected)
                if not again or attempt == _REPEATS_MAX - 1:
                    raise _storage_error(error) from error
        raise StorageUnavailable

    def _write_once(self, fn: Callable[[Tx], Result]) -> Result:
        with _connect(self._engine) as connection:
            tx = Tx(connection)
            result = fn(tx)
            try:
                connection.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise OutcomeUnknown from error
                raise
        self._wakeups.invalidate(tx.invalidated)
        if tx.announced:
            self._wakeups.announce(tx.announced)
            if self._notifier is not None:
                self._notifier.announce(tx.announced)
        return result

    def _read(self, engine: Engine | None, fn: Callable[[Tx], Result]) -> Result:
        try:
            with _connect(engine) as connection:
                return fn(Tx(connection))
        except DBAPIError as error:
            raise _storage_error(error) from error


def _connect(engine: Engine | None) -> Connection:
    if engine is None:
        raise StorageUnavailable("The database is closed.")
    return engine.connect()


def _only_read(connection: psycopg.Connection[Any], _record: object) -> None:
    """Let each transaction begin as a reading one: a statement that says so would be a way to the server of its own."""
    connection.read_only = True


class _Notifier:
    """Carries announcements to and from the other processes; both directions survive a lost connection."""

    def __init__(self, dsn: str, wakeups: Wakeups) -> None:
        self._dsn = dsn
        self._wakeups = wakeups
        self._waiting: set[str] = set()
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(work,), name=f"walletd-{work.__name__}", daemon=True)
            for work in (self._listen, self._send)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def announce(self, topics: set[str]) -> None:
        with self._lock:
            self._waiting |= topics
        self._something.set()

    def stop(self) -> None:
        self._stopped.set()
        self.announce({_END})  # comes back to the listener, which otherwise notices only when its wait is over
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: Callable[[psycopg.Connection[Any]], None]) -> None:
        while not self._stopped.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True, application_name="walletd wakeups") as connection:
                    work(connection)
            except psycopg.Error:
                self._stopped.wait(1)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {_CHANNEL}")
        while not self._stopped.is_set():
            for notice in connection.notifies(timeout=0.5, stop_after=1):
                self._wakeups.announce([notice.payload])

    def _send(self, connection: psycopg.Connection[Any]) -> None:
        stopping = False
        while not stopping:
            self._something.wait()
            self._something.clear()
            stopping = self._stopped.is_set()
            with self._lock:
                topics, self._waiting = self._waiting, set()
            for topic in topics:
                connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, topic))


def _dsn(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _unreachable(error: DBAPIError) -> Exception:
    first_line = str(error.orig).strip().splitlines()[0]
    return ConfigurationRefused(f"PostgreSQL at WALLETD_DATABASE_URL cannot be used: {first_line}")


def _storage_error(error: DBAPIError) -> Exception:
    if isinstance(error.orig, pg_errors.DiskFull):
        return StorageFull()
    if isinstance(error.orig, psycopg.IntegrityError):
        return Conflict(f"The request contradicts what is stored: {error.orig.diag.constraint_name}.")
    if isinstance(error.orig, psycopg.OperationalError):
        return StorageUnavailable("PostgreSQL cannot take the request now.")
    return error
