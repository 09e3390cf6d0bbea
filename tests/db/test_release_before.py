"""A database of an earlier release, with cards on phones: upgraded, proved, and no phone notices.

`releases/` holds the rows that a release left, without the merchant's certificate; a fresh demo certificate takes its
place, which has every card looked at anew. Files there are never edited. What `write_release` writes today is held to
the same, so that the next release can be written down.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import JSON, Boolean, Connection, MetaData, Table, create_engine, insert

from tests.builders import PASS_TYPE, Clock, Shop, open_shop
from tests.db.write_release import FOLDER, write
from walletd.db.engine.database import migrate, open_database
from walletd.domain.cards.kinds import KINDS
from walletd.domain.ledger.bookings.operations import TYPES

_MIGRATIONS: Final = Path(__file__).parents[2] / "walletd" / "db" / "migrations"
_TODAY: Final = "as written today"
_RELEASES: Final = (*sorted(path.stem for path in FOLDER.glob("*.json")), _TODAY)


@dataclass(frozen=True)
class Release:
    """What a release left in its database, and what was true of it then."""

    revision: str
    tables: Mapping[str, list[dict[str, Any]]]
    expected: Mapping[str, Any]


def _release(path: Path) -> Release:
    kept = json.loads(path.read_text("utf-8"))
    return Release(path.stem, kept["tables"], kept["expected"])


def _store(connection: Connection, release: Release) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, release.revision)
    schema = MetaData()
    schema.reflect(connection)
    for table in schema.sorted_tables:
        if table.name in release.tables:
            # One statement for each table, because rows of a table may name each other.
            rows = [_row(table, row) for row in release.tables[table.name]]
            connection.execute(insert(table).values(rows))


def _row(table: Table, kept: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: _value(column.type, kept.get(column.name)) for column in table.columns}


def _value(kind: object, kept: Any) -> Any:
    if isinstance(kept, dict):
        return base64.b64decode(kept["base64"])
    if isinstance(kind, JSON) and kept is not None:
        return json.loads(kept)
    return bool(kept) if isinstance(kind, Boolean) and kept is not None else kept


@asynccontextmanager
async def _upgraded(url: str, release: Release) -> AsyncIterator[Shop]:
    engine = create_engine(url)
    with engine.begin() as connection:
        _store(connection, release)
    engine.dispose()
    migrate(url)
    database = open_database(url)
    await database.start()
    try:
        clock = Clock(datetime.fromisoformat(release.expected["now"]))
        async with open_shop(database, clock, release.expected["merchant"]) as shop:
            yield shop
    finally:
        await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database without any schema; the test runs once on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'walletd.sqlite3'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture(scope="module")
def written_today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the code as it is leaves, written once for the tests of this file."""
    return write(tmp_path_factory.mktemp("releases"))


@pytest.fixture(params=_RELEASES)
def release(request: pytest.FixtureRequest) -> Release:
    """What a release left."""
    if request.param == _TODAY:
        return _release(request.getfixturevalue("written_today"))
    return _release(FOLDER / f"{request.param}.json")


async def test_the_books_of_the_release_before_are_proved_and_every_balance_stays(
    empty_url: str, release: Release
) -> None:
    """Every account is worked out again from its entries, and shows what it showed."""
    async with _upgraded(empty_url, release) as shop:
        assert list(await shop.services.proof.verify()) == release.expected["proved"]
        figures = {serial: await shop.figures(serial) for serial in release.expected["balances"]}
    assert figures == release.expected["balances"]


async def test_no_phone_notices_that_the_release_before_was_upgraded(empty_url: str, release: Release) -> None:
    """Tokens and tags stay, nothing is published anew, no phone is told, and each fetch finds nothing newer."""
    phones = release.expected["phones"]
    async with _upgraded(empty_url, release) as shop:
        # Opening the shop gave it another certificate, which marks every card as changed.
        assert (await shop.services.health.ready())["dirty_cards"]
        await shop.until_idle()
        for device, phone in phones.items():
            serial = phone["serial_number"]
            assert shop.authorization(serial) == phone["authorization"]
            assert await shop.services.devices.changed(PASS_TYPE, device, phone["tag"]) is None
            everything = await shop.services.devices.changed(PASS_TYPE, device, None)
            assert everything == ([serial], phone["tag"])
            since = phone["last_modified"]
            assert await shop.services.passes.fetch(PASS_TYPE, serial, phone["authorization"], since) is None
        assert shop.pushes.pushed == []


def test_what_a_release_left_is_never_written_over(written_today: Path) -> None:
    """A second call leaves the file as it is."""
    before = written_today.read_bytes()
    with pytest.raises(FileExistsError):
        write(written_today.parent)
    assert written_today.read_bytes() == before


def test_what_is_written_down_has_every_kind_and_every_type_of_booking(written_today: Path) -> None:
    """A release is worth keeping only with all that its books can hold."""
    tables = _release(written_today).tables
    assert {row["kind"] for row in tables["programs"]} == set(KINDS)
    assert {row["type"] for row in tables["transactions"]} >= set(TYPES)
    assert tables["redemptions"]
    assert tables["merges"]
    assert tables["checkpoints"]


async def test_a_booking_after_the_upgrade_reaches_the_phone(empty_url: str, release: Release) -> None:
    """The phones of the release before still belong to their cards: a change is told to the one that holds it."""
    phone = release.expected["phones"]["device-0"]
    async with _upgraded(empty_url, release) as shop:
        await shop.book(phone["serial_number"], "credit", 1, "after-the-upgrade")
        await shop.until_idle()
        assert len(shop.pushes.pushed) == 1
        changed = await shop.services.devices.changed(PASS_TYPE, "device-0", phone["tag"])
        assert changed is not None
        assert changed[0] == [phone["serial_number"]]
