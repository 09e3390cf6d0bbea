"""The ground that all tests stand on: fresh real databases, no network, and no skipped test in CI."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text

from tests import postgres, run_folder
from tests.builders import open_in
from tests.house.source import ROOT
from tests.postgres import TestServer
from tests.recycling import Recycling
from walletd.db.engine.base import Tx
from walletd.db.engine.database import Database, open_database
from walletd.db.schema import metadata


async def _entries(database: Database) -> int:
    def count(tx: Tx) -> int:
        return int(tx.execute(text("SELECT count(*) FROM ledger_entries")).scalar_one())

    return await database.read(count)


_MANY_ROWS = (
    "INSERT INTO merchants (id, name, currency, timezone, languages, customer_number, created_at)"
    " SELECT i, 'A shop', 'EUR', 'UTC', '[]', 1, 1 FROM generate_series(1, 2000) i"
)


async def _stored_rows(database: Database) -> int:
    def count(tx: Tx) -> int:
        tables = [table for table in metadata.sorted_tables if table.name != "alembic_version"]
        return sum(tx.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)

    return await database.read(count)


async def test_a_database_is_migrated_and_empty(database: Database) -> None:
    """A test begins with the schema that the migrations make, and no rows, on both engines."""
    assert await _entries(database) == 0


async def test_two_databases_do_not_share_anything(postgres_server: TestServer) -> None:
    """Every test has a database of its own on the shared server."""
    one, two = postgres_server.create("ground"), postgres_server.create("ground")
    assert one != two
    postgres_server.drop(one)
    postgres_server.drop(two)


async def test_a_database_that_is_used_again_is_empty(postgres_databases: Recycling) -> None:
    """What a test stored, the next one on the same database does not find, in no table."""
    url = postgres_databases.take()
    async with AsyncExitStack() as stack:
        shop = await open_in(stack, url)
        assert await _stored_rows(shop.runtime.database) > 1
    postgres_databases.give_back(url)
    url = postgres_databases.take()
    again = open_database(url)
    await again.start()
    assert await _stored_rows(again) == 0
    await again.close()
    postgres_databases.give_back(url)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ledger_entries DISABLE TRIGGER USER",
        "GRANT DELETE ON ledger_entries TO CURRENT_USER",
        "ALTER TABLE customers ADD COLUMN more int",
        "CREATE TABLE more (id int)",
        "UPDATE alembic_version SET version_num = '0001'",
        "ANALYZE customers",
        _MANY_ROWS,
    ],
)
def test_a_database_that_emptying_would_not_make_new_is_not_used_again(
    postgres_databases: Recycling, change: str
) -> None:
    """A test that changes the schema, its guards or rights, what the server counted, or much, ends its database."""
    url = postgres_databases.take()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(change)
    postgres_databases.give_back(url)
    taken = postgres_databases.take()
    postgres_databases.give_back(taken)
    assert taken != url


def test_postgresql_is_as_careful_as_in_production(postgres_server: TestServer, postgres_url: str) -> None:
    """The server syncs every commit, and walletd's role is no superuser."""
    script = f"import sqlalchemy as s; c = s.create_engine({postgres_url!r}).connect(); "
    script += "print(*(c.exec_driver_sql(q).scalar() for q in ('SHOW fsync', 'SHOW is_superuser')))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    own_server = "WALLETD_TEST_PG_URL" not in os.environ
    assert shown.split() == ["on", "off"] or not own_server
    assert postgres_server.run in postgres_url


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "cards.example"])
def test_a_test_cannot_leave_this_machine(host: str) -> None:
    """Connections and look-ups beyond loopback are refused before a packet is sent."""
    with pytest.raises(RuntimeError, match="only this machine is open to tests"):
        socket.create_connection((host, 443), timeout=1)


async def test_asyncio_cannot_leave_this_machine_either() -> None:
    """The guard holds for the event loop's connections too."""
    with pytest.raises(RuntimeError, match="only this machine is open to tests"):
        await asyncio.open_connection("192.0.2.1", 443)


@pytest.mark.parametrize(("in_ci", "status"), [("true", 1), ("", 0)])
def test_a_skipped_test_fails_in_ci_only(tmp_path: Path, in_ci: str, status: int) -> None:
    """A missing part of the system is a skip for a person and a failure for CI."""
    test = tmp_path / "test_skip.py"
    test.write_text("import pytest\n\n\ndef test_part() -> None:\n    pytest.skip('missing')\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml")]
    command += ["--rootdir", str(tmp_path), "-p", "no:cacheprovider", str(test)]
    environment = {**os.environ, "CI": in_ci}
    assert subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == status


def test_what_a_killed_run_left_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a run that ended is swept by the next; that of a living one is not."""
    monkeypatch.setattr(run_folder, "_place", lambda: tmp_path)
    alive = run_folder.make()
    dead = tmp_path / "walletd-tests-999999999-abc"
    dead.mkdir()
    assert alive.exists()
    assert run_folder.leftovers() == [dead]


@pytest.mark.parametrize("process", ["999999999", str(os.getpid())], ids=["nobody", "somebody else"])
def test_a_database_server_that_is_gone_needs_no_stopping(tmp_path: Path, process: str) -> None:
    """A killed run leaves the number of its server; nobody has it any more, or an innocent process has."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{process}\n{tmp_path}/postgres\n", encoding="utf-8")
    postgres.stop(tmp_path)
