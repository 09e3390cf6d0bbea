"""What a floor may use from outside, beside the import contracts that `make lint` checks (docs/architecture.md)."""

from __future__ import annotations

import sys

import pytest

from tests.house.source import ROOT, modules

_OURS = {"walletd", "scheduler"}
_ALLOWED = {
    "walletd/domain": {"phonenumbers", "rapidfuzz"},
    "walletd/db": {"sqlalchemy", "alembic", "psycopg", "psycopg_pool", "pysqlite3", "aiosqlite"},
    "walletd/wallets": {
        "cryptography",
        "OpenSSL",
        "aioapns",
        "h2",
        "PIL",
        "qrcode",
        "httpx",
        "google",
        "msgspec",
        "babel",
    },
    "walletd/texts": {"babel"},
    "walletd/channels": {"aiosmtplib", "httpcore", "standardwebhooks"},
    "walletd/pos": set(),
    "walletd/services": set(),
    "walletd/web": {"litestar", "msgspec", "jinja2", "prometheus_client", "babel", "defusedcsv"},
    "walletd/cli": {"click", "uvicorn"},
    "walletd/demo": {"babel", "h2", "cryptography", "OpenSSL", "httpx", "qrcode", "uvicorn"},
    "scheduler": {"croniter"},
}


@pytest.mark.parametrize("floor", sorted(_ALLOWED))
def test_a_floor_uses_only_the_libraries_that_belong_to_it(floor: str) -> None:
    """A library enters on one floor, so that exchanging it is the work of one floor."""
    strangers = [
        f"{module.name}:{line} {name}"
        for module in modules(floor)
        for line, name in module.imported()
        if name.partition(".")[0] not in sys.stdlib_module_names | _OURS | _ALLOWED[floor]
    ]
    assert strangers == []


def test_every_floor_of_the_plan_is_known_here() -> None:
    """A new folder under walletd must say which libraries it may use."""
    folders = {f"walletd/{path.parent.name}" for path in (ROOT / "walletd").glob("*/__init__.py")}
    assert folders - set(_ALLOWED) == set()


def test_only_the_two_engines_ask_which_database_it_is() -> None:
    """What differs between SQLite and PostgreSQL stands in their own files, behind one protocol.

    Beside them only `bulk` writes statements for either, and only `Tx.engine` in `base` names the engine for it.
    """
    engines = {
        "walletd/db/engine/sqlite.py",
        "walletd/db/engine/sqlite_file.py",
        "walletd/db/engine/sqlite_long_reads.py",
        "walletd/db/engine/postgres.py",
        "walletd/db/engine/bulk.py",
        "walletd/db/engine/base.py",
    }
    drivers = ("sqlalchemy.dialects", "psycopg", "psycopg_pool", "sqlite3", "pysqlite3", "aiosqlite")
    asked = [
        f"{module.name}:{line} {name}"
        for module in modules("walletd", "scheduler")
        if module.name not in engines
        for line, name in module.imported()
        if f"{name}.".startswith(tuple(f"{driver}." for driver in drivers))
    ]
    compared = [
        module.name
        for module in modules("walletd", "scheduler")
        if module.name not in engines and (".dialect." in module.text or ".dialect\n" in module.text)
    ]
    assert asked + compared == []
