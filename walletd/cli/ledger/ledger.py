"""`walletd ledger`: proves the books, and signs how far they have come."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click

from walletd.bootstrap import Application
from walletd.cli.opening import run_command


@click.group()
def ledger() -> None:
    """Look after the books."""


@ledger.command()
@click.option(
    "--checkpoint", "kept", type=click.File("rb"), help="A checkpoint kept elsewhere, or the mail that brought it."
)
def verify(kept: BinaryIO | None) -> None:
    """Recompute every balance and every hash chain; exit 1 and the first fault where something does not hold.

    With a checkpoint that was kept outside of this machine it also shows that nothing was cut off since then.
    """

    async def work(app: Application) -> tuple[int, int, int]:
        outside = None if kept is None else app.services.checkpoints.read(kept.read())
        checkpoints = await app.services.checkpoints.verify(outside)
        if not sys.stderr.isatty():
            return *await app.services.proof.verify(), checkpoints
        expected = await app.services.proof.expected_entries()
        with click.progressbar(length=expected, label="Proving the ledger", file=sys.stderr) as bar:
            return *await app.services.proof.verify(bar.update), checkpoints

    accounts, entries, checkpoints = run_command(work)
    click.echo(f"The ledger holds: {accounts} accounts, {entries} entries, {checkpoints} checkpoints.")


@ledger.command()
@click.option("--public-key", is_flag=True, help="Print the key that verifies checkpoints, PEM, and nothing else.")
def checkpoint(*, public_key: bool) -> None:
    """Sign how far the books have come, and print it: keep it where nobody who runs this machine can change it."""

    async def work(app: Application) -> str:
        if public_key:
            return app.services.checkpoints.public_key()
        signed = await app.services.checkpoints.make()
        return "The books are empty: there is nothing to sign yet.\n" if signed is None else signed.text()

    click.echo(run_command(work), nl=False)
