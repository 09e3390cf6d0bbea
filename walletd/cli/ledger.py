"""`walletd ledger verify`: recomputes every balance and every hash chain."""

from __future__ import annotations

import sys

import click

from walletd.bootstrap import Application
from walletd.cli.opening import run_command


@click.group()
def ledger() -> None:
    """Look after the books."""


@ledger.command()
def verify() -> None:
    """Recompute every balance and every hash chain; exit 1 and the first fault where something does not hold."""

    async def work(app: Application) -> tuple[int, int]:
        return await app.services.ledger.verify(_progress if sys.stderr.isatty() else _silence)

    accounts, entries = run_command(work)
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    click.echo(f"The ledger holds: {accounts} accounts, {entries} entries.")


def _progress(entries: int) -> None:
    click.echo(f"\r{entries} entries proved", nl=False, err=True)


def _silence(_entries: int) -> None:
    """Nothing to show where nobody looks."""
