"""What every change is: something done to a row, recorded in the transaction that did it.

Each area says its changes in a `changes.py`, each with what its consequences need to know. Which consequences a change
has, the recorder says in one table: `services/changes/consequences.py`. Details that reach the audit log hold ids and
figures, never personal data.
"""

from __future__ import annotations

from dataclasses import dataclass


class Change:
    """Something that was changed in the transaction that records it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OfRow(Change):
    """A change of the merchant itself or of a row without details; `id` names it."""

    id: str
