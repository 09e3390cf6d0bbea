"""The embedded engine: one writer thread with group commit, a few readers on snapshots.

The writer takes whatever callers arrived while the last commit was on its way to the disk, gives each a savepoint, and
commits them together: one sync for all, after which an answered commit survives a power loss (P2).
"""

from __future__ import annotations

import fcntl
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, pool
from sqlalchemy.exc import DBAPIError

from walletd.db.engine.base import APPEND_ONLY, Tx
from walletd.db.engine.files import file_system_of, identity
from walletd.db.engine.migrate import migrate_connection, present_revision
from walletd.db.engine.pool import BoundedPool, refused
from walletd.db.engine.sqlite_file import ONLY_READ, connect, is_fixed, sqlite, storage_error
from walletd.db.engine.sqlite_long_reads import LongReads
from walletd.db.engine.wakeups import Wakeups
from walletd.domain.errors import (
    ConfigurationRefused,
    OutcomeUnknown,
    StorageFull,
    StorageUnavailable,
    WalletdError,
)

Result = TypeVar("Result")
Job = tuple[Callable[[Tx], Any], "Future[Any]"]

GROUP_MAX: Final = 256
WAITING_MAX: Final = 10_000
READERS: Final = 4
_NETWORK_FILE_SYSTEMS: Final = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"}


def guard_statements() -> list[str]:
    """Return the statements that make the append-only tables refuse UPDATE and DELETE."""
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_{action.lower()} BEFORE {action} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for action in ("UPDATE", "DELETE")
    ]


class SqliteBackend:
    """SQLite in WAL mode behind one writer thread."""

    exclusive = True

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._jobs: queue.Queue[Job | None] = queue.Queue(WAITING_MAX)
        self._writer: threading.Thread | None = None
        self._engine: Engine | None = None
        self._readers: BoundedPool | None = None
        self._long_reads: LongReads | None = None
        self._local = threading.local()
        self._held: list[Connection] = []
        self._wakeups = Wakeups()
        self._file: tuple[int, int] | None = None
        self._broken: str | None = None
        self._tell_broken: Callable[[], None] | None = None

    def migrate(self) -> None:
        """Bring the schema to this release, behind a file lock, after an online backup beside the database."""
        self._check_engine()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        engine = _engine(self._path)
        try:
            with self._file_lock(), engine.connect() as connection:
                raw: Any = connection.connection.driver_connection
                # A table that is made anew is gone for a moment; whether all references hold is checked at the end.
                raw.execute("PRAGMA foreign_keys=OFF")
                raw.execute("BEGIN IMMEDIATE")
                migrate_connection(connection, guard_statements(), backup=self._backup)
                if broken := raw.execute("PRAGMA foreign_key_check").fetchone():
                    raise ConfigurationRefused(
                        f"The upgrade would break a reference of table {broken[0]}; ask for help."
                    )
                raw.execute("COMMIT")
        finally:
            engine.dispose()
        self._path.chmod(0o600)

    def revision(self) -> str | None:
        """Return the revision of the schema as it is; makes no file where there is none."""
        if not self._path.exists():
            return None
        engine = _engine(self._path)
        try:
            with engine.connect() as connection:
                return present_revision(connection)
        finally:
            engine.dispose()

    def engine(self) -> str:
        """Return version and journal; `start` refuses to run with less."""
        return f"SQLite {sqlite.sqlite_version} (WAL, synchronous FULL)"

    def on_broken(self, tell: Callable[[], None]) -> None:
        """Call `tell` in the writer's thread once the disk has failed under a commit."""
        self._tell_broken = tell

    def start(self, wakeups: Wakeups) -> None:
        """Open the writer and the readers; verifies journal mode and synchronous on the writer's connection."""
        self._check_engine()
        self._wakeups = wakeups
        self._engine = _engine(self._path)
        connection = self._engine.connect()
        raw: Any = connection.connection.driver_connection
        found = (_pragma(raw, "journal_mode"), _pragma(raw, "synchronous"))
        if found != ("wal", 2):
            raise ConfigurationRefused(f"SQLite runs with journal_mode, synchronous = {found}; wal and 2 are needed.")
        self._held.append(connection)
        self._file = identity(self._path)
        self._readers = BoundedPool(READERS, "walletd-reader")
        self._long_reads = LongReads(self._path)
        self._writer = threading.Thread(target=self._run_writer, args=(connection,), name="walletd-writer", daemon=True)
        self._writer.start()

    def write(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Queue `fn` for the writer's next group."""
        future: Future[Result] = Future()
        try:
            self._jobs.put_nowait((fn, future))
        except queue.Full:
            return refused()
        return future

    def read(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` on a reader's snapshot."""
        if self._readers is None:
            raise StorageUnavailable("The database is not open.")
        return self._readers.submit(self._read, fn)

    def long_read(self, fn: Callable[[Tx], Result]) -> Future[Result]:
        """Run `fn` on a snapshot beside the readers."""
        if self._long_reads is None:
            raise StorageUnavailable("The database is not open.")
        return self._long_reads.submit(fn)

    def close(self) -> None:
        """Let the writer finish what is queued, then close all connections."""
        if self._writer is not None:
            self._jobs.put(None)
            self._writer.join()
            self._writer = None
        if self._readers is not None:
            self._readers.shutdown()
            self._readers = None
        if self._long_reads is not None:
            self._long_reads.close()
            self._long_reads = None
        while self._held:
            self._held.pop().close()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _check_engine(self) -> None:
        version = tuple(int(part) for part in sqlite.sqlite_version.split("."))
        if not is_fixed(version):
            raise ConfigurationRefused(
                f"SQLite {sqlite.sqlite_version} can corrupt a database in WAL mode; install the package pysqlite3"
                " (it brings a fixed build) or use PostgreSQL."
            )
        kind = file_system_of(self._path)
        if kind in _NETWORK_FILE_SYSTEMS:
            raise ConfigurationRefused(
                f"{self._path.parent} lies on {kind}; SQLite needs a local disk. Move WALLETD_DATA_DIR"
                " or use PostgreSQL."
            )

    @contextmanager
    def _file_lock(self) -> Iterator[None]:
        with self._path.with_suffix(".migrate-lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _backup(self, _connection: Connection, revision: str) -> None:
        """Copy the database as it is; over a connection of its own, for one inside a transaction waits for itself."""
        target = self._path.with_name(f"{self._path.stem}-before-upgrade-from-{revision}.db")
        source, copy = sqlite.connect(self._path), sqlite.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        target.chmod(0o600)

    def _read(self, fn: Callable[[Tx], Result]) -> Result:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            if self._engine is None:
                raise StorageUnavailable("The database is closed.")
            connection = self._engine.connect()
            self._local.connection = connection
            self._held.append(connection)
            connection.exec_driver_sql(f"PRAGMA {ONLY_READ}")
        raw: Any = connection.connection.driver_connection
        raw.execute("BEGIN")
        try:
            return fn(Tx(connection))
        except DBAPIError as error:
            raise storage_error(error.orig) from error
        finally:
            raw.execute("ROLLBACK")

    def _run_writer(self, connection: Connection) -> None:
        while (first := self._jobs.get()) is not None:
            group = [first]
            stop = False
            while len(group) < GROUP_MAX:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    stop = True
                    break
                group.append(job)
            self._write_group(connection, group)
            if stop:
                return

    def _write_group(self, connection: Connection, group: list[Job]) -> None:
        """Run a group in one transaction: each caller in a savepoint, one commit, then the answers."""
        raw: Any = connection.connection.driver_connection
        done: list[tuple[Future[Any], Tx, Any]] = []
        try:
            self._begin(raw)
            done = [item for fn, future in group if (item := self._run_in_savepoint(connection, raw, fn, future))]
            raw.execute("COMMIT")
        except (sqlite.Error, StorageUnavailable) as error:
            self._fail_group(raw, group, error)
            return
        topics: set[str] = set()
        for _, tx, _ in done:
            self._wakeups.invalidate(tx.invalidated)
            topics |= tx.announced
        for future, _, result in done:
            future.set_result(result)
        if topics:
            self._wakeups.announce(topics)

    def _begin(self, raw: Any) -> None:
        if self._broken is None and identity(self._path) != self._file:
            # An open file can be written to after its name is gone: what is booked there, no start would ever find.
            self._broken = (
                f"{self._path} was removed or replaced while walletd was running; put it back and start again."
            )
        if self._broken is not None:
            raise StorageUnavailable(self._broken)
        raw.execute("BEGIN IMMEDIATE")

    def _run_in_savepoint(
        self, connection: Connection, raw: Any, fn: Callable[[Tx], Any], future: Future[Any]
    ) -> tuple[Future[Any], Tx, Any] | None:
        if not future.set_running_or_notify_cancel():
            return None
        raw.execute("SAVEPOINT caller")
        tx = Tx(connection)
        try:
            result = fn(tx)
        except DBAPIError as error:
            storage = storage_error(error.orig)
            if isinstance(storage, StorageFull):
                future.set_exception(storage)
                raise storage from error
            self._undo(raw, future, storage)
            return None
        except Exception as error:  # noqa: BLE001 the caller gets whatever its own function raised
            self._undo(raw, future, error)
            return None
        raw.execute("RELEASE caller")
        return future, tx, result

    @staticmethod
    def _undo(raw: Any, future: Future[Any], error: Exception) -> None:
        raw.execute("ROLLBACK TO caller")
        raw.execute("RELEASE caller")
        future.set_exception(error)

    def _fail_group(self, raw: Any, group: list[Job], error: Exception) -> None:
        """Undo the group, and tell every caller that has no answer yet."""
        storage = error if isinstance(error, WalletdError) else storage_error(error)
        if "I/O error" in str(error):
            # What reached the log may be found there by the next start, so nobody can say now what is stored.
            storage = OutcomeUnknown()
            self._broken = "The disk failed while storing; walletd stops writing until it is started again."
        with suppress(sqlite.Error):
            if raw.in_transaction:
                raw.execute("ROLLBACK")
        for _, future in group:
            if not future.done():
                future.set_exception(storage)
        if self._broken is not None and self._tell_broken is not None:
            self._tell_broken()


def _engine(path: Path) -> Engine:
    return create_engine(
        "sqlite://",
        module=sqlite,
        creator=partial(connect, path),
        isolation_level="AUTOCOMMIT",  # the writer says BEGIN and COMMIT itself, the pool never does
        poolclass=pool.NullPool,
        hide_parameters=True,  # what a statement was given may name a person, and errors end up in logs
    )


def _pragma(raw: Any, name: str) -> Any:
    return raw.execute(f"PRAGMA {name}").fetchone()[0]
