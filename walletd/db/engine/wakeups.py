"""What a commit sets off in this process: who waits for the work is woken, what is remembered of it is forgotten."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable


class Wakeups:
    """Events by topic; announced from any thread, awaited in any loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)
        self._forgetters: list[Callable[[Iterable[str]], None]] = []

    def subscribe(self, topic: str) -> Wakeup:
        """Return a wakeup for the topic, bound to the running loop; it remembers what came while nobody waited."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._waiting[topic].add((loop, event))
        return Wakeup(self, topic, loop, event)

    def announce(self, topics: Iterable[str]) -> None:
        """Wake all who wait for one of the topics."""
        with self._lock:
            woken = [waiter for topic in topics for waiter in self._waiting.get(topic, ())]
        for loop, event in woken:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def on_invalidated(self, forget: Callable[[Iterable[str]], None]) -> None:
        """Call `forget` with the names that a transaction invalidated, in the writer's thread."""
        self._forgetters.append(forget)

    def invalidate(self, invalidated: Iterable[Iterable[str]]) -> None:
        """Let everybody forget what is remembered under names."""
        for names in invalidated:
            for forget in self._forgetters:
                forget(names)

    def forget(self, topic: str, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        """Stop waking this waiter."""
        with self._lock:
            self._waiting[topic].discard((loop, event))


class Wakeup:
    """One waiter's place."""

    def __init__(self, wakeups: Wakeups, topic: str, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        self._wakeups, self._topic, self._loop, self._event = wakeups, topic, loop, event

    async def wait(self, timeout_seconds: float) -> None:
        """Return when the topic was announced since the last wait, or after the timeout (the slow poll)."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()

    def close(self) -> None:
        """Give the place back."""
        self._wakeups.forget(self._topic, self._loop, self._event)
