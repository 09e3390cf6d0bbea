"""What a check of credentials, settings or a running server came to, and how it is mended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckLevel(StrEnum):
    """How bad it is: a warning is due before something fails."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check; `cure` is the command or action that mends it, empty where nothing has to be."""

    name: str
    level: CheckLevel
    detail: str
    cure: str = ""
