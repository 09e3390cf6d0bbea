"""Threads with a waiting line that ends: who would have to wait too long is refused at once (reliability.md 5)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from walletd.domain.errors import Overloaded

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

WAITING_MAX = 2_000
"""Calls that may wait for a thread; more would be answered later than their callers wait."""


class BoundedPool:
    """A thread pool that takes no more than it can work off soon."""

    def __init__(self, threads: int, name: str, waiting_max: int | None = None) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places_max = threads + (WAITING_MAX if waiting_max is None else waiting_max)
        self._taken = 0
        self._lock = threading.Lock()

    def submit(
        self, fn: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Future[Result]:
        """Run `fn` in a thread; the future fails with Overloaded where too many calls wait already."""
        with self._lock:
            is_full = self._taken >= self._places_max
            self._taken += not is_full
        if is_full:
            refused: Future[Result] = Future()
            refused.set_exception(Overloaded())
            return refused
        try:
            future = self._threads.submit(fn, *arguments, **named)
        except RuntimeError:
            self._give_back(None)
            raise
        future.add_done_callback(self._give_back)
        return future

    def shutdown(self) -> None:
        """Finish what waits, and end the threads."""
        self._threads.shutdown(wait=True)

    def _give_back(self, _done: object) -> None:
        with self._lock:
            self._taken -= 1
