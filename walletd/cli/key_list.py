"""A list of new keys in a file: one card a line, CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from walletd.domain.errors import ValidationFailed
from walletd.domain.key_rewrites import Rewrite

_CARD: Final = frozenset({"card", "karte", "serial_number", "seriennummer", "old_key", "alter schlüssel"})
_KEY: Final = frozenset({"key", "schlüssel", "new_key", "neuer schlüssel"})


def read_key_list(file: Path) -> list[Rewrite]:
    """Return the rows of a file with a column of cards and one of new keys, `;` or `,` between them, UTF-8.

    Raises ValidationFailed with the line.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationFailed(f"{file.name} is not UTF-8: save it as »CSV UTF-8«.") from error
    first = text.partition("\n")[0]
    reader = csv.reader(text.splitlines(), delimiter=";" if ";" in first else ",", strict=True)
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        card = next((place for place, name in enumerate(header) if name in _CARD), None)
        key = next((place for place, name in enumerate(header) if name in _KEY), None)
        if card is None or key is None:
            raise ValidationFailed("Line 1 must name the columns card and key (Karte and Schlüssel).")
        rows = []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= max(card, key):
                raise ValidationFailed(f"Line {reader.line_num} has too few columns.")
            rows.append(Rewrite(row[card].strip(), row[key].strip()))
    except csv.Error as error:
        raise ValidationFailed(f"Line {reader.line_num} cannot be read: {error}.") from error
    return rows
