"""CSV files that spreadsheets open as they are meant: no cell is ever taken for a formula (H5)."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from defusedcsv import csv

from walletd.services.exchange.exports import Export

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""Without it Excel takes UTF-8 for the code page of the country."""

Cell = str | int | None


def csv_lines(rows: Iterable[Sequence[Cell]], delimiter: str) -> bytes:
    """Return rows as lines of RFC 4180 in UTF-8, without a byte order mark."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def attachment(name: str) -> dict[str, str]:
    """Return the headers of a file to download; it is private and never kept by anybody between."""
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "private, no-store"}


async def csv_chunks(export: Export) -> AsyncIterator[bytes]:
    """Yield the bytes of an exported file, page by page."""
    yield BYTE_ORDER_MARK + csv_lines([list(export.header)], export.delimiter)
    async for page in export.pages:
        yield csv_lines(page, export.delimiter)
