"""What the two engines promise: durable groups, isolation of callers, refusals, and books that only grow."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from tests.builders import Shop, open_shop
from tests.postgres import careless_server
from walletd.db.engine.base import APPEND_ONLY, Tx
from walletd.db.engine.database import Database, migrate, open_database
from walletd.db.engine.files import file_system_of
from walletd.db.engine.sqlite import SqliteBackend
from walletd.db.engine.sqlite_file import is_fixed
from walletd.db.merchants import merchants
from walletd.db.schema import metadata
from walletd.domain.errors import ConfigurationRefused, Conflict, NotFound, StorageFull, StorageUnavailable


def count(tx: Tx) -> int:
    """Return how many merchants there are."""
    return len(merchants.all_merchants(tx))


def make(tx: Tx, number: int) -> None:
    """Make a merchant."""
    made = (
        "INSERT INTO merchants (id, name, currency, timezone, languages, customer_number, created_at)"
        " VALUES (:id, 'x', 'EUR', 'UTC', '[]', 0, 0)"
    )
    tx.execute(text(made), {"id": f"mer_{number}"})


async def test_what_a_function_needs_travels_beside_it(database: Database) -> None:
    """Arguments after the function are handed on to it, in a read and in a write."""

    def joined(tx: Tx, first: str, *, second: str) -> str:
        return str(tx.execute(text("SELECT :first || :second"), {"first": first, "second": second}).scalar_one())

    assert await database.read(joined, "a", second="b") == "ab"
    assert await database.write(joined, "c", second="d") == "cd"


async def test_a_caller_that_fails_takes_only_its_own_writes_back(database: Database) -> None:
    """Callers that share a commit are isolated: one raises, the others are stored."""

    def make_most(tx: Tx, number: int) -> None:
        make(tx, number)
        if number % 3 == 0:
            raise NotFound

    tasks = [database.write(make_most, number) for number in range(30)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, NotFound) for result in results) == 10
    assert await database.read(count) == 20


async def test_a_reader_never_writes(database: Database) -> None:
    """A read that tries to write is refused by the engine."""
    with pytest.raises((StorageUnavailable, DBAPIError)):
        await database.read(lambda tx: tx.execute(text("DELETE FROM api_keys")))


async def test_a_reader_sees_one_moment_to_its_end(database: Database) -> None:
    """What is committed while a reader reads is not in its second statement either."""
    loop = asyncio.get_running_loop()

    def read(tx: Tx) -> tuple[int, int]:
        before = count(tx)
        asyncio.run_coroutine_threadsafe(database.write(make, 1), loop).result(10)
        return before, count(tx)

    assert await database.read(read) == (0, 0)
    assert await database.read(count) == 1


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
async def test_the_books_refuse_change_and_deletion(database: Database, table: str, statement: str) -> None:
    """UPDATE and DELETE on append-only tables are refused by the schema itself."""
    async with open_shop(database) as shop:
        serial = (await shop.card())["serial_number"]
        await shop.book(serial, "credit", 5)
        await shop.book(serial, "debit", 2)
        await shop.services.checkpoints.make()
        column = next(iter(metadata.tables[table].c)).name
        with pytest.raises((Conflict, DBAPIError)):
            await database.write(lambda tx: tx.execute(text(statement.format(table, column))))
        assert await shop.services.proof.verify() == (1, 2)


async def test_a_wakeup_comes_with_the_commit(database: Database) -> None:
    """Who waits for a topic is woken by a committed transaction that announces it, and not by one that failed."""
    wakeup = database.subscribe("publish")

    def failing(tx: Tx) -> None:
        tx.announce("publish")
        raise NotFound

    with pytest.raises(NotFound):
        await database.write(failing)
    waiting = asyncio.create_task(wakeup.wait(20))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await database.write(lambda tx: tx.announce("publish"))
    async with asyncio.timeout(2):
        await waiting


async def test_another_process_is_woken_on_postgresql(postgres_url: str) -> None:
    """Two databases on one PostgreSQL are two processes to each other; announcements travel by NOTIFY."""
    one, two = open_database(postgres_url), open_database(postgres_url)
    await one.start()
    await two.start()
    try:
        wakeup = two.subscribe("deliver")
        for _ in range(50):
            await one.write(lambda tx: tx.announce("deliver"))
            loop = asyncio.get_running_loop()
            before = loop.time()
            await wakeup.wait(0.2)
            if loop.time() - before < 0.19:
                return
        pytest.fail("no announcement arrived")
    finally:
        await one.close()
        await two.close()


def difference(connection: Connection) -> list[object]:
    """Return what an autogenerated migration would still change."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def test_the_migrations_build_exactly_the_tables_of_the_code(database_url: str) -> None:
    """A fresh database after all migrations equals the metadata."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert difference(connection) == []
    engine.dispose()


def test_migrating_again_changes_nothing(database_url: str) -> None:
    """A second start finds the schema in place."""
    migrate(database_url)


def test_a_newer_schema_is_refused(database_url: str) -> None:
    """A database of a newer release is not touched."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ConfigurationRefused, match="newer"):
        migrate(database_url)


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_a_sqlite_that_can_corrupt_a_database_is_known(version: tuple[int, ...], fixed: bool) -> None:
    """The WAL-reset bug is fixed in 3.51.3 and in the back-ports 3.50.7 and 3.44.6."""
    assert is_fixed(version) is fixed


async def test_sqlite_runs_durably(sqlite_url: str) -> None:
    """Writer and readers use WAL with synchronous=FULL and foreign keys."""
    database = open_database(sqlite_url)
    await database.start()

    def pragmas(tx: Tx) -> list[object]:
        return [
            tx.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert await database.write(pragmas) == ["wal", 2, 1]
    assert await database.read(pragmas) == ["wal", 2, 1]
    await database.close()


async def test_a_sqlite_that_would_not_sync_each_commit_is_refused(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With synchronous=NORMAL a power cut loses answered bookings, so walletd does not start."""
    monkeypatch.setattr("walletd.db.engine.sqlite_file.PRAGMAS", ("journal_mode=WAL", "synchronous=NORMAL"))
    with pytest.raises(ConfigurationRefused, match="synchronous"):
        await open_database(sqlite_url).start()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p"])
async def test_a_sqlite_file_on_a_network_file_system_is_refused(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The shared index of a WAL needs one machine's memory; the refusal says where to go instead."""
    monkeypatch.setattr("walletd.db.engine.sqlite.file_system_of", lambda _path: kind)
    with pytest.raises(ConfigurationRefused, match=f"{kind}.*WALLETD_DATA_DIR or use PostgreSQL"):
        await open_database(sqlite_url).start()
    with pytest.raises(ConfigurationRefused, match=kind):
        migrate(sqlite_url)


def test_the_file_system_of_a_path_is_that_of_the_nearest_mount_above_it() -> None:
    """A path below /proc lies on proc, also where nothing exists under its name yet."""
    assert file_system_of(Path("/proc/new.sqlite3")) == "proc"
    assert file_system_of(Path("/new.sqlite3")) != "proc"


def test_a_mount_point_with_a_space_in_its_name_is_read(tmp_path: Path) -> None:
    """The kernel writes a space in the name of a mount point as an octal number."""
    mounts = "disk / ext4 rw 0 0\nserver:/shop /srv/my\\040shop nfs4 rw 0 0\n"
    (tmp_path / "mounts").write_text(mounts)
    assert file_system_of(Path("/srv/my shop/x.sqlite3"), tmp_path / "mounts") == "nfs4"
    assert file_system_of(Path("/srv/my shops/x.sqlite3"), tmp_path / "mounts") == "ext4"


async def test_a_postgresql_that_answers_before_it_stores_is_refused(postgres_url: str) -> None:
    """With synchronous_commit=off a power cut loses answered bookings, so walletd does not start."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{engine.url.database}" SET synchronous_commit = off'))
    engine.dispose()
    with pytest.raises(ConfigurationRefused, match="synchronous_commit = off"):
        await open_database(postgres_url).start()


@pytest.mark.usefixtures("postgres_server")
async def test_a_postgresql_that_never_syncs_is_refused() -> None:
    """With fsync=off a power cut loses the whole database, so walletd does not start."""
    with careless_server() as url, pytest.raises(ConfigurationRefused, match="fsync = off"):
        await open_database(url).start()


async def test_a_full_disk_books_nothing_and_heals_without_a_restart(sqlite_url: str) -> None:
    """When the disk is full a booking is refused whole, reads go on, and with new room bookings go on too."""
    database = open_database(sqlite_url)
    await database.start()

    def pages(tx: Tx, limit: int) -> int:
        size: int = tx.execute(text(f"PRAGMA max_page_count = {limit}")).scalar_one()
        return size

    async with open_shop(database) as shop:
        serial = (await shop.card())["serial_number"]
        await database.write(pages, 1)
        booked = await book_until_full(shop, serial)
        assert await shop.balance(serial) == booked
        await database.write(pages, 1_000_000)
        await shop.book(serial, "credit", 1)
        assert await shop.balance(serial) == booked + 1
        assert (await shop.services.proof.verify())[1] == booked + 1
    await database.close()


async def book_until_full(shop: Shop, serial: str) -> int:
    """Credit one by one, several at a time, until the disk is full; return how many were booked."""
    booked = 0
    for _ in range(500):
        results = await asyncio.gather(*(shop.book(serial, "credit", 1) for _ in range(4)), return_exceptions=True)
        booked += sum(isinstance(result, dict) for result in results)
        if any(isinstance(result, StorageFull) for result in results):
            return booked
    pytest.fail("the disk never got full")


def test_a_role_of_its_own_is_refused_on_sqlite(tmp_path: Path) -> None:
    """SQLite belongs to one process, and the refusal says what to do."""
    with pytest.raises(ConfigurationRefused, match="PostgreSQL"):
        open_database(f"sqlite:///{tmp_path}/x.db", role="worker")


def test_an_unknown_engine_is_refused() -> None:
    """Only the two engines are known."""
    with pytest.raises(ConfigurationRefused):
        open_database("mysql://x")


async def test_more_callers_than_the_queue_holds_are_refused_early(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full queue answers at once instead of growing without bound."""
    monkeypatch.setattr("walletd.db.engine.sqlite.WAITING_MAX", 3)
    backend = SqliteBackend(sqlite_url.removeprefix("sqlite:///"))
    futures = [backend.write(count) for _ in range(5)]
    assert sum(future.done() for future in futures) == 2
    with pytest.raises(StorageUnavailable):
        futures[-1].result(0)


async def test_a_database_that_was_removed_takes_no_bookings(sqlite_url: str) -> None:
    """What is booked into a file without a name would be lost: it is refused, and the process is told to end."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    database = open_database(sqlite_url)
    await database.start()
    told: list[str] = []
    database.on_broken(lambda: told.append("broken"))
    async with open_shop(database) as shop:
        serial = (await shop.card())["serial_number"]
        await asyncio.to_thread(path.rename, path.with_suffix(".gone"))
        with pytest.raises(StorageUnavailable, match="removed or replaced"):
            await shop.book(serial, "credit", 1)
    await database.close()
    assert told
