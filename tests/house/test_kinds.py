"""A kind of card is described once, and every other place that is keyed by kind covers the kinds described."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

import pytest

from pass_templates._artwork.emblems import EMBLEMS
from pass_templates._artwork.palettes import PALETTES
from tests.house.source import ROOT, modules
from walletd.cli.demo import shop
from walletd.domain.cards.kinds import DESCRIPTIONS, KINDS
from walletd.domain.ledger.bookings.operations import TYPES
from walletd.wallets.google.names import RESOURCES
from walletd.web.pages import names

_SHOWN_BY_GOOGLE = {kind for kind, resource in RESOURCES.items() if resource != "offer"}
_PLACES: dict[str, tuple[Collection[str], Collection[str]]] = {
    "Google's points and balances": ([kind for kind in KINDS if DESCRIPTIONS[kind].main_value], _SHOWN_BY_GOOGLE),
    "the programs of the demo": ([kind for kind, _, _ in shop._PROGRAMS], KINDS),
    "the cards of the demo": ({kind for kinds in shop._HOLDERS.values() for kind in kinds}, KINDS),
    "the names that people read": (names.KINDS, KINDS),
    "colours": (PALETTES, KINDS),
    "emblems": (EMBLEMS, KINDS),
    "templates": ([path.parent.name for path in (ROOT / "pass_templates").glob("*/template.toml")], KINDS),
    "golden passes": ([path.name.split(".")[0] for path in (ROOT / "tests/golden/apple").iterdir()], KINDS),
    "golden objects": ([path.stem for path in (ROOT / "tests/golden/google").iterdir()], KINDS),
}
_EACH = {"walletd/cli/demo/shop.py", "walletd/domain/cards/kinds.py", "walletd/web/pages/names.py"}
"""Files that every new kind touches."""
_LOGIC = {
    "walletd/domain/delivery/faces.py",
    "walletd/domain/ledger/bookings/operations.py",
    "walletd/domain/ledger/earning.py",
}
"""Files that a new kind touches only where it shows, books or earns as no other does."""
_RESOURCES = "walletd/wallets/google/names.py"
"""Names only the kinds that are no loyalty cards at Google."""


@pytest.mark.parametrize("place", _PLACES)
def test_a_place_that_is_keyed_by_kind_covers_the_kinds(place: str) -> None:
    """No kind is missing there, and none is left over."""
    found, wanted = _PLACES[place]
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if DESCRIPTIONS[kind].main_value])
def test_the_main_value_of_a_kind_stands_on_its_card(kind: str) -> None:
    """A wallet shows it in large, so it is among the values of the kind."""
    assert DESCRIPTIONS[kind].main_value in DESCRIPTIONS[kind].face


@pytest.mark.parametrize("kind", [kind for kind in KINDS if isinstance(DESCRIPTIONS[kind].starts_with, str)])
def test_what_a_new_card_starts_with_is_a_rule_of_its_kind(kind: str) -> None:
    """The merchant sets it, so it is among the rules of the kind, and a number."""
    assert isinstance(DESCRIPTIONS[kind].rules[str(DESCRIPTIONS[kind].starts_with)].default, int)


def test_operations_of_a_kind_are_types_of_transactions() -> None:
    """A description allows nothing that the ledger does not know, and something of all that it knows."""
    assert {name for kind in DESCRIPTIONS.values() for name in kind.operations} == set(TYPES)


def test_no_other_file_lists_the_kinds() -> None:
    """A file that names most kinds is one of those that a new kind touches."""
    most = len(KINDS) * 2 // 3
    listing = {
        module.name
        for module in modules("walletd")
        if len({n.value for n in ast.walk(module.tree) if isinstance(n, ast.Constant) and n.value in KINDS}) >= most
    }
    assert listing == _EACH | _LOGIC


def test_the_guide_names_the_files_that_a_new_kind_touches() -> None:
    """Whoever adds a kind is sent to each of them, and to no other file of walletd."""
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = guide.partition("\n## A kind of card\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(walletd/[\w/]+\.py)`", section)) == _EACH | _LOGIC | {_RESOURCES}
