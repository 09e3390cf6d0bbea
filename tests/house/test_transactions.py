"""What may happen inside a transaction: `fn(tx)` is one synchronous function, and the network stays outside.

Functions are found by name: what is passed to `database.write()` or `.read()`, and what that calls in the same file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import Function, Module, modules

_TRANSACTION = {"write", "read"}
_OUTSIDE = {"wallet", "wallets", "platform", "platforms", "channel", "channels", "pos"}
_SERVICES = [pytest.param(module, id=module.name) for module in modules("walletd/services")]


def _segments(node: ast.expr) -> list[str]:
    """Split `self._database.write` into its names."""
    match node:
        case ast.Attribute(value=inner, attr=name):
            return [*_segments(inner), name]
        case ast.Name(id=name):
            return [name]
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _segments(inner)
        case _:
            return []


def _passed(module: Module) -> Iterator[ast.expr]:
    """Yield what is passed to a transaction."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            names = _segments(node.func)
            if len(names) > 1 and names[-1] in _TRANSACTION and names[-2].strip("_") == "database" and node.args:
                yield node.args[0]


def _called(module: Module, node: ast.expr) -> list[Function]:
    """Return what a name or call can mean in this file: `store` a function, `self._store` a method."""
    methods = [part for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef) for part in node.body]
    match _segments(node):
        case [name]:
            return [part for part in module.functions() if part.name == name and part not in methods]
        case ["self" | "cls", name]:
            return [part for part in methods if isinstance(part, Function) and part.name == name]
        case _:
            return []


def _inside(module: Module) -> list[Function | ast.Lambda]:
    """Return all functions of the file that run inside a transaction."""
    waiting = list(_passed(module))
    found: list[Function | ast.Lambda] = []
    while waiting:
        node = waiting.pop()
        # partial(self._store, order) runs its first argument.
        node = node.args[0] if isinstance(node, ast.Call) and "partial" in _segments(node) else node
        new = [node] if isinstance(node, ast.Lambda) else _called(module, node)
        for function in (each for each in new if each not in found):
            found.append(function)
            waiting += [inner for inner in ast.walk(function) if isinstance(inner, ast.Call)]
    return found


def _is_query(call: ast.Call) -> bool:
    """Say whether a call is given the transaction: a query of the db floor. No port takes one."""
    return bool(call.args) and isinstance(call.args[0], ast.Name) and call.args[0].id == "tx"


def _names_of_wallets(module: Module) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("walletd.wallets")
        for alias in node.names
    }


@pytest.mark.parametrize("module", _SERVICES)
def test_a_transaction_is_one_synchronous_function(module: Module) -> None:
    """No function that runs inside a transaction is async or awaits."""
    waits = [
        f"{module.name}:{node.lineno}"
        for function in _inside(module)
        for node in ast.walk(function)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    assert waits == []


@pytest.mark.parametrize("module", _SERVICES)
def test_nothing_of_the_wallets_is_called_inside_a_transaction(module: Module) -> None:
    """Rendering, signing and pushing happen between transactions."""
    outside = _names_of_wallets(module)
    calls = [
        f"{module.name}:{node.lineno} {'.'.join(_segments(node.func))}"
        for function in _inside(module)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and not _is_query(node)
        if {name.strip("_") for name in _segments(node.func)[:-1]} & _OUTSIDE
        or (_segments(node.func)[:1] and _segments(node.func)[0] in outside)
    ]
    assert calls == []


def test_only_the_lease_queue_writes_leases() -> None:
    """Who holds a row is written by `db/engine/leases.py` alone; the publisher's counter is a lock and no queue."""
    allowed = {"walletd/db/engine/leases.py", "walletd/db/delivery/publish_counters.py"}
    written = [
        f"{module.name}:{node.value.lineno}"
        for module in modules("walletd/db", "walletd/services")
        if module.name not in allowed and "/migrations/" not in module.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.keyword) and node.arg in {"leased_by", "leased_until"}
    ]
    assert written == []
