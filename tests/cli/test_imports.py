"""Import and export from the shell."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Walletd
from walletd.bootstrap import Application, application
from walletd.domain.cards.programs import NewProgram
from walletd.services.exchange.imports.imports import ImportOptions
from walletd.services.merchants.merchants import shell
from walletd.settings import load


def a_program(folder: Path, kind: str = "stamp") -> str:
    """Make a program and return its id."""

    async def run() -> str:
        async with application(load({"WALLETD_DATA_DIR": str(folder)}), serving=False) as app:
            by = shell((await app.services.merchants.get(None)).id)
            return (await app.services.programs.create(by, NewProgram(kind, "Stempel"))).id

    return asyncio.run(run())


def a_file(folder: Path, *lines: str) -> str:
    """A file of customers; without lines 120 of them."""
    rows = lines or tuple(f"{1000 + n};Muster {n};{n + 1}" for n in range(120))
    path = folder / "customers.csv"
    path.write_text("\n".join(("Kundennummer;Nachname;Saldo", *rows, "")), "utf-8")
    return str(path)


def test_a_dry_run_prints_what_every_row_would_do_and_books_nothing(shop: Walletd, tmp_path: Path) -> None:
    """Each row has a line; afterwards the books are empty."""
    program, file = a_program(tmp_path / "data"), a_file(tmp_path)
    shown = shop("import", file, "--program", program, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "line 2: create customer 1000, issue card, book 1\n" in shown.output
    assert shown.output.count("\nline ") == 119
    assert "Nothing was booked." in shown.output
    assert shop("ledger", "verify").output.startswith("The ledger holds: 0 accounts")


def test_a_file_is_imported_exported_and_imported_again(shop: Walletd, tmp_path: Path) -> None:
    """What was exported changes nothing when it comes back."""
    program, file = a_program(tmp_path / "data"), a_file(tmp_path)
    booked = shop("import", file, "--program", program, "--json")
    assert booked.exit_code == 0, booked.output
    document = json.loads(booked.stdout)
    assert (document["state"], document["done"], document["booked"]) == ("COMMITTED", 120, 7260)
    out = tmp_path / "out.csv"
    assert shop("export", "customers", str(out), "--program", program, "--language", "de").exit_code == 0
    again = shop("import", str(out), "--program", program, "--json")
    document = json.loads(again.stdout)
    assert [document[name] for name in ("rows", "created", "updated", "cards", "bookings")] == [120, 0, 0, 0, 0]
    transactions = shop("export", "transactions")
    assert transactions.stdout_bytes.count(b"\r\n") == 121
    assert "The ledger holds: 120 accounts, 120 entries" in shop("ledger", "verify").output


def test_a_file_with_an_error_ends_with_its_line_and_exit_code_1(shop: Walletd, tmp_path: Path) -> None:
    """Nothing is booked, and the line on standard error says where and why."""
    program = a_program(tmp_path / "data")
    ended = shop("import", a_file(tmp_path, "1;Muster;elf"), "--program", program)
    assert ended.exit_code == 1
    assert "line 2: error: balance must be a number such as 12 or 12,50" in ended.output


@pytest.mark.parametrize(("content", "line"), [(b'Nachname\n"offen\n', 2), (b"", 1), (b"Nachname\n\0\n", 2)])
def test_a_file_that_cannot_be_read_is_wrong_use(shop: Walletd, tmp_path: Path, content: bytes, line: int) -> None:
    """One line on standard error with the line of the file, and exit code 2."""
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    ended = shop("import", str(path))
    assert (ended.exit_code, f"Line {line} " in ended.output) == (2, True), ended.output


def test_an_import_that_was_interrupted_goes_on_with_the_same_command(shop: Walletd, tmp_path: Path) -> None:
    """Half of it was booked when the process ended; the command books the other half."""
    folder, file = tmp_path / "data", a_file(tmp_path)
    program = a_program(folder)

    async def half(app: Application) -> None:
        by = shell((await app.services.merchants.get(None)).id)
        content = io.BytesIO(Path(file).read_bytes())  # noqa: ASYNC240 - a test waits for nobody
        form = await app.services.imports.examine(content)
        report = await app.services.imports.upload(by, content, form, ImportOptions(program))
        await app.services.imports.commit(by, report.head.id)
        await app.services.imports.book_next(by.merchant_id, report.head.id)

    async def run() -> None:
        async with application(load({"WALLETD_DATA_DIR": str(folder)}), serving=False) as app:
            await half(app)

    asyncio.run(run())
    ended = shop("import", file, "--program", program)
    assert ended.exit_code == 0, ended.output
    assert ended.output.startswith("Booked. 120 rows")
    assert "The ledger holds: 120 accounts, 120 entries" in shop("ledger", "verify").output
