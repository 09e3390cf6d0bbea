"""The SQLite file: the build that opens it, what every connection to it is told, and what its errors mean.

One process must never open one file with two builds of SQLite: their locks do not know each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from walletd.domain.errors import Conflict, StorageFull, StorageUnavailable

try:
    import pysqlite3.dbapi2 as sqlite
except ImportError:  # no wheel of the fixed build for this platform
    import sqlite3 as sqlite

__all__ = ("ONLY_READ", "PRAGMAS", "connect", "is_fixed", "sqlite", "storage_error")

PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "foreign_keys=ON",
    "mmap_size=0",
    "secure_delete=ON",  # what is erased does not stay readable in the file
)
ONLY_READ: Final = "query_only=ON"
_FIXED: Final = (((3, 51, 3), (99,)), ((3, 50, 7), (3, 51)), ((3, 44, 6), (3, 45)))


def is_fixed(version: tuple[int, ...]) -> bool:
    """Say whether this SQLite is free of the WAL-reset bug (fixed in 3.51.3, 3.50.7 and 3.44.6)."""
    return any(low <= version < high for low, high in _FIXED)


def connect(path: Path, *pragmas: str) -> Any:
    """Return a bare connection that any thread may use; transactions are begun by whoever uses it."""
    connection = sqlite.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    for pragma in (*PRAGMAS, *pragmas):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def storage_error(error: object) -> Exception:
    """Return what an error of the driver means to whoever asked."""
    text = str(error)
    if "disk is full" in text:
        return StorageFull()
    if isinstance(error, sqlite.IntegrityError):
        return Conflict(f"The request contradicts what is stored: {text}.")
    if isinstance(error, sqlite.OperationalError):
        return StorageUnavailable(f"SQLite: {text}")
    return error if isinstance(error, Exception) else StorageUnavailable(text)
