"""All commands in one group, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import click

from walletd import __version__
from walletd.cli.cards.cards import card
from walletd.cli.demo.command import demo
from walletd.cli.exchange.exports import export
from walletd.cli.exchange.imports import import_file
from walletd.cli.exits import exit_code, sentence
from walletd.cli.ledger.ledger import ledger
from walletd.cli.merchants.api_keys import api_key
from walletd.cli.merchants.init import init
from walletd.cli.merchants.merchants import merchant
from walletd.cli.operations.doctor import doctor
from walletd.cli.operations.healthcheck import healthcheck
from walletd.cli.operations.serve import serve
from walletd.telemetry import set_up_logging


class OneLineGroup(click.Group):
    """A group whose commands end with one line on standard error where something is wrong, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; any error of ours becomes a line and its exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the last resort of a command line
            if ctx.params.get("debug"):
                traceback.print_exc()
            click.echo(f"walletd: {sentence(error)}", err=True)
            sys.exit(exit_code(error))


@click.group(cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="walletd")
@click.option("--debug", is_flag=True, help="Show where in the program an error came from.")
def main(debug: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Cards for Apple Wallet and Google Wallet, on a server that you own.

    Settings come from the environment: WALLETD_DATA_DIR, WALLETD_PUBLIC_URL and others.
    """
    del debug
    # What a command finds, it says itself; `serve` and `demo` log as the settings ask.
    set_up_logging("console", logging.CRITICAL)


for command in (api_key, card, demo, doctor, export, healthcheck, import_file, init, ledger, merchant, serve):
    main.add_command(command)
