"""The catalogues say in each language what the source says in English, no less and no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from tests.house.catalogues import CATALOGUES, extracted, faults, read, update
from tests.house.source import ROOT
from walletd.texts.catalogues import LANGUAGES, spoken, translations

_GERMAN = ROOT / "walletd" / "texts" / "de.po"
_DEMO = ROOT / "walletd" / "demo" / "texts"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_catalogue_has_all_texts_of_the_source_translated(path: Path) -> None:
    """Nothing is missing, unused, fuzzy or obsolete, and each translation takes the same values."""
    source = extracted(path)
    assert len(source) > 20
    assert list(faults(read(path), source)) == []


def test_every_language_but_that_of_the_source_has_a_catalogue() -> None:
    """A language that can be chosen has texts, on the pages of walletd and on that of the demo."""
    folders = {path.parent for path in CATALOGUES}
    spoken_there = {folder: {path.stem for path in CATALOGUES if path.parent == folder} for folder in folders}
    assert spoken_there == dict.fromkeys((_GERMAN.parent, _DEMO), set(LANGUAGES) - {"en"})


def _catalogue(*texts: tuple[str, str], obsolete: str = "", fuzzy: bool = False) -> Catalog:
    catalogue = Catalog(locale="de", fuzzy=False)
    for text, translation in texts:
        catalogue.add(text, translation, flags=["fuzzy"] if fuzzy else [])
    if obsolete:
        catalogue.add(obsolete, "Alt")
        catalogue.obsolete[obsolete] = catalogue[obsolete]
        catalogue.delete(obsolete)
    return catalogue


@pytest.mark.parametrize(
    ("catalogue", "fault"),
    [
        (_catalogue(), "missing"),
        (_catalogue(("Hello %(name)s", "Hallo %(name)s"), ("Bye", "Ade")), "unused"),
        (_catalogue(("Hello %(name)s", "Hallo %(name)s"), obsolete="Old"), "obsolete"),
        (_catalogue(("Hello %(name)s", "Hallo %(name)s"), fuzzy=True), "fuzzy"),
        (_catalogue(("Hello %(name)s", "")), "not translated"),
        (_catalogue(("Hello %(name)s", "Hallo %(nane)s")), "other places"),
        (_catalogue(("Hello %(name)s", "Hallo %(name)s zu 5 %")), "other places"),
    ],
)
def test_each_fault_of_a_catalogue_is_found(catalogue: Catalog, fault: str) -> None:
    """A catalogue with one fault is told by its name."""
    source = _catalogue(("Hello %(name)s", ""))
    assert [line.partition(":")[0] for line in faults(catalogue, source)] == [fault]


def test_bringing_a_catalogue_up_to_date_changes_nothing_but_the_texts(tmp_path: Path) -> None:
    """What is translated stays as it is written, a new text comes in empty, and one that is gone goes."""
    copy = tmp_path / "de.po"
    copy.write_bytes(_GERMAN.read_bytes())
    source = extracted(_GERMAN)
    source.delete("Statement")
    source.add("Something new")
    update(copy, source)
    assert sorted(faults(read(copy), extracted(_GERMAN))) == [
        "missing: (None, ('Statement',))",
        "not translated: (None, ('Something new',))",
        "unused: (None, ('Something new',))",
    ]


def test_a_language_that_is_not_spoken_is_answered_in_english() -> None:
    """A region has the texts of its language, and what walletd does not speak is English."""
    answers = [translations(language).gettext("Statement") for language in ("de", "de-AT", "en", "fr", "")]
    assert answers == ["Kontoauszug", "Kontoauszug", "Statement", "Statement", "Statement"]
    assert [spoken(wishes) for wishes in (["fr", "de-CH"], [None, "fr"], ["EN", "de"])] == ["de", "en", "en"]
