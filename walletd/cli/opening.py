"""Opening walletd for one command: settings, a database of this release, the services, and no serving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import click

from walletd.bootstrap import Application, application, schema
from walletd.domain.errors import ConfigurationRefused
from walletd.services.merchants.merchants import shell
from walletd.settings import Settings, from_process

Result = TypeVar("Result")

merchant_option = click.option("--merchant", "merchant_id", metavar="ID", help="Which merchant, where there are more.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


def check_schema(settings: Settings) -> None:
    """Refuse a database that is missing or not of this release; raises ConfigurationRefused."""
    present, wanted = schema(settings.database_url)
    if present is None:
        raise ConfigurationRefused("There is no database yet; run: walletd init")
    if present != wanted:
        raise ConfigurationRefused(
            f"The database has schema {present} and this release works with {wanted};"
            " start walletd serve of the newer release once."
        )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Application]:
    """Give the services for a command beside a server that may be running."""
    check_schema(settings)
    role = "all" if settings.database_is_sqlite else "cli"
    async with application(settings, role=role, serving=False) as app:
        yield app


def run_command(work: Callable[[Application], Awaitable[Result]]) -> Result:
    """Open walletd as the environment says, do the work, and close it."""
    settings = from_process()

    async def run() -> Result:
        async with opened(settings) as app:
            return await work(app)

    return asyncio.run(run())


__all__ = ["check_schema", "json_option", "merchant_option", "opened", "run_command", "shell"]


def private_file(path: Path) -> bytes:
    """Read a file that holds a secret; one that others may read is refused (R10)."""
    if path.stat().st_mode & 0o077:
        raise ConfigurationRefused(f"Others may read {path}; run: chmod 600 {path}")
    return path.read_bytes()
