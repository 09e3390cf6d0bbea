"""The columns of import and export: their names in English and German, and cells that spreadsheets leave alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from walletd.domain.exchange.import_files import ImportFileInvalid

GERMAN: Final[Mapping[str, str]] = {
    "number": "Kundennummer",
    "ref_id": "Referenz",
    "first_name": "Vorname",
    "last_name": "Nachname",
    "company": "Firma",
    "email": "E-Mail",
    "phone": "Telefon",
    "birth_date": "Geburtsdatum",
    "street": "Straße",
    "postal_code": "PLZ",
    "city": "Ort",
    "country": "Land",
    "locale": "Sprache",
    "tags": "Schlagworte",
    "source": "Herkunft",
    "custom_fields": "Zusatzfelder",
    "utm": "UTM",
    "origins": "Kanäle",
    "feedback_rating": "Bewertung",
    "opt_in_sent": "OptIn gesendet",
    "opt_in": "OptIn",
    "opt_in_revoked": "OptIn widerrufen",
    "active": "Aktiv",
    "loyalty": "Status",
    "blocked": "Gesperrt",
    "registered": "Registriert",
    "card_key": "Kartennummer",
    "balance": "Saldo",
}
"""Name of each column → its German name; the English one is the name itself, with spaces."""

CUSTOMER: Final = tuple(name for name in GERMAN if name not in {"card_key", "balance"})
"""The columns that need no program."""

_ALIASES: Final[Mapping[str, str]] = {
    "customernumber": "number",
    "kundennr": "number",
    "mail": "email",
    "zip": "postal_code",
    "postcode": "postal_code",
    "postleitzahl": "postal_code",
    "stadt": "city",
    "strasse": "street",
    "birthday": "birth_date",
    "geburtstag": "birth_date",
    "tags": "tags",
    "language": "locale",
    "optinconfirmed": "opt_in",
    "optinbestaetigt": "opt_in",
    "status": "loyalty",
    "phonenumber": "phone",
    "telefonnummer": "phone",
    "handy": "phone",
    "guthaben": "balance",
    "kartenschluessel": "card_key",
    "key": "card_key",
}
_SIMPLE: Final = re.compile(r"[\W_]+")
# What a spreadsheet takes for a formula, and digits that it would shorten: 01067 and numbers of more than 11 digits.
_IN_DANGER: Final = re.compile(r"'*(?:[=+\-@|%\t\r\n\x00]|0\d|\d{12})")
_ARMOURED: Final = re.compile(r"'+(?:[=+\-@|%\t\r\n\x00]|0\d|\d{12})")


def header(language: str, names: Sequence[str]) -> list[str]:
    """Return the names of columns in `de` or English."""
    return [GERMAN[name] if language == "de" else english(name) for name in names]


def english(name: str) -> str:
    """Return the English name of a column."""
    return name.replace("_", " ")


def columns_of(cells: Sequence[str], *, with_program: bool) -> tuple[str, ...]:
    """Return which column each cell of the first record names; raises ImportFileInvalid."""
    found = []
    for cell in cells:
        name = _NAMES.get(_simple(cell))
        if name is None:
            offered = ", ".join(english(each) for each in GERMAN)
            raise ImportFileInvalid(f"Line 1: there is no column »{cell[:40]}«; there are: {offered}.", line=1)
        if name in found:
            raise ImportFileInvalid(f"Line 1: the column »{cell[:40]}« is there twice.", line=1)
        if not with_program and name not in CUSTOMER:
            raise ImportFileInvalid(f"Line 1: »{cell[:40]}« belongs to a program; say which.", line=1)
        found.append(name)
    return tuple(found)


def armoured(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula or a number; `disarmed` undoes it exactly."""
    return f"'{text}" if _IN_DANGER.match(text) else text


def disarmed(cell: str) -> str:
    """Return the text of a cell that `armoured` made."""
    return cell[1:] if _ARMOURED.match(cell) else cell


def _simple(name: str) -> str:
    return _SIMPLE.sub("", name.casefold().replace("ß", "ss"))


_NAMES: Final = {
    **{_simple(name): name for name in GERMAN},
    **{_simple(german): name for name, german in GERMAN.items()},
    **_ALIASES,
}
