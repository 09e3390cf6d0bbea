"""The outcome of one check of `walletd doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OK: Final = "ok"
WARNING: Final = "warning"
FAILURE: Final = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check; `cure` is the command or action that mends it."""

    name: str
    level: str
    detail: str
    cure: str = ""
