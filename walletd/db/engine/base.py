"""What all rows share, and the transaction that every query is given.

Instants are whole milliseconds since 1970, amounts whole numbers. Every row belongs to a merchant, and references carry
the merchant with them, so that no row of one merchant can point to a row of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    CursorResult,
    Executable,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Row,
    Select,
    String,
    Table,
    text,
)

from walletd.domain.calendar import from_milliseconds, milliseconds

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class RetryTransaction(Exception):
    """Another transaction was faster: the whole function is run again, on what is stored now."""


class Tx:
    """One transaction in the database's own thread: statements, and what happens once it is committed."""

    __slots__ = ("_connection", "announced", "held", "invalidated")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.announced: set[str] = set()
        self.invalidated: list[Iterable[str]] = []
        self.held: list[Any] | None = None
        """Writes that wait to be sent together, see `bulk.together`; None where each is sent at once."""

    def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run a statement, with one set of parameters or with many."""
        return self._connection.execute(statement, parameters)

    def rows(self, query: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Run a query and return its rows, taken over all at once: one by one they cost a driver twice as much."""
        return self._connection.execute(query, parameters).all()

    @property
    def engine(self) -> str:
        """Name the engine: `sqlite` or `postgresql`."""
        return self._connection.dialect.name

    def execute_rows(self, statement: str, parameters: Any) -> CursorResult[Any]:
        """Run a statement that is written for the engine's driver, with what the driver takes (see `bulk`)."""
        return self._connection.exec_driver_sql(statement, parameters)

    def announce(self, topic: str) -> None:
        """Wake whoever waits for the topic, in this process and in others, once the transaction is committed."""
        self.announced.add(topic)

    def invalidate(self, names: Iterable[str]) -> None:
        """Let this process forget what it remembers under these names, before the commit is answered.

        They are read after the commit, so a list may be filled until then.
        """
        self.invalidated.append(names)


def locked(query: Select[Any]) -> Select[Any]:
    """Return the query with its rows kept from change until commit, where an engine has several writers.

    Rows that refer to a locked one can be inserted meanwhile: only its key would hold them up, and keys never change.
    """
    return query.with_for_update(key_share=True)


def reference(table: str, *columns: str, target: Sequence[str] = ("merchant_id", "id")) -> ForeignKeyConstraint:
    """Return a foreign key that carries the merchant, so that it cannot lead to another merchant's row."""
    return ForeignKeyConstraint(["merchant_id", *columns], [f"{table}.{name}" for name in target])


def merchant_column() -> Column[str]:
    """Return the column that says whose row it is."""
    return Column("merchant_id", String(30), nullable=False)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index that holds only the rows of a condition, on either engine."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def named(row: Row[Any], table: Table, prefix: str = "") -> dict[str, Any]:
    """Return what a row holds of a table's columns, whose names stand behind a prefix in it."""
    values = row._asdict()
    return {name: values[label] for name, label in _labels(table, prefix)}


@cache
def _labels(table: Table, prefix: str) -> tuple[tuple[str, str], ...]:
    return tuple((column.name, prefix + column.name) for column in table.c)


def moment(value: int | None) -> datetime | None:
    """Return the instant of stored milliseconds, None where there is none."""
    return None if value is None else from_milliseconds(value)


def stored(value: datetime | None) -> int | None:
    """Return an instant as it is stored, None where there is none."""
    return None if value is None else milliseconds(value)


APPEND_ONLY = (
    "ledger_entries",
    "lot_consumptions",
    "transactions",
    "audit_log",
    "checkpoints",
    "checkpoint_heads",
)
"""Tables whose rows are refused to be changed or deleted, by triggers (P17)."""
