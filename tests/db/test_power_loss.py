"""P2 b: the plug is pulled under walletd's own statements, fifty times, and nothing that was answered is lost."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from tests.builders import open_shop
from tests.db.power import Disk, replay
from walletd.db.engine.database import open_database
from walletd.db.engine.sqlite_file import PRAGMAS

_SEEDS = 50
_COMMITS = 200


async def record(url: str, folder: Path) -> tuple[Path, list[str]]:
    """Let walletd book, and return its database as it was before and the statements of its writer."""
    spoken: dict[int, list[str]] = {}

    def listen(connection: Any, _record: object) -> None:
        lines = spoken.setdefault(id(connection), [])
        connection.set_trace_callback(lambda line: None if line.startswith("--") else lines.append(line))

    database = open_database(url)
    event.listen(Engine, "connect", listen)
    try:
        await database.start()
        async with open_shop(database) as shop:
            cards = [(await shop.card())["serial_number"] for _ in range(4)]
            before = folder / "before.sqlite3"
            with sqlite3.connect(url.removeprefix("sqlite:///")) as source, sqlite3.connect(before) as copy:
                source.backup(copy)
            for lines in spoken.values():
                lines.clear()
            for number in range(_COMMITS // 4):
                await asyncio.gather(*(shop.book(card, "credit", number + 1) for card in cards[:2]))
                await shop.book(cards[2], "purchase", 100 + number)
                code = (await shop.reserve(cards[0], 1))["code"]
                await (shop.capture(code) if number % 2 else shop.release(code))
    finally:
        event.remove(Engine, "connect", listen)
        await database.close()
    return before, max(spoken.values(), key=lambda lines: lines.count("COMMIT"))


_STORED = (
    "SELECT (SELECT count(*) FROM transactions) + (SELECT count(*) FROM ledger_entries)"
    " + (SELECT count(*) FROM redemptions) + (SELECT count(*) FROM redemptions WHERE state <> 'reserved')"
)


def stored(connection: sqlite3.Connection) -> int:
    """Return how many transactions, entries, redemptions, and ends of redemptions a database holds."""
    return int(connection.execute(_STORED).fetchone()[0])


def growth(before: Path, statements: list[str]) -> list[int]:
    """Return what is stored after 0, 1, 2 … commits of a machine whose power never goes."""
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        with sqlite3.connect(before) as source:
            source.backup(connection)
        grown = [stored(connection)]
        for statement in statements:
            connection.execute(statement)
            if statement == "COMMIT":
                grown.append(stored(connection))
    return grown


def pull(
    folder: Path, before: Path, statements: list[str], pragmas: tuple[str, ...], cut: int | None
) -> tuple[int, Disk]:
    """Replay the statements up to the power cut; return how many commits were answered, and the disk."""
    folder.mkdir()
    path = folder / "walletd.sqlite3"
    shutil.copy(before, path)
    disk = Disk(cut or 0, cut)
    return replay(disk, path, pragmas, statements), disk


def losses(folder: Path, before: Path, statements: list[str], pragmas: tuple[str, ...]) -> list[str]:
    """Pull the plug at fifty moments; return what was lost, and assert that every database found is sound."""
    grown = growth(before, statements)
    _, whole = pull(folder / "whole", before, statements, pragmas, cut=None)
    lost = []
    for seed in range(_SEEDS):
        cut = random.Random(seed).randrange(1, whole.operations)
        answered, disk = pull(folder / str(seed), before, statements, pragmas, cut)
        after = folder / f"{seed}-after"
        after.mkdir()
        disk.write_found(after)
        with sqlite3.connect(after / "walletd.sqlite3") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            found = stored(connection)
        assert found in grown, f"seed {seed}: half a commit is stored"
        if found < grown[answered]:
            lost.append(f"seed {seed}: {answered} commits answered, {grown[answered] - found} rows missing")
    return lost


async def test_power_cuts_lose_nothing_that_was_answered_unless_sync_is_weakened(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Writes that were not synced vanish or are torn: with walletd's pragmas 0 of 50 cuts lose a commit.

    The control shows that the disk is cruel enough: the same statements with synchronous=NORMAL lose commits.
    """
    before, statements = await record(sqlite_url, tmp_path)
    assert statements.count("COMMIT") >= _COMMITS
    (tmp_path / "full").mkdir()
    assert losses(tmp_path / "full", before, statements, PRAGMAS) == []
    weakened = tuple(pragma.replace("synchronous=FULL", "synchronous=NORMAL") for pragma in PRAGMAS)
    (tmp_path / "normal").mkdir()
    assert len(losses(tmp_path / "normal", before, statements, weakened)) > _SEEDS // 2
