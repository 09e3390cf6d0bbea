"""What a till has to do where walletd did something that concerns its own customer file (C-08, C-11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MergeEvent(StrEnum):
    """What a till is told of two customers."""

    MERGED = "merged"
    SEPARATED = "separated"


class TillState(StrEnum):
    """How far a till is with a merge: it has still to be told, or it was."""

    PENDING = "pending"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class MergeNotice:
    """Two customers are one at the till from now on, or two again; by their numbers, for a till knows no others."""

    merge_id: str
    event: MergeEvent
    survivor_number: int
    absorbed_number: int
    card_number_of: int
    """The customer number whose card goes on at the till: one of the two."""
    at: str
    """The instant, RFC 3339."""
