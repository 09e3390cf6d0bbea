"""What the documentation names exists: commands, routes, tests, figures, settings, errors, rules, links."""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.docs.pages import PAGES, anchors, blocks, links, page, quoted, rows
from tests.house.source import ROOT
from walletd import settings, telemetry
from walletd.cli import main
from walletd.domain.cards import kinds
from walletd.domain.cards.kinds import FACE_VALUES
from walletd.domain.merchants.principals import SCOPES, Right
from walletd.web.api import openapi
from walletd.web.errors import STATUS

_METHODS = {"get", "post", "patch", "put", "delete"}


def _everywhere() -> str:
    return "\n".join(path.read_text("utf-8") for path in PAGES)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- commands ---------------------------------------------------------------------------------------------------------


def _shown_commands() -> list[str]:
    """Return every `walletd …` that the pages show, with its options."""
    shown = set(re.findall(r"`(walletd [a-z][^`]*)`", _everywhere()))
    for text in (path.read_text("utf-8") for path in PAGES):
        for block in blocks(text, "sh"):
            shown |= {line.partition("#")[0].strip() for line in block.splitlines() if line.startswith("walletd ")}
    return sorted(shown)


def _command(words: list[str]) -> tuple[click.Command, list[str]]:
    found: click.Command = main
    while words and isinstance(found, click.Group) and words[0] in found.commands:
        found = found.commands[words.pop(0)]
    return found, words


@pytest.mark.parametrize("shown", _shown_commands())
def test_a_command_that_is_shown_exists_with_its_options(shown: str) -> None:
    """Each command in the pages is one of the command line, and knows the options it is shown with."""
    command, rest = _command(shown.split()[1:])
    known = {option for parameter in command.params for option in parameter.opts}
    assert not isinstance(command, click.Group), shown
    assert {word for word in rest if word.startswith("--")} - known == set(), shown


def _leaves(command: click.Command, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(command, click.Group):
        return [leaf for name, below in command.commands.items() for leaf in _leaves(below, (*words, name))]
    return [words]


@pytest.mark.parametrize("words", _leaves(main), ids=" ".join)
def test_every_command_is_documented_and_explains_itself(words: tuple[str, ...]) -> None:
    """The page of commands names each one, and `--help` works."""
    assert f"`walletd {' '.join(words)}" in page("docs/commands.md")
    answer = CliRunner().invoke(main, [*words, "--help"])
    assert (answer.exit_code, "Usage:" in answer.output) == (0, True)


# --- routes -----------------------------------------------------------------------------------------------------------


def _routes() -> dict[str, str]:
    """Return `METHOD /path` → description of every route in the OpenAPI document."""
    document = json.loads(openapi.document("https://cards.example"))
    return {
        f"{method.upper()} {path}": operation["description"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in _METHODS
    }


def test_the_page_of_the_api_lists_exactly_the_routes_there_are() -> None:
    """Each route of the OpenAPI document is in the table with its right, and no other."""
    table = {
        quoted(cells[0])[0]: quoted(cells[1])[0]
        for cells in rows(page("docs/api.md"))
        if len(cells) == 2 and re.match(r"`(GET|POST|PATCH|PUT|DELETE) /", cells[0])
    }
    routes = _routes()
    assert set(table) == set(routes)
    assert {route for route, right in table.items() if f"Right: `{right}`" not in routes[route]} == set()


def test_the_table_of_scopes_has_the_rights_of_each() -> None:
    """What the page says that a scope opens, and what the OpenAPI document says, is what the code grants."""
    table = {
        quoted(cells[0])[0]: set(quoted(cells[1])) or set(Right)
        for cells in rows(page("docs/api.md").partition("| scope | rights |")[2].partition("\n\n")[0])
    }
    assert table == SCOPES
    schemes = json.loads(openapi.document("https://cards.example"))["components"]["securitySchemes"]
    lines = schemes["apiKey"]["description"].splitlines()
    written = {names[0]: set(names[1:]) or set(Right) for line in lines if (names := re.findall(r"`([^`]+)`", line))}
    assert written == SCOPES


def test_every_route_in_a_text_exists() -> None:
    """`METHOD /path` anywhere in the pages is a route of the API."""
    written = set(re.findall(r"`((?:GET|POST|PATCH|PUT|DELETE) /[^`\s?]+)", _everywhere()))
    assert {route.replace(" /api/v1", " ") for route in written} - set(_routes()) == set()


# --- tables that repeat what the code knows ---------------------------------------------------------------------------


def test_the_table_of_errors_has_the_status_of_each_code() -> None:
    """A person who looks a code up finds the status that the API sends."""
    table = {
        quoted(cells[0])[0]: int(cells[1])
        for cells in rows(page("docs/errors.md"))
        if len(cells) == 4 and quoted(cells[0]) and cells[1].isdigit()
    }
    assert table == {error.code: status for error, status in STATUS.items()} | {"internal_error": 500}


@pytest.mark.parametrize("described", settings.TABLE, ids=lambda described: described.name)
def test_the_table_of_settings_has_each_default(described: settings.Described) -> None:
    """A default in the page is the default of the code."""
    table = {
        quoted(cells[0])[0]: cells[1]
        for cells in rows(page("docs/settings.md"))
        if len(cells) == 3 and quoted(cells[0])
    }
    shown = table[described.name].replace("`", "")
    fallback = "pass_templates, as delivered" if described.field == "templates_dir" else described.default
    assert shown in {described.default, fallback}


def test_the_table_of_rules_is_that_of_the_code() -> None:
    """Each rule of each kind is shown with its default and its range."""
    shown = set()
    for cells in rows(page("docs/cards.md")):
        if len(cells) == 5 and quoted(cells[1]):
            for kind in quoted(cells[0]):
                shown.add((kind, quoted(cells[1])[0], cells[2].replace("`", ""), cells[3].replace("`", "")))
    wanted = {
        (kind, name, "–" if rule.columns else str(rule.default), _span(rule))
        for kind, known in kinds.RULES.items()
        for name, rule in known.items()
    }
    assert shown == wanted


def _span(rule: kinds.Rule) -> str:
    if rule.columns:
        return "list"
    if rule.choices:
        return ", ".join(rule.choices)
    return "1 – 40 characters" if isinstance(rule.default, str) else f"{rule.minimum} – {rule.maximum}"


def test_every_kind_is_shown_with_its_unit_and_its_values() -> None:
    """The kinds stand in the page of cards, and the values a template can show in that of templates."""
    units = {
        quoted(cells[0])[0]: cells[1]
        for cells in rows(page("docs/cards.md"))
        if len(cells) == 5 and quoted(cells[0]) and not quoted(cells[1])
    }
    values = {
        quoted(cells[0])[0]: set(quoted(cells[1]))
        for cells in rows(page("docs/templates.md"))
        if quoted(cells[0]) and len(cells) == 2
    }
    common = set.intersection(*(set(of) for of in FACE_VALUES.values()))
    assert {kind: units[kind] for kind in kinds.KINDS} == dict(kinds.UNITS)
    assert {kind: set(of) - common - values[kind] for kind, of in FACE_VALUES.items()} == {
        kind: set() for kind in kinds.KINDS
    }


def test_every_figure_in_the_pages_is_counted() -> None:
    """A figure to alarm on exists under that name."""
    for name in ("walletd.worker", "walletd.services.operations.upkeep", "scheduler.loop"):
        importlib.import_module(name)
    described = {metric.name for metric in telemetry.REGISTRY.collect()}
    written = set(re.findall(r"`(walletd_[a-z_]+)", _everywhere()))
    # The root of all errors has a name of the same form.
    assert {name for name in written if name.removesuffix("_total") not in described} == {"walletd_error"}


# --- tests, links and examples ----------------------------------------------------------------------------------------


def test_every_test_in_the_pages_exists() -> None:
    """Whoever reads that a test shows something finds it."""
    files = {_name(path): path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    tests = {name: set(re.findall(r"^(?:async )?def (test_\w+)", text, re.MULTILINE)) for name, text in files.items()}
    missing = []
    for written in re.findall(r"`((?:tests/[\w/]+\.py::)?test_\w+)`", _everywhere()):
        file, _, test = written.rpartition("::")
        found = test in tests.get(file, set()) if file else any(test in known for known in tests.values())
        missing += [] if found else [written]
    assert missing == []


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_every_link_inside_leads_somewhere(path: Path) -> None:
    """A link to a page, a picture or a heading finds it."""
    broken = []
    for target in links(path.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and anchor not in anchors(found.read_text("utf-8"))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_every_example_of_data_can_be_read(path: Path) -> None:
    """JSON is JSON and TOML is TOML, so that it can be copied."""
    text = path.read_text("utf-8")
    for block in blocks(text, "json"):
        json.loads(block)
    for block in blocks(text, "toml"):
        tomllib.loads(block)


def test_every_page_stands_in_the_menu() -> None:
    """Whoever opens the built documentation can reach each page."""
    menu = page("docs/zensical.toml")
    below = {path.relative_to(ROOT / "docs").as_posix() for path in PAGES if path.parent != ROOT}
    assert {name for name in below if f'"{name}"' not in menu} == set()


# --- requirements -----------------------------------------------------------------------------------------------------

_SECTIONS = {"S0": [*range(19, 33), *range(41, 69)], "S1": range(1, 39), "S2": range(1, 49), "S3": range(1, 33)}
_SECTIONS |= {"S4": range(1, 69)}


def test_every_statement_about_customers_and_cards_has_a_row_that_says_how_it_stands() -> None:
    """Of S1 to S4, and of the sections of S0 on linking, matching, duplicates and merging, none is passed over."""
    text = page("docs/requirements.md")
    named: set[tuple[str, int]] = set()
    for source, first, last in re.findall(r"\b(S[0-4])-(\d{3})(?: to S[0-4]-(\d{3}))?", text):
        named |= {(source, number) for number in range(int(first), int(last or first) + 1)}
    wanted = {(source, number) for source, numbers in _SECTIONS.items() for number in numbers}
    assert sorted(wanted - named) == []


def test_a_requirement_without_a_test_says_that_it_is_not_there() -> None:
    """A row either names tests, or it says `not yet` or `does not apply`."""
    for row in re.findall(r"^\| (.*) \|$", page("docs/requirements.md"), re.MULTILINE):
        cells = [cell.strip() for cell in row.split(" | ")]
        if len(cells) == 4 and cells[3] in {"–", ""}:
            assert re.search(r"not yet|does not apply", cells[2]), row
