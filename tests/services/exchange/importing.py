"""Sentences about imports: files from lists of cells, uploaded, committed and booked to the end."""

from __future__ import annotations

import io
from collections.abc import Sequence

from sqlalchemy import text

from tests.builders import Shop
from walletd.db.engine.base import Tx
from walletd.domain.exchange.imports import ImportHead
from walletd.services.exchange.imports.imports import ImportOptions, ImportReport


def a_file(*rows: Sequence[object]) -> io.BytesIO:
    """A file with semicolons, as a German spreadsheet writes it."""
    return io.BytesIO("".join(";".join(map(str, row)) + "\r\n" for row in rows).encode("cp1252"))


async def upload(shop: Shop, file: io.BytesIO, kind: str | None = None, *, lenient: bool = False) -> ImportReport:
    """Validate a file, for the shop's program of a kind or for customers alone."""
    program = None if kind is None else await shop.program(kind)
    form = await shop.services.imports.examine(file)
    return await shop.services.imports.upload(shop.principal, file, form, ImportOptions(program, lenient))


async def book_all(shop: Shop, import_id: str) -> ImportHead:
    """Commit an import and book it to its end."""
    await shop.services.imports.commit(shop.principal, import_id)
    while True:
        head = await shop.services.imports.book_next(shop.principal.merchant_id, import_id)
        if head.state != "COMMITTING":
            return head


async def take_in(shop: Shop, file: io.BytesIO, kind: str | None = None, *, lenient: bool = False) -> ImportHead:
    """Validate, commit and book a file."""
    return await book_all(shop, (await upload(shop, file, kind, lenient=lenient)).head.id)


async def counts(shop: Shop) -> dict[str, int]:
    """How many rows the tables hold that an import writes to."""

    def read(tx: Tx) -> dict[str, int]:
        names = ("customers", "accounts", "cards", "ledger_entries", "idempotency_records", "dirty_cards")
        return {name: tx.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}  # noqa: S608

    return await shop.runtime.database.read(read)


def errors_of(report: ImportReport) -> list[tuple[int, str, str]]:
    """Line, column and level of all that was said about rows."""
    return [(row.line, said["column"], said["level"]) for row in report.noted for said in row.findings]
