"""Many rows or many names in one statement whose text never changes.

SQLAlchemy binds every value of every row by itself, and writes a list of names out as so many parameters. For a batch
of bookings that costs more than the database does. Here rows go to the driver as they are: many sets of parameters on
the embedded engine; on the server all rows as one JSON text, which one prepared statement takes apart again.
"""

# ruff: noqa: S608 - what is written into statements are the names of our own tables and columns

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    bindparam,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from walletd.db.engine.base import RetryTransaction, Tx, metadata

_SERVER: Final = "postgresql"
_SMALL: Final = 10_000
"""Rows of a table below which counting it again costs less than what a plan for a small one may cost."""
_SMALL_TABLES: Final = (
    "SELECT relname FROM pg_class WHERE relnamespace = CAST(current_schema() AS regnamespace)"
    f" AND reltuples < {_SMALL} AND {{condition}} ORDER BY relname"
)

# A string is always sent as text: a cast to varchar(n) would cut what is too long instead of refusing it.
_SENT_AS: Final[Sequence[tuple[type[TypeEngine[Any]], str]]] = (
    (BigInteger, "bigint"),
    (Boolean, "boolean"),
    (SmallInteger, "smallint"),
    (Integer, "integer"),
    (LargeBinary, "bytea"),
    (String, "text"),
    (JSON, "json"),
)
"""Types of columns and as what their values are read from the JSON text; the first that fits counts."""

Values = Mapping[str, object]
"""A row by the names of its columns."""


@dataclass(frozen=True, slots=True)
class _Write:
    """A statement of the server that stores rows; with `expected`, so many must be stored.

    With `found` it returns a text as `found` for each row it stored, which is put there.
    """

    statement: str
    rows: str
    expected: int | None = None
    found: list[str] | None = None

    @property
    def result(self) -> str:
        """Return the query for what it came to, empty where nobody asks."""
        if self.found is not None:
            return "coalesce(json_agg(found), '[]')"
        return "" if self.expected is None else "count(*)"


def insert_rows(
    tx: Tx, table: Table, rows: Sequence[Values], *, on_conflict: str = "", all_or_again: bool = False
) -> None:
    """Insert rows that all name the same columns.

    With `all_or_again` the transaction is run again where a conflict left one of them out.
    """
    if rows:
        names = tuple(rows[0])
        _send(tx, _insert(tx.engine, table, names, on_conflict), table, rows, len(rows) if all_or_again else None)


def update_rows(tx: Tx, table: Table, rows: Sequence[Values]) -> None:
    """Set the columns that rows name, each in the row with the same primary key.

    On an engine with several writers the rows, or what they belong to, have to be locked before, else two batches could
    wait for each other.
    """
    if rows:
        _send(tx, _update(tx.engine, table, tuple(rows[0])), table, rows, None)


def delete_rows(tx: Tx, table: Table, rows: Sequence[Values]) -> None:
    """Delete the rows that hold, in all columns named, what one of the given rows does."""
    if rows:
        _send(tx, _delete(tx.engine, table, tuple(rows[0])), table, rows, None)


@contextmanager
def together(tx: Tx) -> Iterator[None]:
    """Hold back what is inserted, updated and deleted inside, and send it to the server as one statement at the end.

    Each statement costs the way there and back, in which a thread that waits has to get its turn again. The embedded
    engine has no such way and writes at once. No row may be written twice inside, as the parts of one statement do not
    see each other's work.
    """
    if tx.engine != _SERVER:
        yield
        return
    tx.held = held = list[_Write]()
    try:
        yield
    finally:
        tx.held = None
    if held:
        parts = tuple((write.statement, write.result) for write in held)
        results = iter(tx.execute_rows(_as_one(parts), tuple(write.rows for write in held)).one())
        for write in held:
            if write.found is not None:
                write.found.extend(next(results))
            elif write.expected is not None:
                _check(next(results), write.expected)


def finding(tx: Tx, statement: str, rows: Sequence[Values]) -> list[str] | None:
    """Add a statement to those that are sent `together`; None where there is no such, and nothing is done.

    It takes its rows as JSON in the place of its `%s`, and returns a text as `found`; the list holds them afterwards.
    """
    if tx.held is None:
        return None
    found = list[str]()
    tx.held.append(_Write(statement, _to_json(rows), found=found))
    return found


def count_small_tables(tx: Tx) -> None:
    """Let the server count the tables that were small when it last did, for whoever fills them.

    By itself it does so once a minute at the earliest, and until then plans as if they were small: to read all that a
    merchant has there. A table that somebody else keeps locked is left out, as nobody shall wait for a better plan.
    The embedded engine plans by the indexes alone.
    """
    if tx.engine != _SERVER:
        return
    named = where_one_of(_SERVER, _SMALL_TABLES, "relname", "tables")
    if small := list(tx.execute(named, {"tables": sorted(metadata.tables)}).scalars()):
        tx.execute(text(f"ANALYZE (SKIP_LOCKED) {', '.join(small)}"))


def _send(tx: Tx, statement: str, table: Table, rows: Sequence[Values], expected: int | None) -> None:
    if tx.held is not None:
        tx.held.append(_Write(statement, _to_json(rows), expected))
        return
    result = tx.execute_rows(statement, _parameters(tx.engine, table, rows))
    if expected is not None:
        _check(result.rowcount, expected)


def _check(count: int, expected: int) -> None:
    if count != expected:
        raise RetryTransaction


@cache
def _as_one(parts: tuple[tuple[str, str], ...]) -> str:
    """Return one statement that does all parts and says what some came to."""
    named = [
        f"part_{place} AS ({statement}{' RETURNING 1' if result == 'count(*)' else ''})"
        for place, (statement, result) in enumerate(parts)
    ]
    results = [f"(SELECT {result} FROM part_{place})" for place, (_, result) in enumerate(parts) if result]
    return f"WITH {', '.join(named)} SELECT {', '.join(results) or 'NULL'}"


class _Texts(TypeDecorator[Sequence[str]]):
    """A list of texts as one parameter: an array as PostgreSQL writes it, or a JSON array for SQLite."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str:
        """Return the list as the engine is given it; the driver takes ten times as long to write an array."""
        if dialect.name != _SERVER:
            return json.dumps(list(value or ()))
        escaped = [text.replace("\\", "\\\\").replace('"', '\\"') for text in value or ()]
        return '{"' + '","'.join(escaped) + '"}' if escaped else "{}"


class _OneOf(FunctionElement[bool]):
    """The condition that a column is one of the texts of a parameter."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> _OneOf:  # noqa: ARG002 - the signature of SQLAlchemy
        """Return itself: SQLAlchemy would write `= 1` behind it on the embedded engine, which then uses no index."""
        return self


def one_of(what: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of the texts of a parameter, which takes any number of them."""
    return _OneOf(what, bindparam(parameter, type_=_Texts()))


class _Rows(TypeDecorator[Collection[Sequence[str]]]):
    """Rows of texts as one parameter: a JSON array of arrays."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Collection[Sequence[str]] | None, dialect: Dialect) -> str:  # noqa: ARG002
        """Return the rows as the engine is given them."""
        return _to_json(list(value or ()))


class _OneOfRows(_OneOf):
    """The condition that columns are together one of the rows of a parameter."""

    inherit_cache = True


def one_of_rows(columns: Sequence[ColumnElement[Any]], parameter: str) -> ColumnElement[bool]:
    """Return the condition that columns hold, together, one of the rows of texts of a parameter.

    A condition for each column would be shorter, and lets the server choose to read all rows of a merchant and compare.
    """
    return _OneOfRows(*columns, bindparam(parameter, type_=_Rows()))


@cache
def where_one_of(engine: str, statement: str, what: str, parameter: str) -> TextClause:
    """Return a statement that is written out, with the same condition in the place of its `{condition}`."""
    condition = _is_one_of(engine, what, f":{parameter}")
    return text(statement.format(condition=condition)).bindparams(bindparam(parameter, type_=_Texts()))


def _is_one_of(engine: str, what: str, values: str) -> str:
    if engine == _SERVER:
        # A query of its own is run once; the cast alone would read the list anew for every row that is compared.
        return f"{what} = ANY (CAST((SELECT CAST({values} AS text[])) AS text[]))"
    return f"{what} IN (SELECT value FROM json_each({values}))"


@compiles(_OneOf)
def _compile_one_of(element: _OneOf, compiler: SQLCompiler, **more: Any) -> str:
    what, values = (compiler.process(part, **more) for part in element.clauses)
    return _is_one_of(compiler.dialect.name, what, values)


@compiles(_OneOfRows)
def _compile_one_of_rows(element: _OneOfRows, compiler: SQLCompiler, **more: Any) -> str:
    *columns, values = (compiler.process(part, **more) for part in element.clauses)
    if compiler.dialect.name == _SERVER:
        given = f"json_array_elements(CAST({values} AS json)) AS given (value)"
        parts = (f"given.value ->> {place}" for place in range(len(columns)))
    else:
        given = f"json_each({values}) AS given"
        parts = (f"json_extract(given.value, '$[{place}]')" for place in range(len(columns)))
    return f"({', '.join(columns)}) IN (SELECT {', '.join(parts)} FROM {given})"


@cache
def _insert(engine: str, table: Table, names: tuple[str, ...], on_conflict: str) -> str:
    columns = ", ".join(names)
    if engine == _SERVER:
        values = f"SELECT {columns} FROM {_given(table, names)}"
    else:
        values = f"VALUES ({', '.join(f':{name}' for name in names)})"
    return f"INSERT INTO {table.name} ({columns}) {values} {on_conflict}"


@cache
def _update(engine: str, table: Table, names: tuple[str, ...]) -> str:
    from_rows = engine == _SERVER
    given = "given." if from_rows else ":"
    keys = [column.name for column in table.primary_key]
    values = ", ".join(f"{name} = {given}{name}" for name in names if name not in keys)
    source = f" FROM {_given(table, names)}" if from_rows else ""
    return f"UPDATE {table.name} SET {values}{source} WHERE {_is_given(table, keys, given)}"


@cache
def _delete(engine: str, table: Table, names: tuple[str, ...]) -> str:
    from_rows = engine == _SERVER
    source = f" USING {_given(table, names)}" if from_rows else ""
    return f"DELETE FROM {table.name}{source} WHERE {_is_given(table, names, 'given.' if from_rows else ':')}"


def _is_given(table: Table, names: Sequence[str], given: str) -> str:
    """Return the condition that a row of the table holds what a given row does, in these columns."""
    return " AND ".join(f"{table.name}.{name} = {given}{name}" for name in names)


def _given(table: Table, names: Sequence[str]) -> str:
    columns = ", ".join(f"{name} {_sent_as(table, name)}" for name in names)
    return f"json_to_recordset(%s) AS given ({columns})"


def _sent_as(table: Table, name: str) -> str:
    return next(written for kind, written in _SENT_AS if isinstance(table.c[name].type, kind))


def _parameters(engine: str, table: Table, rows: Sequence[Values]) -> Any:
    if engine == _SERVER:
        return (_to_json(rows),)
    if written := [name for name in rows[0] if isinstance(table.c[name].type, JSON)]:
        return [{**row, **{name: json.dumps(row[name]) for name in written}} for row in rows]
    return rows


def _hexadecimal(value: object) -> str:
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    raise TypeError(f"A {type(value).__name__} cannot be stored.")


_to_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_hexadecimal).encode
