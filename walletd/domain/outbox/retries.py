"""How often something that failed is tried again: over 72 hours, with pauses that grow (P16)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(hours=72)
"""How long it is tried; what did not succeed by then is dead, and kept for people to look at."""
_PAUSES_SECONDS: Final = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400)


def retry_at(now: datetime, tried_since: datetime, attempts: int, jitter: float) -> datetime | None:
    """Return when to try again after so many attempts, or None when the 72 hours are over.

    The pauses grow from seconds to hours, each longer by up to a fifth (`jitter` from 0 to 1); the last attempt is
    made at the end of the 72 hours.
    """
    end = tried_since + WINDOW
    if now >= end:
        return None
    pause = _PAUSES_SECONDS[min(attempts - 1, len(_PAUSES_SECONDS) - 1)]
    return min(now + timedelta(seconds=pause * (1 + jitter / 5)), end)
