"""The catalogues of texts, each held against the part of the source that it speaks for.

`python -m tests.house.catalogues` writes into them what the source has, and drops what it has no longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from tests.house.source import ROOT

_PARTS: Final = (ROOT / "walletd", ROOT / "walletd" / "demo")
"""Folders whose texts stand in the catalogues of their own folder `texts`."""
CATALOGUES: Final = [path for part in _PARTS for path in sorted((part / "texts").glob("*.po"))]

_METHODS: Final = [("**.py", "python"), ("**.html", "jinja2")]
_KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_PLACE: Final = re.compile(r"%(?:\((\w+)\)\w|(%)|(.?))", re.DOTALL)
_WIDTH: Final = 120


def extracted(path: Path) -> Catalog:
    """Return the texts of code and templates that a catalogue speaks for, untranslated."""
    part = path.parent.parent
    found = Catalog(project="walletd")
    for name, _, text, comments, context in extract_from_dir(
        part,
        _METHODS,
        {"**.html": {"silent": "false"}},
        keywords=_KEYWORDS,
        comment_tags=["For translators:"],
        directory_filter=lambda folder: Path(folder) not in _PARTS,
    ):
        place = (part / name).relative_to(ROOT).as_posix()
        found.add(text, None, [(place, 0)], auto_comments=comments, context=context)
    return found


def read(path: Path) -> Catalog:
    """Return a catalogue, also with what it keeps as obsolete."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem, abort_invalid=True)


def faults(catalogue: Catalog, source: Catalog) -> Iterator[str]:
    """Yield what is missing, unused, fuzzy or has other places for values than the source, a line each."""
    wanted = {_key(message): message for message in source if message.id}
    present = {_key(message): message for message in catalogue if message.id}
    yield from (f"missing: {key}" for key in wanted.keys() - present.keys())
    yield from (f"unused: {key}" for key in present.keys() - wanted.keys())
    yield from (f"obsolete: {message.id}" for message in catalogue.obsolete.values())
    for key, message in present.items():
        if message.fuzzy:
            yield f"fuzzy: {key}"
        if not all(_strings(message.string)):
            yield f"not translated: {key}"
        elif any(_places(text) != _places(_strings(message.id)[-1]) for text in _strings(message.string)):
            yield f"other places: {key}"


def update(path: Path, source: Catalog) -> None:
    """Write a catalogue anew: translations are kept, new texts are empty, unused ones go."""
    catalogue = read(path)
    catalogue.update(source, no_fuzzy_matching=True, update_creation_date=False)
    text = BytesIO()
    write_po(text, catalogue, width=_WIDTH, sort_by_file=True, ignore_obsolete=True, include_lineno=False)
    path.write_bytes(text.getvalue())


def _key(message: Message) -> tuple[str | None, tuple[str, ...]]:
    return message.context, _strings(message.id)


def _strings(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def _places(text: str) -> set[tuple[str, ...]]:
    return set(_PLACE.findall(text))


if __name__ == "__main__":
    for catalogue_path in CATALOGUES:
        update(catalogue_path, extracted(catalogue_path))
