"""Rows that go to the driver as they are: what is written is what is read, on both engines."""

from __future__ import annotations

from contextlib import nullcontext
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

from walletd.db.engine.base import Tx
from walletd.db.engine.bulk import delete_rows, finding, insert_rows, one_of, one_of_rows, together, update_rows
from walletd.db.engine.database import Database, open_database
from walletd.domain.errors import Conflict

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
others = Table("others", things.metadata, Column("name", String(30), primary_key=True), Column("large", BigInteger))
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
        insert_rows(tx, things, rows)

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
    await database.write(update_rows, things, changes)
    assert await database.read(everything) == [
        row("a", 1, large=1, long="x"),
        row("a", 2, large=20, long="y", details={"new": 1}),
        row("b", 1, large=3),
    ]


async def test_only_rows_that_hold_all_that_is_named_are_deleted(database: Database) -> None:
    """A row that changed in one of the columns since it was read stays, whatever other rows hold."""
    await store(database, row("a", large=1), row("b", large=2), row("c", large=3))
    seen = [{"name": "a", "large": 1}, {"name": "b", "large": 3}, {"name": "c", "large": 2}, {"name": "d", "large": 1}]
    await database.write(delete_rows, things, seen)
    assert await database.read(everything) == [row("b", large=2), row("c", large=3)]


_UNLESS = "ON CONFLICT (name, part) DO NOTHING"


async def test_a_row_that_is_there_already_is_left_out_where_that_is_asked_for(database: Database) -> None:
    """What was there first stays."""
    await store(database, row("a", large=1))
    more = [row("a", large=2), row("b", large=3)]
    await database.write(insert_rows, things, more, on_conflict=_UNLESS)
    assert await database.read(everything) == [row("a", large=1), row("b", large=3)]


@pytest.mark.parametrize("is_together", [False, True])
async def test_a_transaction_that_must_store_every_row_is_run_again_where_one_is_left_out(
    postgres_url: str, *, is_together: bool
) -> None:
    """Nothing of the first run stays, and the second one sees what is stored now; an only writer is never too late."""
    database = open_database(postgres_url)
    await database.start()
    await store(database, row("a", large=1))
    runs: list[set[str]] = []

    def write(tx: Tx) -> None:
        runs.append({found["name"] for found in everything(tx)})
        with together(tx) if is_together else nullcontext():
            insert_rows(tx, things, [row(f"run {len(runs)}")])
            new = [row(name) for name in ("a", "b") if len(runs) == 1 or name not in runs[-1]]
            insert_rows(tx, things, new, on_conflict=_UNLESS, all_or_again=True)

    await database.write(write)
    assert runs == [{"a"}, {"a"}]
    assert [found["name"] for found in await database.read(everything)] == ["a", "b", "run 2"]
    await database.close()


async def test_rows_that_are_sent_together_are_stored_as_if_each_was_sent_by_itself(database: Database) -> None:
    """Inserts and updates of several tables, and afterwards everything is sent at once again."""
    await store(database, row("a", large=1))

    def write(tx: Tx) -> None:
        tx.execute(CreateTable(others))
        with together(tx):
            insert_rows(tx, things, [row("b", long=text) for text in _TEXTS[:1]])
            update_rows(tx, things, [{"name": "a", "part": 0, "large": 2}])
            insert_rows(tx, others, [{"name": "x", "large": 5}])
        insert_rows(tx, others, [{"name": "y", "large": 6}])
        with together(tx):
            pass

    await database.write(write)
    assert await database.read(everything) == [row("a", large=2), row("b", long=_TEXTS[0])]
    rows = await database.read(lambda tx: tx.execute(select(others).order_by(others.c.name)).all())
    assert [tuple(found) for found in rows] == [("x", 5), ("y", 6)]


async def test_what_a_statement_finds_together_is_known_at_the_end(database: Database) -> None:
    """The server sends it with the others; the embedded engine has no such, and says so."""
    await store(database)
    copy = (
        "INSERT INTO things (name, part, details) SELECT name, part, '{}' FROM json_to_recordset(%s)"
        " AS given (name text, part integer) RETURNING name AS found"
    )

    def write(tx: Tx) -> tuple[str, list[str] | None, list[str] | None]:
        with together(tx):
            insert_rows(tx, things, [row("a")], all_or_again=True)
            found = finding(tx, copy, [{"name": name, "part": 1} for name in ("b", "c")])
            none = finding(tx, copy.replace("RETURNING", "WHERE false RETURNING"), [{"name": "d", "part": 1}])
            assert not found
        return tx.engine, found, none

    engine, found, none = await database.write(write)
    names = [item["name"] for item in await database.read(everything)]
    expected: dict[str, tuple[object, ...]] = {
        "postgresql": (["b", "c"], [], ["a", "b", "c"]),
        "sqlite": (None, None, ["a"]),
    }
    assert (found, none, names) == expected[engine]


async def test_what_fails_together_leaves_nothing(database: Database) -> None:
    """One row that is refused takes the whole transaction back, as it always does."""
    await store(database)

    def write(tx: Tx) -> None:
        with together(tx):
            insert_rows(tx, things, [row("a")])
            insert_rows(tx, things, [row("a")])

    with pytest.raises((Conflict, DBAPIError)):
        await database.write(write)
    assert await database.read(everything) == []


async def test_no_rows_are_no_statement(database: Database) -> None:
    """An empty batch asks the engine nothing: the table does not even exist."""
    await database.write(insert_rows, things, [])
    await database.write(update_rows, things, [])


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["text 2"],
        ["a'b", "%s", "ü", "text 2"],
        ['"a", {b}', "\\", '\\"', "NULL", ""],
        [f"n{place}" for place in range(70_000)],
    ],
)
async def test_one_of_finds_what_is_named_however_many_names_there_are(database: Database, names: list[str]) -> None:
    """More names than an engine takes parameters, awkward ones, and none."""
    stored = {"a'b", "%s", "n69999", "ü", "text 1", "text 2", '"a", {b}', "\\", '\\"', "NULL", "", "a"}
    await store(database, *(row(name) for name in stored))
    query = select(things.c.name).where(one_of(things.c.name, "names"))
    found = await database.read(lambda tx: set(tx.execute(query, {"names": names}).scalars()))
    assert found == stored & set(names)


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


@pytest.mark.parametrize(
    "places", [[], [("a'b", "%s")], [("ü", "x"), ("a", "b")], [("n", str(n)) for n in range(20_000)]]
)
async def test_one_of_rows_finds_only_what_matches_in_every_column(
    database: Database, places: list[tuple[str, str]]
) -> None:
    """Names that are both there, but in different rows, are not found."""
    stored = {("a'b", "%s"), ("ü", "b"), ("a", "x"), ("a", "b"), ("n", "19999")}
    await store(database, *(row(name, place, long=text) for place, (name, text) in enumerate(sorted(stored))))
    query = select(things.c.name, things.c.long).where(one_of_rows([things.c.name, things.c.long], "places"))
    found = await database.read(lambda tx: {tuple(item) for item in tx.execute(query, {"places": places})})
    assert found == stored & set(places)
