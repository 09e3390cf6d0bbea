"""What follows a change is left to the recorder: nothing else writes audit entries, queues messages or marks cards."""

from __future__ import annotations

import ast
from importlib import import_module
from typing import Final

import pytest

from tests.house.source import ROOT, Module, modules
from walletd.domain.changes import Change
from walletd.services.changes.consequences import CONSEQUENCES

_RECORDER: Final = "walletd/services/changes/"
_CONSEQUENCES: Final = {"append": "audit", "queue": "webhook_events", "insert_waiting": "webhook_messages"}
_ON_TX: Final = {"announce", "invalidate"}
_EXCEPTIONS: Final = {
    # What is delivered, fetched or put on a phone is no change of a card: these work on what was published before.
    "walletd/services/delivery/classes.py": {"announce"},
    "walletd/services/delivery/devices.py": {"announce", "invalidate"},
    "walletd/services/delivery/publishing.py": {"announce", "invalidate"},
    "walletd/services/delivery/targets.py": {"announce", "invalidate"},
    "walletd/services/delivery/objects/deliveries.py": {"announce"},
    # Nothing changed: a phone asks for a card that was never published, or whose template was.
    "walletd/services/delivery/objects/objects.py": {"mark_cards_dirty"},
    "walletd/services/delivery/passes.py": {"mark_cards_dirty"},
    # Many cards follow one change, in small steps after its transaction.
    "walletd/services/delivery/republishing.py": {"mark_program_dirty"},
    "walletd/services/operations/upkeep.py": {"mark_parts_dirty"},
    # Who settles a lease wakes whoever waits for the next.
    "walletd/services/outbox/jobs.py": {"announce"},
    "walletd/services/outbox/webhook_messages.py": {"announce"},
}


def _by_hand(module: Module) -> set[str]:
    """Return the consequences that a file calls, or passes to be called, itself."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            of, name = node.value.id, node.attr
            is_consequence = _CONSEQUENCES.get(name) == of or (of == "tx" and name in _ON_TX)
            if is_consequence or (name.startswith("mark_") and name.endswith("_dirty")):
                found.add(name)
    return found


def _kinds() -> set[type[Change]]:
    """Return the classes that the areas of the domain say their changes by, without those that others only build on."""
    files = [path.parent.name for path in (ROOT / "walletd/domain").glob("*/changes.py")]
    named = [value for area in files for value in vars(import_module(f"walletd.domain.{area}.changes")).values()]
    found = {value for value in named if isinstance(value, type) and issubclass(value, Change)}
    return found - {base for kind in found for base in kind.__mro__[1:]}


@pytest.mark.parametrize("module", [pytest.param(module, id=module.name) for module in modules("walletd/services")])
def test_no_service_writes_what_follows_a_change_by_hand(module: Module) -> None:
    """Audit entries, webhook messages, marks, what is forgotten and who wakes come from the recorder's table."""
    if not module.name.startswith(_RECORDER):
        assert _by_hand(module) == _EXCEPTIONS.get(module.name, set())


def test_every_kind_of_change_has_its_row() -> None:
    """A change that the table does not know would fail when it is recorded; a row without a change says nothing."""
    assert set(CONSEQUENCES) == _kinds()


@pytest.mark.parametrize("kind", CONSEQUENCES, ids=lambda kind: kind.__name__)
def test_a_row_names_what_the_change_has(kind: type[Change]) -> None:
    """Columns hold names of attributes: each is a field or a property of that kind of change."""
    row = CONSEQUENCES[kind]
    named = {row.subject if row.action else "", row.about, row.marked, *(row.content or ())}
    named |= {row.details} if isinstance(row.details, str) else set(row.details)
    named |= {"urgency"} if row.urgency is None else set()
    assert {name for name in named - {""} if not hasattr(kind, name)} == set()
    assert bool(row.marks) == bool(row.marked)
    assert bool(row.event) == bool(row.about)
