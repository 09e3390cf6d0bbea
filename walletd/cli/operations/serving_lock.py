"""Being the only server of an embedded database: a lock that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from walletd.domain.errors import ConfigurationRefused
from walletd.settings import Settings


@contextmanager
def serving_lock(settings: Settings) -> Iterator[None]:
    """Hold the lock beside the SQLite file; raises ConfigurationRefused where another server holds it.

    Over PostgreSQL any number of servers may run, and nothing is locked.
    """
    if not settings.database_is_sqlite:
        yield
        return
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with database.with_suffix(".serving-lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationRefused(
                f"Another walletd serves {database} already; stop it, or choose another WALLETD_DATA_DIR."
            ) from error
        yield
