"""Statements are compiled once per process of the tests, not once per database.

SQLAlchemy keeps what it compiled with the dialect of an engine, and every test has engines of its own. What is kept is
the text of a statement and how its values are read, nothing of a database.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import LRUCache

_STATEMENTS = 2000


class _Kept(LRUCache[Any, Any]):
    """Compiled statements by what SQLAlchemy tells them apart by; of the dialect only its name and driver count."""

    def get(self, key: Any, default: Any = None) -> Any:
        """Return what was compiled for any engine of this kind."""
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_of_any_engine(key), value)


def share() -> None:
    """Let all engines of this process, present and future, use the same compiled statements."""
    kept = _Kept(_STATEMENTS)

    def use(connection: Connection) -> None:
        connection.execution_options(compiled_cache=kept)

    event.listen(Engine, "engine_connect", use)


def _of_any_engine(key: Any) -> Any:
    dialect, *rest = key
    return (dialect.name, dialect.driver, *rest)
