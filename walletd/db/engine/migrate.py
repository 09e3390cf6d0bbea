"""Running the migrations on an open connection, whichever engine it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from walletd.domain.errors import ConfigurationRefused

_SCRIPTS = Path(__file__).parent.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def newest_revision() -> str:
    """Return the schema revision of this release."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise ConfigurationRefused("This installation carries no migrations; install walletd again.")
    return revision


def present_revision(connection: Connection) -> str | None:
    """Return the schema revision of a database, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate_connection(
    connection: Connection, guards: Sequence[str], *, backup: Callable[[Connection, str], None] | None
) -> None:
    """Upgrade to the newest revision; `guards` are the engine's append-only triggers, which can be made again.

    Raises ConfigurationRefused where the database belongs to a newer release.
    """
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    present = present_revision(connection)
    known = {script.revision for script in scripts.walk_revisions()}
    if present is not None and present not in known:
        raise ConfigurationRefused(
            f"The database has schema {present}, which this release does not know; start a newer walletd."
        )
    if present == scripts.get_current_head():
        return
    if present is not None and backup is not None:
        backup(connection, present)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    for statement in guards:
        connection.execute(text(statement))
