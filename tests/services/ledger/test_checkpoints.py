"""Checkpoints: what the inside cannot show, a copy kept outside does (P17)."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3
import pytest

from tests.builders import Shop
from tests.services.ledger.test_tampering import a_history, a_shop_at
from walletd.domain.errors import CheckpointInvalid, LedgerUnproved
from walletd.domain.ledger.checkpoints import SignedCheckpoint
from walletd.services.ledger import checkpoints as service

_OF_THE_BOOKS = ("lot_consumptions", "lots", "ledger_entries", "redemptions", "transactions")


async def signed(shop: Shop) -> SignedCheckpoint:
    """Make a checkpoint."""
    made = await shop.services.checkpoints.make()
    assert made is not None
    return made


async def test_a_checkpoint_covers_every_entry_and_a_second_one_only_what_is_new(shop: Shop) -> None:
    """Nothing new makes no new checkpoint; one more entry makes one over one account."""
    assert await shop.services.checkpoints.make() is None
    await a_history(shop)
    first = await signed(shop)
    assert await signed(shop) == first
    serial = (await shop.card())["serial_number"]
    await shop.post(serial, "credit", amount=1)
    second = (await signed(shop)).checkpoint
    assert (second.number, second.accounts) == (first.checkpoint.number + 1, 1)
    assert second.entries == await shop.services.proof.expected_entries()
    assert second.previous_digest == first.checkpoint.digest()
    assert await shop.services.checkpoints.verify(first) == second.number


async def test_processes_that_sign_at_once_take_different_numbers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second signs what is left; together they cover everything once, in small steps."""
    monkeypatch.setattr(service, "_ACCOUNTS_AT_ONCE", 2)
    await a_history(shop)
    await asyncio.gather(*(shop.services.checkpoints.make() for _ in range(4)))
    newest = (await signed(shop)).checkpoint
    assert (newest.number, newest.entries) == (3, await shop.services.proof.expected_entries())
    assert await shop.services.checkpoints.verify() == 3


def changes(text: str) -> list[str]:
    """Return the text of a checkpoint with one thing changed: each line in turn, and a line gone."""
    lines = text.splitlines()
    flipped = [line[:-1] + ("1" if line[-1] != "1" else "2") for line in lines]
    return [
        "\n".join([*lines[:place], *other, *lines[place + 1 :]])
        for place in range(len(lines))
        for other in ([flipped[place]], [])
    ]


async def test_a_copy_survives_mail_and_paper_but_no_change(shop: Shop) -> None:
    """Quoting, other line ends and spaces do no harm; any other number, time, digest or signature is refused."""
    await a_history(shop)
    made = await signed(shop)
    read = shop.services.checkpoints.read
    mailed = "Dear bookkeeper,\r\n\r\n" + "".join(f"> {line}  \r\n" for line in made.text().splitlines()) + "-- \r\n"
    assert read(made.text().encode()) == read(mailed.encode()) == made
    for changed in [*changes(made.text()), "", made.text() + made.text().replace("number: 1", "number: 2")]:
        with pytest.raises(CheckpointInvalid):
            read(changed.encode())


@pytest.fixture
def books(sqlite_template: Path, tmp_path: Path) -> Path:
    """An empty database in a file."""
    path = tmp_path / "walletd.sqlite3"
    shutil.copy(sqlite_template, path)
    return path


def unguarded(path: Path) -> sqlite3.Connection:
    """Open a database with nothing that keeps its tables append-only."""
    connection = sqlite3.connect(path, isolation_level=None)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in names:
        connection.execute(f"DROP TRIGGER {name}")
    return connection


async def test_books_that_were_cut_off_are_found_by_a_copy_from_outside_only(books: Path) -> None:
    """Books set back whole to an older state prove themselves; the newest checkpoint, kept elsewhere, does not fit."""
    older = books.with_name("older.sqlite3")
    async with a_shop_at(books) as shop:
        await a_history(shop)
        before = await signed(shop)
        with sqlite3.connect(books) as connection:
            connection.execute("VACUUM INTO ?", (str(older),))
        serial = (await shop.card())["serial_number"]
        await shop.post(serial, "credit", amount=7)
        outside = shop.services.checkpoints.read((await signed(shop)).text().encode())
        with unguarded(books) as connection:
            connection.execute("ATTACH ? AS older", (str(older),))
            connection.execute("BEGIN IMMEDIATE")
            for table in (*_OF_THE_BOOKS, "checkpoints", "checkpoint_heads", "accounts"):
                connection.execute(f"DELETE FROM main.{table}")  # noqa: S608 - names from this file
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM older.{table}")  # noqa: S608
            connection.execute("COMMIT")
        await shop.services.proof.verify()
        assert await shop.services.checkpoints.verify(before) == 1
        with pytest.raises(LedgerUnproved, match="cut off"):
            await shop.services.checkpoints.verify(outside)


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE checkpoints SET entries = entries + 1",
        "UPDATE checkpoints SET created_at = created_at - 1000",
        "UPDATE checkpoint_heads SET hash = 'x'",
        "UPDATE checkpoint_heads SET new = new + 1",
        "DELETE FROM checkpoint_heads WHERE account_id = (SELECT MIN(account_id) FROM checkpoint_heads)",
        "DELETE FROM checkpoints WHERE number = 1",
    ],
)
async def test_a_checkpoint_that_was_changed_is_found(books: Path, deed: str) -> None:
    """Every column of a checkpoint, and every head, is held by signature and chain."""
    async with a_shop_at(books) as shop:
        await a_history(shop)
        await signed(shop)
        await shop.post((await shop.card())["serial_number"], "credit", amount=7)
        await signed(shop)
        with unguarded(books) as connection:
            connection.execute(deed)
        with pytest.raises(LedgerUnproved, match="Checkpoint"):
            await shop.services.checkpoints.verify()


async def test_entries_that_a_checkpoint_covers_cannot_be_written_anew(books: Path) -> None:
    """Cutting the last entry off with everything it did is found from inside once it is under a checkpoint."""
    async with a_shop_at(books) as shop:
        serial = (await shop.card())["serial_number"]
        await shop.post(serial, "credit", amount=7)
        with sqlite3.connect(books) as connection:
            kept = connection.execute("SELECT * FROM accounts").fetchall()
        await shop.post(serial, "credit", amount=9)
        await signed(shop)
        with unguarded(books) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for table in ("ledger_entries", "lots"):
                connection.execute(f"DELETE FROM {table} WHERE sequence = 2")  # noqa: S608 - two names from above
            connection.execute("DELETE FROM transactions WHERE id NOT IN (SELECT transaction_id FROM ledger_entries)")
            connection.execute("DELETE FROM accounts")
            marks = ", ".join("?" * len(kept[0]))
            connection.executemany(f"INSERT INTO accounts VALUES ({marks})", kept)  # noqa: S608
        with pytest.raises(LedgerUnproved, match="at the time of a checkpoint"):
            await shop.services.proof.verify()
