"""Many rows or many names in one statement whose text never changes.

SQLAlchemy binds every value of every row by itself, and writes a list of names out as so many parameters. For a batch
of bookings that costs more than the database does. Here rows go to the driver as they are: many sets of parameters on
the embedded engine; on the server all rows as one JSON text, which one prepared statement takes apart again.
"""

# ruff: noqa: S608 - what is written into statements are the names of our own tables and columns

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
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

from walletd.db.base import Tx

_SERVER: Final = "postgresql"

# A string is always sent as text: a cast to varchar(n) would cut what is too long instead of refusing it.
_SENT_AS: Final[Sequence[tuple[type[TypeEngine[Any]], str]]] = (
    (BigInteger, "bigint"),
    (SmallInteger, "smallint"),
    (Integer, "integer"),
    (LargeBinary, "bytea"),
    (String, "text"),
    (JSON, "json"),
)
"""Types of columns and as what their values are read from the JSON text; the first that fits counts."""

Values = Mapping[str, object]
"""A row by the names of its columns."""


def insert_rows(tx: Tx, table: Table, rows: Sequence[Values], *, on_conflict: str = "") -> int:
    """Insert rows that all name the same columns, and return how many were stored."""
    if not rows:
        return 0
    names = tuple(rows[0])
    return tx.execute_rows(_insert(tx.engine, table, names, on_conflict), _parameters(tx.engine, table, names, rows))


def update_rows(tx: Tx, table: Table, rows: Sequence[Values]) -> int:
    """Set the columns that rows name, each in the row with the same primary key; return how many were found.

    On an engine with several writers the rows, or what they belong to, have to be locked before, else two batches could
    wait for each other.
    """
    if not rows:
        return 0
    names = tuple(rows[0])
    return tx.execute_rows(_update(tx.engine, table, names), _parameters(tx.engine, table, names, rows))


class _Texts(TypeDecorator[Sequence[str]]):
    """A list of texts as one parameter: an array, or a JSON array where the engine knows none."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that the engine is given."""
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == _SERVER else Text())

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        """Return the list as the engine is given it."""
        return list(value or ()) if dialect.name == _SERVER else json.dumps(list(value or ()))


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


@cache
def where_one_of(engine: str, statement: str, what: str, parameter: str) -> TextClause:
    """Return a statement that is written out, with the same condition in the place of its `{condition}`."""
    condition = _is_one_of(engine, what, f":{parameter}")
    return text(statement.format(condition=condition)).bindparams(bindparam(parameter, type_=_Texts()))


def _is_one_of(engine: str, what: str, values: str) -> str:
    return f"{what} = ANY ({values})" if engine == _SERVER else f"{what} IN (SELECT value FROM json_each({values}))"


@compiles(_OneOf)
def _compile_one_of(element: _OneOf, compiler: SQLCompiler, **more: Any) -> str:
    what, values = (compiler.process(part, **more) for part in element.clauses)
    return _is_one_of(compiler.dialect.name, what, values)


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
    place = " AND ".join(f"{table.name}.{name} = {given}{name}" for name in keys)
    return f"UPDATE {table.name} SET {values}{f' FROM {_given(table, names)}' if from_rows else ''} WHERE {place}"


def _given(table: Table, names: Sequence[str]) -> str:
    columns = ", ".join(f"{name} {_sent_as(table, name)}" for name in names)
    return f"json_to_recordset(%s) AS given ({columns})"


def _sent_as(table: Table, name: str) -> str:
    return next(written for kind, written in _SENT_AS if isinstance(table.c[name].type, kind))


def _parameters(engine: str, table: Table, names: Sequence[str], rows: Sequence[Values]) -> Any:
    if engine == _SERVER:
        return (_to_json(rows),)
    if written := [name for name in names if isinstance(table.c[name].type, JSON)]:
        return [{**row, **{name: json.dumps(row[name]) for name in written}} for row in rows]
    return rows


def _hexadecimal(value: object) -> str:
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    raise TypeError(f"A {type(value).__name__} cannot be stored.")


_to_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_hexadecimal).encode
