"""Rows that go to the driver as they are: what is written is what is read, on both engines."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from walletd.db.base import Tx
from walletd.db.bulk import insert_rows, one_of, update_rows
from walletd.db.database import Database, open_database

things = Table(
    "things",
    MetaData(),
    Column("name", String(30), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("large", BigInteger),
    Column("small", SmallInteger),
    Column("short", String(4)),
    Column("long", Text),
    Column("body", LargeBinary),
    Column("details", JSON),
)
_TEXTS = ("", "'; DROP TABLE things; --", "50 % of %s and :name", r"\x41 \\ \"", "Jürgen 🎁 \u2028", '{"a": [1, null]}')


def row(name: str, part: int = 0, **more: object) -> dict[str, object]:
    """A row of things; what is not named is empty."""
    empty = dict.fromkeys(("large", "small", "short", "long", "body"))
    return {"name": name, "part": part, **empty, "details": {}, **more}


def everything(tx: Tx) -> list[dict[str, Any]]:
    """Return all rows in order of their keys."""
    rows = tx.execute(select(things)).mappings()
    return sorted((dict(found) for found in rows), key=lambda item: (item["name"], item["part"]))


async def store(database: Database, *rows: dict[str, object]) -> None:
    """Make the table with these rows."""

    def write(tx: Tx) -> None:
        tx.execute(CreateTable(things))
        assert insert_rows(tx, things, rows) == len(rows)

    await database.write(write)


async def test_every_value_comes_back_as_it_was_given(database: Database) -> None:
    """Texts of every kind, all bytes, the largest numbers, nested JSON, and nothing at all."""
    rows = [row(f"text {place}", long=text) for place, text in enumerate(_TEXTS)]
    nested = {"a": [None, "ü%", 2**60]}
    rows.insert(0, row("bytes", body=bytes(range(256)), large=2**63 - 1, small=-(2**15), details=nested))
    await store(database, *rows)
    assert await database.read(everything) == rows


async def test_an_update_changes_the_columns_it_names_in_the_rows_it_names(database: Database) -> None:
    """Rows are found by the whole primary key; everything else stays."""
    await store(database, row("a", 1, large=1, long="x"), row("a", 2, large=2, long="y"), row("b", 1, large=3))
    changes = [{"name": "a", "part": 2, "large": 20, "details": {"new": 1}}, {"name": "no", "part": 1, "large": 0}]
    changes[1]["details"] = {}
    assert await database.write(lambda tx: update_rows(tx, things, changes)) == 1
    assert await database.read(everything) == [
        row("a", 1, large=1, long="x"),
        row("a", 2, large=20, long="y", details={"new": 1}),
        row("b", 1, large=3),
    ]


async def test_a_row_that_is_there_already_is_left_out_where_that_is_asked_for(database: Database) -> None:
    """How many were stored tells whether one was left out."""
    await store(database, row("a", large=1))
    more, unless = [row("a", large=2), row("b", large=3)], "ON CONFLICT (name, part) DO NOTHING"
    assert await database.write(lambda tx: insert_rows(tx, things, more, on_conflict=unless)) == 1
    assert await database.read(everything) == [row("a", large=1), row("b", large=3)]


async def test_no_rows_are_no_statement(database: Database) -> None:
    """An empty batch asks the engine nothing: the table does not even exist."""
    assert await database.write(lambda tx: insert_rows(tx, things, []) + update_rows(tx, things, [])) == 0


@pytest.mark.parametrize(
    "names", [[], ["text 2"], ["a'b", "%s", "ü", "text 2"], [f"n{place}" for place in range(70_000)]]
)
async def test_one_of_finds_what_is_named_however_many_names_there_are(database: Database, names: list[str]) -> None:
    """More names than an engine takes parameters, awkward ones, and none."""
    await store(database, *(row(name) for name in ("a'b", "%s", "n69999", "ü", "text 1", "text 2")))
    query = select(things.c.name).where(one_of(things.c.name, "names"))
    found = await database.read(lambda tx: set(tx.execute(query, {"names": names}).scalars()))
    assert found == {"a'b", "%s", "n69999", "ü", "text 1", "text 2"} & set(names)


async def test_a_text_that_is_too_long_for_its_column_is_refused_and_never_cut(postgres_url: str) -> None:
    """PostgreSQL cuts silently where a text is cast; what is written here is not. The error does not repeat the row."""
    database = open_database(postgres_url)
    await database.start()
    try:
        with pytest.raises(DBAPIError, match="too long") as refused:
            await store(database, row("a", short="12345", long="something private"))
    finally:
        await database.close()
    assert "private" not in str(refused.value)
