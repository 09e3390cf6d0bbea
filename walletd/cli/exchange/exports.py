"""`walletd export`: customers and transactions as CSV."""

from __future__ import annotations

from typing import BinaryIO

import click

from walletd.bootstrap import Application
from walletd.cli.opening import merchant_option, run_command
from walletd.services.merchants.merchants import shell
from walletd.texts.catalogues import LANGUAGES
from walletd.web.edge.csv_file import csv_chunks


@click.command()
@click.argument("what", type=click.Choice(["customers", "transactions"]))
@click.argument("file", type=click.File("wb", atomic=True), default="-")
@click.option("--program", "program_id", metavar="ID", help="Only this program; its cards beside the customers.")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", help="Names of columns, delimiter, decimals.")
@merchant_option
def export(what: str, file: BinaryIO, program_id: str | None, language: str, merchant_id: str | None) -> None:
    """Write customers or transactions as CSV to FILE, or to standard output.

    The file of customers can be changed and imported again. FILE is replaced only once it is complete.
    """

    async def work(app: Application) -> None:
        by = shell((await app.services.merchants.get(merchant_id)).id)
        make = app.services.exports.customers if what == "customers" else app.services.exports.transactions
        async for chunk in csv_chunks(await make(by, program_id, language)):
            file.write(chunk)

    run_command(work)
