"""The rate limit of a wallet's server: one per merchant and platform, shared by all processes (G3.5)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from walletd.db.delivery import rate_limits
from walletd.db.engine.base import Tx
from walletd.services.runtime import Runtime

_SLOW_FIRST: Final = timedelta(seconds=1)
_SLOWED_MOST: Final = 6


class RateLimiter:
    """Lets calls of one merchant to one platform through, each at its slot; some slots may be reserved already."""

    def __init__(self, runtime: Runtime, merchant_id: str, platform: str, reserved: tuple[datetime, ...] = ()) -> None:
        """`reserved` holds the moments of slots that are this one's to use."""
        self._runtime = runtime
        self._merchant_id = merchant_id
        self._platform = platform
        self._reserved = list(reserved)

    async def wait(self) -> None:
        """Return when the next call may be made."""
        at = self._reserved.pop(0) if self._reserved else await self._reserve()
        pause = (at - self._runtime.clock()).total_seconds()
        if pause > 0:
            await asyncio.sleep(pause)

    async def slow_down(self, at_least_seconds: float | None) -> None:
        """Let no call through for a while, longer each time in a row: the server wants fewer calls."""
        now = self._runtime.clock()

        def write(tx: Tx) -> None:
            before = min(rate_limits.slowed(tx, self._merchant_id, self._platform), _SLOWED_MOST)
            pause = max(_SLOW_FIRST * 2**before, timedelta(seconds=at_least_seconds or 0))
            rate_limits.slow(tx, self._merchant_id, self._platform, now, pause)

        await self._runtime.database.write(write)

    async def _reserve(self) -> datetime:
        now, interval = self._runtime.clock(), self._runtime.call_interval
        return await self._runtime.database.write(
            rate_limits.reserve, self._merchant_id, self._platform, now, 1, interval
        )
