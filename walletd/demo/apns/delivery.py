"""The way from an accepted push to the phone: the state of the network, and what waits for a phone that is off.

A push that Apple accepted may still be lost, doubled or late (N12). For a phone that is offline only the
latest push per topic is kept, and only where its expiration allows it (N7).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Push:
    """One push that was accepted: the topic is the pass type identifier, header names are lower case."""

    token: str
    topic: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime


OnPush = Callable[[Push], Awaitable[None] | None]


@dataclass(slots=True)
class NetworkConditions:
    """How deliveries fare: shares from 0 to 1, and a delay in seconds drawn from the range. Seeded, so repeatable."""

    lose: float = 0.0
    double: float = 0.0
    delay: tuple[float, float] = (0.0, 0.0)
    seed: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Start the sequence that the seed stands for."""
        self._random = random.Random(self.seed)  # noqa: S311 - a simulated network, not a secret

    def delays(self) -> list[float]:
        """Return after how many seconds each copy of the next push arrives; empty where it is lost."""
        if self._random.random() < self.lose:
            return []
        copies = 2 if self._random.random() < self.double else 1
        return [self._random.uniform(*self.delay) for _ in range(copies)]


class Delivery:
    """Brings accepted pushes to `on_push`, each in a task of its own."""

    def __init__(self, on_push: OnPush | None, conditions: NetworkConditions | None = None) -> None:
        self.on_push = on_push
        self.conditions = conditions or NetworkConditions()
        self._offline: set[str] = set()
        self._stored: dict[tuple[str, str], Push] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, push: Push) -> None:
        """Deliver a push, or store it where its phone is offline and the push may wait."""
        if push.token in self._offline:
            if push.headers.get("apns-expiration") != "0":
                self._stored[push.token, push.topic] = push
            return
        for seconds in self.conditions.delays():
            task = asyncio.get_running_loop().create_task(self._deliver(push, seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def go_offline(self, token: str) -> None:
        """Take note that the phone with this token cannot be reached."""
        self._offline.add(token.lower())

    def come_online(self, token: str, now: datetime) -> None:
        """Reach the phone again: what was stored and has not expired is delivered now."""
        token = token.lower()
        self._offline.discard(token)
        for place in [place for place in self._stored if place[0] == token]:
            push = self._stored.pop(place)
            expires_at = push.headers.get("apns-expiration")
            if expires_at is None or int(expires_at) > now.timestamp():
                self.send(push)

    async def until_idle(self) -> None:
        """Wait until every push that is under way has arrived."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def close(self) -> None:
        """Give up what is still under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, push: Push, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds)
        if self.on_push is None:
            return
        result = self.on_push(push)
        if result is not None:
            await result
