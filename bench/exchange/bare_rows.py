"""The limit of an import: the same rows in the same tables with their indexes, written by the driver alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy.engine import make_url

TABLES: Final = (
    "customers",
    "accounts",
    "cards",
    "card_keys",
    "transactions",
    "ledger_entries",
    "lots",
    "audit_log",
    "dirty_cards",
    "idempotency_records",
    "import_rows",
)
"""What an import writes."""
_SCHEMA: Final = (
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index') AND name NOT LIKE 'sqlite_%'"
)
_AT_ONCE: Final = 25
"""Customers to a commit, as an import has them."""
_ROWS_MOST: Final = 100_000

# What is put into these statements are the names of our own tables.


def rate_of_sqlite(source: Path, target: Path, rows: int) -> float:
    """Write rows that an import wrote into another file, as durably; return customers a second."""
    wanted = min(rows, _ROWS_MOST)
    connection = sqlite3.connect(source)
    schema = [text for (text,) in connection.execute(_SCHEMA)]
    kept: dict[str, list[Any]] = {
        name: connection.execute(f"SELECT * FROM {name} ORDER BY rowid DESC LIMIT {wanted}").fetchall()[::-1]  # noqa: S608
        for name in TABLES
    }
    connection.close()
    bare = sqlite3.connect(target, isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    for text in schema:
        bare.execute(text)
    began = time.perf_counter()
    for part in _parts(kept, wanted):
        bare.execute("BEGIN IMMEDIATE")
        for name, found in part.items():
            bare.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(found[0]))})", found)  # noqa: S608
        bare.execute("COMMIT")
    taken = time.perf_counter() - began
    bare.close()
    return wanted / taken


def rate_of_postgres(url: str, rows: int) -> float:
    """Write rows that an import wrote into tables like those beside them; return customers a second."""
    wanted = min(rows, _ROWS_MOST)
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        kept: dict[str, list[Any]] = {}
        for name in TABLES:
            connection.execute(f"CREATE TABLE bare_{name} (LIKE {name} INCLUDING ALL)")
            as_text = f"SELECT {_texts(connection, name)} FROM {name} LIMIT {wanted}"  # noqa: S608
            kept[name] = connection.execute(as_text).fetchall()
        connection.commit()
        began = time.perf_counter()
        for part in _parts(kept, wanted):
            with connection.cursor() as cursor:
                for name, found in part.items():
                    marks = ", ".join(["%s"] * len(found[0]))
                    cursor.executemany(f"INSERT INTO bare_{name} VALUES ({marks})", found)  # noqa: S608
            connection.commit()
        return wanted / (time.perf_counter() - began)


def _texts(connection: psycopg.Connection[Any], name: str) -> str:
    """Return the columns of a table, JSON as text: so it is stored again as it is."""
    query = (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
    )
    found = connection.execute(query, [name]).fetchall()
    return ", ".join(f'"{column}"::text' if kind == "json" else f'"{column}"' for column, kind in found)


def _parts(kept: Mapping[str, Sequence[Any]], wanted: int) -> list[dict[str, Sequence[Any]]]:
    """Return the rows of so many customers at a time."""
    parts = []
    for first in range(0, wanted, _AT_ONCE):
        part = {name: rows[first : first + _AT_ONCE] for name, rows in kept.items()}
        parts.append({name: rows for name, rows in part.items() if rows})
    return parts
