"""`walletd ledger`: proves the books."""

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
        if not sys.stderr.isatty():
            return await app.services.proof.verify()
        expected = await app.services.proof.expected_entries()
        with click.progressbar(length=expected, label="Proving the ledger", file=sys.stderr) as bar:
            return await app.services.proof.verify(bar.update)

    accounts, entries = run_command(work)
    click.echo(f"The ledger holds: {accounts} accounts, {entries} entries.")
