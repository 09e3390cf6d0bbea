"""How often something that failed is tried again: with pauses that grow, most of it over 72 hours (P16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(hours=72)
"""How long it is tried; what did not succeed by then is dead, and kept for people to look at."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Pauses in seconds, the last one for all that follow; each is made longer or shorter by chance.

    Chance picks a factor from `shares`, so that what failed together is not tried again together.
    """

    pauses: tuple[float, ...]
    shares: tuple[float, float] = (1.0, 1.0)

    def pause(self, failed: int, jitter: float, at_least: float | None = None) -> float:
        """Return the seconds to wait when so many attempts failed before this one; `jitter` from 0 to 1."""
        low, high = self.shares
        pause = self.pauses[min(failed, len(self.pauses) - 1)]
        return float(max(pause * (low + jitter * (high - low)), at_least or 0.0))


def doubling(first: float, longest: float) -> tuple[float, ...]:
    """Return pauses of which each is twice the one before, up to the longest."""
    pauses = [first]
    while pauses[-1] < longest:
        pauses.append(min(pauses[-1] * 2, longest))
    return tuple(pauses)


_WITHIN_WINDOW: Final = BackOff((5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400), (1.0, 1.2))


def retry_at(now: datetime, tried_since: datetime, attempts: int, jitter: float) -> datetime | None:
    """Return when to try again after so many attempts, or None when the 72 hours are over.

    The pauses grow from seconds to hours, each longer by up to a fifth (`jitter` from 0 to 1); the last attempt is
    made at the end of the 72 hours.
    """
    end = tried_since + WINDOW
    if now >= end:
        return None
    return min(now + timedelta(seconds=_WITHIN_WINDOW.pause(attempts - 1, jitter)), end)
