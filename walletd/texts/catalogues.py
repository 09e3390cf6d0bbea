"""The languages that walletd speaks, and their catalogues: a text is English in the source, and that is its key.

`LANGUAGE.po` beside this file is what people edit and what is read at the start; nothing is compiled beforehand.
`python -m tests.house.catalogues` writes into it what the source has, and drops what the source has no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES: Final[Mapping[str, str]] = {"de": "Deutsch", "en": "English"}
"""language → its own name."""
_SOURCE: Final = "en"


def gettext_noop(text: str) -> str:
    """Return the text as it is: it is marked for the catalogues here, and translated where it is shown."""
    return text


def translations(language: str) -> NullTranslations:
    """Return the texts of a language, or of its region such as de-AT; English where walletd does not speak it."""
    return _CATALOGUES.get(language.partition("-")[0].lower(), _ENGLISH)


def spoken(wishes: Iterable[str | None]) -> str:
    """Return the first of the wishes that walletd speaks, without its region; English where it speaks none."""
    known = (wish.partition("-")[0].lower() for wish in wishes if wish)
    return next((wish for wish in known if wish in LANGUAGES), _SOURCE)


def _read(path: Path) -> GNUTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


_ENGLISH: Final = NullTranslations()
_CATALOGUES: Final = {
    language: _read(Path(__file__).with_name(f"{language}.po")) for language in LANGUAGES if language != _SOURCE
}
