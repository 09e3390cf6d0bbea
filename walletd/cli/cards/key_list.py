"""A list of new keys in a file: one card a line, CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from walletd.domain.cards.keys import Rewrite
from walletd.domain.errors import ValidationFailed
from walletd.domain.exchange.import_files import Record, examine, read_records

_CARD: Final = frozenset({"card", "karte", "serial_number", "seriennummer", "old_key", "alter schlüssel"})
_KEY: Final = frozenset({"key", "schlüssel", "new_key", "neuer schlüssel"})


def read_key_list(file: Path) -> list[Rewrite]:
    """Return the rows of a file with a column of cards and one of new keys, UTF-8; raises ValidationFailed."""
    with file.open("rb") as opened:
        form = examine(opened)
        if form.encoding == "cp1252":
            raise ValidationFailed(f"{file.name} is not UTF-8: save it as »CSV UTF-8«.")
        opened.seek(0)
        records = read_records(opened, form)
        header = [name.strip().casefold() for name in next(records, Record(1, [])).cells]
        card = next((place for place, name in enumerate(header) if name in _CARD), None)
        key = next((place for place, name in enumerate(header) if name in _KEY), None)
        if card is None or key is None:
            raise ValidationFailed("Line 1 must name the columns card and key (Karte and Schlüssel).")
        return [_row(record, card, key) for record in records]


def _row(record: Record, card: int, key: int) -> Rewrite:
    if len(record.cells) <= max(card, key):
        raise ValidationFailed(f"Line {record.line} has too few columns.")
    return Rewrite(record.cells[card].strip(), record.cells[key].strip())
