"""How large things may be, and that each says what it is."""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import typing
from collections.abc import Iterator

from tests.house.source import Module, modules

_FILE_LINES_MAX = 350
_FUNCTION_LINES_MAX = 50
# A migration is a list of tables, read once and never edited after its release.
_LISTS = "walletd/db/migrations/versions/"
_BY_PLACE_MAX = 3
_BY_PLACE = {
    "walletd/db/ledger/accounts.py": "measured: every booking reads accounts, and by place they are read faster",
    "walletd/db/ledger/lots.py": "not looked at yet: bookings read lots as often as accounts, so it is measured first",
    "walletd/db/ledger/reports.py": "not looked at yet: it goes with the other rows of the ledger",
}
_CONVERSIONS = {"milliseconds", "from_milliseconds"}
_IN_MILLISECONDS = {
    "walletd/domain/exchange/import_rows.py": "the row of a file is stored and hashed as a document",
    "walletd/domain/identifiers.py": "an id begins with its moment",
    "walletd/domain/ledger/entries.py": "an entry is hashed as a text",
}


def test_no_file_is_longer_than_350_lines() -> None:
    """A file that outgrows 350 lines is cut by noun."""
    lengths = {module.name: len(module.text.splitlines()) for module in modules() if not module.name.startswith(_LISTS)}
    assert {name: lines for name, lines in lengths.items() if lines > _FILE_LINES_MAX} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    """A function that outgrows 50 lines does more than one thing."""
    lengths = {
        f"{module.name}:{function.lineno} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for module in modules()
        if not module.name.startswith(_LISTS)
        for function in module.functions()
    }
    assert {name: lines for name, lines in lengths.items() if lines > _FUNCTION_LINES_MAX} == {}


def test_every_import_stands_at_the_top_of_its_file() -> None:
    """An import inside a function hides who depends on whom."""
    hidden = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        for function in module.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_every_module_says_what_lives_there() -> None:
    """Each file that holds code opens with a docstring."""
    assert [module.name for module in modules() if module.text.strip() and not ast.get_docstring(module.tree)] == []


def test_every_test_states_a_behaviour() -> None:
    """Each test has a docstring, so that the tests read as a specification."""
    silent = [
        f"{module.name}:{function.lineno} {function.name}"
        for module in modules("tests")
        for function in module.functions()
        if module.path.name.startswith("test_") and function.name.startswith("test_")
        if not ast.get_docstring(function)
    ]
    assert silent == []


def test_instants_are_datetimes_above_the_row_mapping() -> None:
    """Milliseconds are how the database stores instants and spans; whoever counts in them elsewhere gives a reason."""
    counting = {
        module.name
        for module in modules("walletd/domain", "walletd/services", "walletd/web", "walletd/cli", "scheduler")
        if any(name.split(".")[-1] in _CONVERSIONS for _, name in module.imported())
        or any(_is_in_milliseconds(name) for name in _names_given(module.tree))
    }
    assert counting - {"walletd/domain/calendar.py"} == set(_IN_MILLISECONDS)


def test_values_are_made_from_rows_by_keyword() -> None:
    """By place, a column more or two that changed places fill fields with what belongs into others."""
    by_place = {
        module.name
        for module in modules("walletd/db")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[0].isupper()
        if sum(map(_reads_row, node.args)) > _BY_PLACE_MAX or any(map(_spreads_list, node.args))
    }
    assert by_place == set(_BY_PLACE)


def _names_given(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a module gives to something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def _is_in_milliseconds(name: str) -> bool:
    return name.lower().endswith(("milliseconds", "_ms"))


def test_states_of_rows_become_enumerations() -> None:
    """The text of a column is turned into a member: a state that no release knows is refused where it is read."""
    states = {
        (name, field)
        for module in modules("walletd/domain", "walletd/db")
        if "/migrations/" not in module.name
        for name, kind in vars(importlib.import_module(_dotted(module))).items()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
        for field, hint in typing.get_type_hints(kind).items()
        if any(isinstance(part, type) and issubclass(part, enum.Enum) for part in (hint, *typing.get_args(hint)))
    }
    texts = {
        f"{module.name}:{node.lineno} {argument.arg}"
        for module in modules("walletd/db")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        for argument in node.keywords
        if (node.func.id, argument.arg) in states and isinstance(argument.value, ast.Attribute | ast.Subscript)
        if _reads_row(argument.value)
    }
    assert ("Card", "status") in states
    assert texts == set()


def _dotted(module: Module) -> str:
    return module.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _reads_row(argument: ast.expr) -> bool:
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "row"
        for node in ast.walk(argument)
    )


def _spreads_list(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Name) and argument.value.id == "values"
