"""What every test can ask for: fresh databases on both engines, the parts of the system, and two guards.

Guard one: no test talks to the network; only loopback and sockets of files are open. Guard two: under CI=true a test
that was skipped has failed, so that a missing part of the system can never pass for a success.
"""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio

from tests import compiled, postgres, run_folder
from tests.postgres import PostgresMissing, TestServer
from tests.recycling import Recycling
from walletd.db.engine.database import Database, migrate, open_database

_RUN_FOLDER = pytest.StashKey[Path]()
_IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A shared or small machine is slow now and then; that is no failure of a property.
hypothesis.settings.register_profile("walletd", deadline=None, print_blob=True)
hypothesis.settings.load_profile("walletd")


# --- the run ----------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Give this run one folder, also where several worker processes share the tests."""
    sys.addaudithook(_only_loopback)
    given: dict[str, str] | None = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[_RUN_FOLDER] = Path(given["walletd_run_folder"])
        return
    for folder in run_folder.leftovers():
        _remove(folder)
    config.stash[_RUN_FOLDER] = run_folder.make()
    if config.option.basetemp is None:
        # SQLite syncs each commit in tests as in production; in memory that costs nothing.
        config.option.basetemp = str(config.stash[_RUN_FOLDER] / "tmp")
    _keep_bytecode(config.stash[_RUN_FOLDER])


def _keep_bytecode(folder: Path) -> None:
    """Compile once for all processes of the run, also where the environment lets nothing be written beside sources.

    A walletd that compiles itself needs twice the processor time to be imported, and tests start it many times.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))


def pytest_collection_finish() -> None:
    """Set aside what was imported: no collection of garbage needs to look at it again (docs/decisions/0022)."""
    gc.collect()
    gc.freeze()
    compiled.share()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a worker process of pytest-xdist where the run's folder is."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]  # xdist's controller of a worker; untyped
    node.workerinput["walletd_run_folder"] = str(config.stash[_RUN_FOLDER])  # type: ignore[attr-defined]  # as above


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop and remove what the run made."""
    if not hasattr(config, "workerinput") and _RUN_FOLDER in config.stash:
        _remove(config.stash[_RUN_FOLDER])


def _remove(folder: Path) -> None:
    postgres.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


# --- guards -----------------------------------------------------------------------------------------------------------


def _only_loopback(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse connections and look-ups that leave this machine."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not _is_local(host):
        raise RuntimeError(f"a test tried to reach {host!r}; only this machine is open to tests")


def _is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in {"", "localhost"} or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Under CI=true turn a skip into a failure."""
    report: pytest.TestReport = yield  # type: ignore[assignment]  # a wrapper receives the result here
    if _IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and CI skips nothing: {report.longrepr}"
    return report  # type: ignore[return-value]  # and hands it on here


# --- databases --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> TestServer:
    """A running PostgreSQL with a migrated template; one per run, shared by all worker processes."""
    try:
        return postgres.shared_server(pytestconfig.stash[_RUN_FOLDER])
    except PostgresMissing as error:
        pytest.skip(f"there is no PostgreSQL to test with: {error}")


@pytest.fixture(scope="session")
def sqlite_template(pytestconfig: pytest.Config) -> Path:
    """A migrated SQLite file; made once per run, copied for every test."""
    folder = pytestconfig.stash[_RUN_FOLDER]
    path = folder / "template.sqlite3"
    with run_folder.exclusively(folder):
        if not path.exists():
            migrate(f"sqlite:///{folder / 'new.sqlite3'}")
            (folder / "new.sqlite3").rename(path)
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Address of a fresh, migrated SQLite database."""
    shutil.copy(sqlite_template, tmp_path / "walletd.sqlite3")
    return f"sqlite:///{tmp_path / 'walletd.sqlite3'}"


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: TestServer) -> Iterator[Recycling]:
    """The migrated PostgreSQL databases of this process."""
    databases = Recycling(postgres_server, os.environ.get("PYTEST_XDIST_WORKER", "main"))
    yield databases
    databases.close()


@pytest.fixture
def postgres_url(postgres_databases: Recycling) -> Iterator[str]:
    """Address of a migrated PostgreSQL database without any row."""
    url = postgres_databases.take()
    yield url
    postgres_databases.give_back(url)


@pytest.fixture
def empty_postgres_url(postgres_server: TestServer) -> Iterator[str]:
    """Address of a PostgreSQL database without any schema."""
    url = postgres_server.create_empty(os.environ.get("PYTEST_XDIST_WORKER", "main"))
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Address of a fresh, migrated database; the test runs once on each engine."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A started database; the test runs once on each engine."""
    opened = open_database(database_url)
    await opened.start()
    yield opened
    await opened.close()


# --- parts of the system ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The executable of a Chromium."""
    search = subprocess.run([sys.executable, "-m", "tests.chromium"], capture_output=True, text=True, check=False)
    if search.returncode:
        pytest.skip("there is no Chromium; `make test` installs it where it may")
    return Path(search.stdout)


@pytest.fixture(scope="session")
def openssl() -> str:
    """The openssl command."""
    return _command("openssl")


@pytest.fixture(scope="session")
def strace() -> str:
    """The strace command."""
    return _command("strace")


def _command(name: str) -> str:
    """Return where a command is; without it the test is skipped, which is a failure for CI."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} command; `make test` installs it where it may")
    return found
