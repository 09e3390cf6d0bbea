"""Turns at a wallet's server: one clock per merchant and platform, shared by all processes (G3.5)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from walletd.db.delivery import wallet_paces
from walletd.db.engine.base import Tx
from walletd.services.runtime import Runtime

_SLOW_FIRST: Final = timedelta(seconds=1)
_SLOWED_MOST: Final = 6


class Turns:
    """Turns of one merchant at one platform; some may have been taken already."""

    def __init__(self, runtime: Runtime, merchant_id: str, platform: str, taken: tuple[datetime, ...] = ()) -> None:
        """`taken` holds the moments of turns that are this one's to use."""
        self._runtime = runtime
        self._merchant_id = merchant_id
        self._platform = platform
        self._taken = list(taken)

    async def wait(self) -> None:
        """Return when it is this one's turn."""
        at = self._taken.pop(0) if self._taken else await self._take()
        pause = (at - self._runtime.clock()).total_seconds()
        if pause > 0:
            await asyncio.sleep(pause)

    async def slow_down(self, at_least_seconds: float | None) -> None:
        """Give no turn for a while, longer each time in a row: the server wants fewer calls."""
        now = self._runtime.clock()

        def write(tx: Tx) -> None:
            before = min(wallet_paces.slowed(tx, self._merchant_id, self._platform), _SLOWED_MOST)
            pause = max(_SLOW_FIRST * 2**before, timedelta(seconds=at_least_seconds or 0))
            wallet_paces.slow(tx, self._merchant_id, self._platform, now, pause)

        await self._runtime.database.write(write)

    async def _take(self) -> datetime:
        now, interval = self._runtime.clock(), self._runtime.call_interval
        return await self._runtime.database.write(
            wallet_paces.take, self._merchant_id, self._platform, now, 1, interval
        )
