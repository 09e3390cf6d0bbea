"""P17: whoever changes the books behind walletd's back is found, whatever was changed."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite3
import pytest

from tests.builders import Shop, open_shop
from walletd.db.engine.database import open_database
from walletd.domain.errors import AccountUnproved, LedgerUnproved

_TAMPERINGS = 1000
_TABLES = ("ledger_entries", "transactions", "lots", "lot_consumptions", "accounts")
_UNPROVED = {
    # When to look again, what was told, and whose account it is: merging changes the last, so no chain can cover it.
    "accounts": {"id", "program_id", "customer_id", "due_at", "next_expiry", "last_unlock", "fault"},
    "lots": {"noticed_at"},
    # Places say which comes first; other numbers in the same order say the same.
    "lot_consumptions": {"place"},
}


@asynccontextmanager
async def a_shop_at(path: Path) -> AsyncIterator[Shop]:
    """A shop in a file of SQLite."""
    database = open_database(f"sqlite:///{path}")
    await database.start()
    async with open_shop(database) as shop:
        yield shop
    await database.close()


async def a_history(shop: Shop) -> None:
    """Book whatever there is: credits, debits over several lots, redemptions, returns, expiry, debt."""
    for _ in range(3):
        serial = (await shop.card())["serial_number"]
        order = await shop.post(serial, "purchase", purchase_total=5000, reference="receipt", campaign="spring")
        soon = (shop.clock.now + timedelta(days=1)).isoformat()
        await shop.post(serial, "credit", amount=30, valid_until=soon, reason="sorry")
        await shop.post(serial, "credit", amount=20, locked_until=soon)
        await shop.post(serial, "debit", amount=40)
        await shop.capture((await shop.reserve(serial, 10))["code"], 5)
        await shop.release((await shop.reserve(serial, 10))["code"])
        await shop.reverse(order["transaction_id"], purchase_total=1000)
        await shop.reserve(serial, 5)
    one, other = await shop.card(), await shop.card()
    for card in (one, other):
        await shop.post(card["serial_number"], "credit", amount=20)
    await shop.merge(one["customer_id"], other["customer_id"])
    shop.clock.advance(minutes=5)


def tamper(connection: sqlite3.Connection, chance: random.Random) -> str:
    """Change, delete or swap something in one of the tables, past the triggers; return what was done."""
    table = chance.choice(_TABLES)
    rows = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()  # noqa: S608 - one of the five
    names = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
    row, other = chance.sample(rows, 2)
    deed = chance.choice(("change", "change", "delete", "swap"))
    if deed == "delete" and table != "accounts":
        connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row[0],))  # noqa: S608
        return f"deleted from {table}"
    column = chance.choice([name for name in names if name not in _UNPROVED.get(table, ())])
    before = row[1 + names.index(column)]
    value = other[1 + names.index(column)] if deed == "swap" else another(before, chance)
    if value == before:
        value = another(before, chance)
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row[0]))  # noqa: S608
    return f"{table}.{column}: {before!r} → {value!r}"


def another(value: Any, chance: random.Random) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, int):
        return value + chance.choice((-1, 1, 1000))
    return "x" if value is None else f"{value[:-1]}{'x' if value[-1:] != 'x' else 'y'}"


@pytest.mark.slow
async def test_a_thousand_random_tamperings_are_all_found(sqlite_template: Path, tmp_path: Path) -> None:
    """P17: edits, deletions and swaps straight in the tables; the proof names a fault for each of them."""
    path, kept = tmp_path / "walletd.sqlite3", tmp_path / "kept.sqlite3"
    shutil.copy(sqlite_template, path)
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    missed, found = list[str](), 0
    async with a_shop_at(path) as shop:
        await a_history(shop)
        await shop.services.proof.verify()
        with sqlite3.connect(path, isolation_level=None) as connection:
            connection.execute("VACUUM INTO ?", (str(kept),))
            for table in _TABLES:
                for action in ("update", "delete"):
                    connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_{action}")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            while found + len(missed) < _TAMPERINGS:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    done = tamper(connection, chance)
                except sqlite3.IntegrityError:
                    connection.execute("ROLLBACK")
                    continue
                connection.execute("COMMIT")
                try:
                    await shop.services.proof.verify()
                    missed.append(done)
                except LedgerUnproved:
                    found += 1
                restore(connection, kept)
            await shop.services.proof.verify()
    assert missed == [], f"seed {seed}"


def restore(connection: sqlite3.Connection, original: Path) -> None:
    """Bring the five tables back to what they were."""
    connection.execute("ATTACH ? AS original", (str(original),))
    connection.execute("BEGIN IMMEDIATE")
    for table in _TABLES:
        connection.execute(f"DELETE FROM main.{table}")  # noqa: S608
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM original.{table}")  # noqa: S608
    connection.execute("COMMIT")
    connection.execute("DETACH original")


async def test_an_account_with_a_fault_redeems_nothing_until_it_holds_again(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """I-01: the nightly proof stops redemptions of the account that it cannot prove, and of no other."""
    path = tmp_path / "walletd.sqlite3"
    shutil.copy(sqlite_template, path)
    async with a_shop_at(path) as shop:
        serial, other = [(await shop.card())["serial_number"] for _ in range(2)]
        for card in (serial, other):
            await shop.post(card, "credit", amount=10)
        change = (
            "UPDATE accounts SET collected = collected + ?"
            " WHERE id = (SELECT account_id FROM cards WHERE serial_number = ?)"
        )
        with sqlite3.connect(path) as connection:
            connection.execute(change, (1, serial))
        with pytest.raises(LedgerUnproved):
            await shop.services.assurance.prove_ledger()
        with pytest.raises(AccountUnproved):
            await shop.post(serial, "debit", amount=1)
        await shop.post(serial, "credit", amount=1)
        await shop.post(other, "debit", amount=1)
        with sqlite3.connect(path) as connection:
            connection.execute(change, (-1, serial))
        await shop.services.assurance.prove_ledger()
        assert (await shop.post(serial, "debit", amount=1))["account"]["total"] == 10
