"""The languages of the phone page, and their catalogues: a text is English in the source, and that is its key.

The demo imports nothing of walletd, so it has a catalogue of its own, `de.po` beside this file, read at the start.
`python -m tests.house.catalogues` writes into it what the source has, and drops what the source has no longer.
"""

from __future__ import annotations

from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

_SOURCE: Final = "en"


def gettext_noop(text: str) -> str:
    """Return the text as it is: it is marked for the catalogues here, and translated where it is shown."""
    return text


def translations(language: str) -> NullTranslations:
    """Return the texts of a language that `choose_language` returned."""
    return _CATALOGUES[language]


def choose_language(accept_language: str) -> str:
    """Return `de` or `en`, whichever the Accept-Language header prefers; English where it says neither."""
    wishes = []
    for position, item in enumerate(accept_language.split(",")):
        name, _, parameters = item.strip().partition(";")
        quality = parameters.strip().removeprefix("q=") if parameters else "1"
        try:
            wishes.append((-float(quality), position, name.split("-")[0].lower()))
        except ValueError:
            continue
    return next((name for weight, _, name in sorted(wishes) if weight < 0 and name in _CATALOGUES), _SOURCE)


def _read(path: Path) -> GNUTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


_CATALOGUES: Final = {
    _SOURCE: NullTranslations(),
    **{path.stem: _read(path) for path in Path(__file__).parent.glob("*.po")},
}
