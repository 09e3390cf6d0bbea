"""PostgreSQL databases that tests use one after another: emptying one costs a twentieth of making and dropping one.

A test finds nothing of the tests before. A database is used again only where its catalogue is as the migrations left
it, nobody is connected any more, and no table has outgrown the size up to which the planner takes a table for new.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from tests.postgres import TestServer

_TABLE_BYTES_MAX: Final = 9 * 8192
"""The planner takes a table that was never analysed and has fewer than ten pages to have ten."""
_CATALOGUES: Final = (
    *("pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_proc", "pg_namespace"),
    *("pg_statistic", "pg_depend", "pg_db_role_setting"),
)
_OTHERS: Final = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_PATIENCE_SECONDS: Final = 2.0
_DELETIONS: Final = (
    "SELECT format('DELETE FROM %I', relname) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
)
_OUTGROWN: Final = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND pg_relation_size(oid) > %s"
)
# Whatever changes a catalogue adds a row with a newer transaction or takes one away; ANALYZE changes figures in place.
_CATALOGUE: Final = " UNION ALL ".join(
    (
        "SELECT count(*), max(version_num) FROM alembic_version",
        "SELECT sum(relpages), sum(reltuples)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        *(f"SELECT count(*), max(xmin::text::bigint)::text FROM {name}" for name in _CATALOGUES),  # noqa: S608 - names from above
    )
)


@dataclass(slots=True)
class _Held:
    connection: psycopg.Connection[Any]
    empty: str
    catalogue: Any


class Recycling:
    """The databases of one process of the tests."""

    def __init__(self, server: TestServer, worker: str) -> None:
        self._server = server
        self._worker = worker
        self._held: dict[str, _Held] = {}
        self._free: list[str] = []

    def take(self) -> str:
        """Return the address of a migrated database without any row."""
        if self._free:
            return self._free.pop()
        url = self._server.create(self._worker)
        superuser = self._server.superuser_url(url)
        if superuser is not None:
            connection = psycopg.connect(superuser, autocommit=True)
            connection.execute("SET session_replication_role = replica")  # neither references nor guards hold it up
            empty = ";".join(deletion for (deletion,) in connection.execute(_DELETIONS))
            self._held[url] = _Held(connection, empty, connection.execute(_CATALOGUE).fetchall())
        return url

    def give_back(self, url: str) -> None:
        """Empty a database for the next test, or drop it where that would not make it new."""
        held = self._held.get(url)
        if held is not None and _is_emptied(held):
            self._free.append(url)
        else:
            self._drop(url)

    def close(self) -> None:
        """Drop all."""
        for url in list(self._held):
            self._drop(url)

    def _drop(self, url: str) -> None:
        held = self._held.pop(url, None)
        if held is not None:
            held.connection.close()
        self._server.drop(url)


def _wait_for_others(connection: psycopg.Connection[Any]) -> None:
    """Return when nobody else is connected: a closed connection lives on for a moment, a forgotten one is ended."""
    patience_ends = time.monotonic() + _PATIENCE_SECONDS
    while connection.execute(f"SELECT pid {_OTHERS}").fetchall():
        if time.monotonic() > patience_ends:
            connection.execute(f"SELECT pg_terminate_backend(pid) {_OTHERS}")
        time.sleep(0.002)


def _is_emptied(held: _Held) -> bool:
    try:
        _wait_for_others(held.connection)
        if held.connection.execute(_CATALOGUE).fetchall() != held.catalogue:
            return False
        if held.connection.execute(_OUTGROWN, [_TABLE_BYTES_MAX]).fetchall():
            return False
        held.connection.execute(held.empty)
    except psycopg.Error:
        return False
    return True
