"""`walletd import`: customers with their balances from a CSV file, of any size."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO

import click

from walletd.bootstrap import Application
from walletd.cli.exits import CHECK_FAILED
from walletd.cli.opening import json_option, merchant_option, run_command
from walletd.domain.exchange.imports import CheckedRow, ImportState
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import PageRequest
from walletd.services.exchange.imports.imports import ImportOptions, ImportReport, Progress
from walletd.services.merchants.merchants import shell
from walletd.web.api.exchange.import_answers import import_answer

_PAGE = 100


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--program", "program_id", metavar="ID", help="Program whose cards are issued; without it customers only."
)
@click.option("--dry-run", is_flag=True, help="Print what every row would do, and book nothing.")
@click.option("--lenient", is_flag=True, help="Visits and balances that cannot be taken over are warnings, not errors.")
@merchant_option
@json_option
def import_file(file: BinaryIO, *, dry_run: bool, merchant_id: str | None, as_json: bool, **options: object) -> None:
    """Take customers and balances in from FILE, a CSV file in UTF-8 or Windows-1252.

    Nothing is booked unless every row is valid. An import that was interrupted goes on with the same command.
    """

    async def work(app: Application) -> ImportReport:
        by = shell((await app.services.merchants.get(merchant_id)).id)
        wanted = ImportOptions(**options)  # type: ignore[arg-type]  # click gives them by these names
        form = await app.services.imports.examine(file)
        if not dry_run:
            running = await app.services.imports.running_with(by, form, wanted.program_id)
            if running is not None:
                return await _book(app, by, running.id, show=not as_json)
        with _bar(form.lines - 1, "Checking", show=not as_json) as progress:
            report = await app.services.imports.upload(by, file, form, wanted, progress)
        if dry_run and not as_json:
            await _print_rows(app, by, report.head.id)
        if dry_run or report.head.state == ImportState.FAILED:
            return report
        return await _book(app, by, report.head.id, show=not as_json)

    report = run_command(work)
    click.echo(json.dumps(import_answer(report)) if as_json else _summary(report))
    if not as_json:
        _print_findings(report)
    if report.head.state == ImportState.FAILED or report.head.left_out:
        sys.exit(CHECK_FAILED)


def _print_findings(report: ImportReport) -> None:
    for row in report.noted:
        for said in row.findings:
            click.echo(f"line {row.line}: {said['level']}: {said['column']} {said['detail']}", err=True)
    for row in report.left_out:
        click.echo(f"line {row.line}: left out: {row.outcome}", err=True)


async def _book(app: Application, by: Principal, import_id: str, *, show: bool) -> ImportReport:
    report = await app.services.imports.commit(by, import_id)
    done = 0
    with _bar(report.head.rows, "Booking", show=show) as progress:
        while True:
            head = await app.services.imports.book_next(by.merchant_id, import_id)
            if progress is not None:
                progress(head.done - done)
            done = head.done
            if head.state != ImportState.COMMITTING:
                return await app.services.imports.get(by, import_id)


def _bar(length: int, label: str, *, show: bool) -> AbstractContextManager[Progress | None]:
    """Give what moves a progress bar on, None where nobody looks."""
    if not show or not sys.stderr.isatty():
        return nullcontext()
    return _Bar(length, label)


class _Bar:
    """A progress bar on the terminal."""

    def __init__(self, length: int, label: str) -> None:
        self._bar = click.progressbar(length=length, label=label, file=sys.stderr)

    def __enter__(self) -> Progress:
        """Show the bar and return what moves it on."""
        return self._bar.__enter__().update

    def __exit__(self, *_: object) -> None:
        """End the line of the bar."""
        self._bar.render_finish()


async def _print_rows(app: Application, by: Principal, import_id: str) -> None:
    cursor: str | None = None
    while True:
        page = await app.services.imports.rows(by, import_id, PageRequest(_PAGE, cursor))
        for row in page.items:
            click.echo(_line(row))
        cursor = page.next_cursor
        if cursor is None:
            return


def _line(row: CheckedRow) -> str:
    customer = row.customer_id or (f"customer {row.number}" if row.number is not None else "customer")
    actions = [f"{row.action} {customer}"]
    actions += [f"{row.card} card"] if row.card != "none" else []
    actions += [f"book {row.amount}"] if row.amount is not None else []
    return f"line {row.line}: {', '.join(actions)}"


def _summary(report: ImportReport) -> str:
    head = report.head
    plan = (
        f"{head.rows} rows: {head.created} customers new, {head.updated} changed, {head.cards} cards,"
        f" {head.bookings} bookings of {head.booked} together"
    )
    if head.state == ImportState.COMMITTED:
        return f"Booked. {plan}." + (f" {head.left_out} rows were left out." if head.left_out else "")
    return f"{head.state}. {plan}; {head.errors} rows with errors, {head.warnings} with warnings. Nothing was booked."
