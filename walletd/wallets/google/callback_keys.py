"""The root keys that Google publishes for callbacks, kept as long as they may be (G4.4).

Anybody can post a callback. So a bad signature never makes walletd ask Google more than once a minute, and while Google
does not answer the keys that are known go on until they end themselves.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import httpx

from walletd.wallets.google.callbacks import CallbackRefused, RootKey, read_root_keys
from walletd.wallets.google.tokens import authorities

_SECONDS: Final = 10.0
_BYTES_MAX: Final = 262_144
_UNSAID: Final = timedelta(hours=1)
"""How long keys are fresh where the answer does not say it."""
_LONGEST: Final = timedelta(days=7)
_BETWEEN: Final = timedelta(minutes=1)
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


class KeysUnavailable(Exception):
    """No living key is known and Google does not give one; the callback has to come again."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Keys with the time in which nobody need ask for them again."""

    keys: tuple[RootKey, ...]
    fetched_at: datetime
    fresh_until: datetime

    @property
    def half_life(self) -> datetime:
        """Return from when on new keys are fetched beside the work."""
        return self.fetched_at + (self.fresh_until - self.fetched_at) / 2


class CallbackKeys:
    """The keys at one address; one per process, inside one event loop."""

    def __init__(self, url: str, clock: Callable[[], datetime], seconds: float = _SECONDS) -> None:
        self._url = url
        self._clock = clock
        self._seconds = seconds
        self._kept: _Kept | None = None
        self._asked_at: datetime | None = None
        self._fetching: asyncio.Task[bool] | None = None

    async def living(self) -> Sequence[RootKey]:
        """Return the keys that may vouch now; raises KeysUnavailable."""
        now, kept = self._clock(), self._kept
        if kept is None or not kept.fetched_at <= now < kept.fresh_until:
            await self._fetched()
        elif now >= kept.half_life and self._may_ask(now):
            self._fetch_beside()
        keys = () if self._kept is None else self._kept.keys
        living = [key for key in keys if key.expires_at > now]
        if not living:
            raise KeysUnavailable
        return living

    async def renew(self) -> bool:
        """Fetch the keys because a signature fitted none of them; False where that was tried within the last minute."""
        return await self._fetched()

    async def close(self) -> None:
        """End what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _may_ask(self, now: datetime) -> bool:
        return self._asked_at is None or not timedelta(0) <= now - self._asked_at < _BETWEEN

    async def _fetched(self) -> bool:
        """Fetch, or wait for whoever is fetching already; return whether there are new keys."""
        if self._fetching is None and not self._may_ask(self._clock()):
            return False
        # Shielded: whoever gives up waiting must not take the keys from the others.
        return await asyncio.shield(self._fetch_beside())

    def _fetch_beside(self) -> asyncio.Task[bool]:
        if self._fetching is None:
            self._asked_at = self._clock()
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
            self._fetching.add_done_callback(self._fetch_done)
        return self._fetching

    def _fetch_done(self, _task: asyncio.Task[bool]) -> None:
        self._fetching = None

    async def _fetch(self) -> bool:
        now = self._clock()
        try:
            async with asyncio.timeout(self._seconds):
                fresh, document = await self._ask()
            keys = tuple(read_root_keys(document))
        except (TimeoutError, httpx.HTTPError, CallbackRefused):
            return False
        if not keys:
            return False
        self._kept = _Kept(keys, now, now + fresh)
        return True

    async def _ask(self) -> tuple[timedelta, bytes]:
        """Return how long the answer is fresh, and the answer; raises httpx.HTTPError, CallbackRefused."""
        async with (
            httpx.AsyncClient(trust_env=False, timeout=self._seconds, verify=authorities()) as client,
            client.stream("GET", self._url) as response,
        ):
            response.raise_for_status()
            document = b""
            async for chunk in response.aiter_bytes():
                document += chunk
                if len(document) > _BYTES_MAX:
                    raise CallbackRefused("the key document is too long")
        return _fresh(response.headers), document


def _fresh(headers: httpx.Headers) -> timedelta:
    """Return for how long an answer may be kept: its max-age, less the age it came with (RFC 9111, 4.2)."""
    found = _MAX_AGE.search(headers.get("cache-control", ""))
    if found is None:
        return _UNSAID
    age = headers.get("age", "0")
    seconds = int(found[1]) - (int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0)
    return min(max(timedelta(seconds=seconds), timedelta(0)), _LONGEST)
