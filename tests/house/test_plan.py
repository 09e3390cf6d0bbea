"""Floors, areas, nouns: where things stand, so that a stranger finds them at the first guess (docs/architecture.md)."""

from __future__ import annotations

import re

import grimp
import pytest

from tests.house.plan import FLOORS, circles, files_per_folder, imports_between
from tests.house.source import ROOT

_FILES_MAX = 15
# A migration is never moved or merged once it is released, so their folder only grows.
_GROWS = "walletd/db/migrations/versions"
_AREAS = {
    "customers",
    "cards",
    "promotions",
    "ledger",
    "delivery",
    "outbox",
    "exchange",
    "merchants",
    "operations",
}
_BESIDE_AREAS = {
    "walletd/db": {"engine", "views", "migrations"},
    "walletd/services": {"changes"},
    "walletd/cli": {"demo"},
}
_CUT_BY_AREA = ("walletd/domain", "walletd/db", "walletd/services", "walletd/web/api", "walletd/cli")


def test_no_folder_holds_more_than_fifteen_files() -> None:
    """A folder that outgrows fifteen files has become a drawer."""
    counted = files_per_folder()
    assert {folder: count for folder, count in counted.items() if count > _FILES_MAX and folder != _GROWS} == {}


@pytest.mark.parametrize("floor", _CUT_BY_AREA)
def test_a_floor_has_the_areas_of_the_house_and_no_others(floor: str) -> None:
    """The same few names stand on every floor."""
    folders = {path.parent.name for path in (ROOT / floor).glob("*/__init__.py")}
    assert folders - _AREAS - _BESIDE_AREAS.get(floor, set()) == set()


def test_every_area_is_in_the_table_of_the_documentation() -> None:
    """The table of areas in docs/architecture.md names each area and nothing else."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = text[text.index("| area | nouns |") :].split("\n\n", 1)[0]
    assert set(re.findall(r"^\| ([a-z]+) \|", table, re.MULTILINE)) - {"area"} == _AREAS


def test_areas_of_a_floor_do_not_import_each_other_in_circles() -> None:
    """Every pair of areas has one direction, on every floor."""
    graph = grimp.build_graph("walletd")
    assert {floor: found for floor in FLOORS if (found := circles(imports_between(graph, floor)))} == {}


def test_circles_are_found_where_there_are_some() -> None:
    """The count of circles sees a direct one and one over several areas, and no more."""
    imports = {"a": {"b": 1}, "b": {"a": 1}, "c": {"d": 2}, "d": {"e": 1}, "e": {"c": 1}, "f": {"a": 1}}
    assert circles(imports) == [("a", "b"), ("c", "d", "e")]
