"""A rate limit for routes that anyone may call: so many calls per address and minute, counted in this process.

It keeps a flood from reaching the database. What protects money or identity is counted in the database instead, where
it holds over all processes and restarts (H4).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime


class RateLimit:
    """A token bucket per address; forgets the addresses it saw least recently beyond `addresses_max`."""

    def __init__(self, per_minute: int, clock: Callable[[], datetime], addresses_max: int = 10_000) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._addresses_max = addresses_max
        self._buckets: dict[str, tuple[float, float]] = {}

    def admits(self, address: str) -> bool:
        """Take one token of the address; False where none is left."""
        now = self._clock().timestamp()
        tokens, then = self._buckets.pop(address, (self._capacity, now))
        tokens = min(self._capacity, tokens + max(0.0, now - then) * self._per_second)
        admitted = tokens >= 1
        # Put back at the end: the dict's order is the order of last use, so the first one is the stalest.
        self._buckets[address] = (tokens - 1 if admitted else tokens, now)
        if len(self._buckets) > self._addresses_max:
            del self._buckets[next(iter(self._buckets))]
        return admitted
