"""Threads with a waiting line that ends: who would have to wait too long is refused at once (P8)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from walletd.domain.errors import Overloaded

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

WAITING_MAX = 2_000
"""Calls that may wait for a thread; more would be answered later than their callers wait."""
LONG_WAITING_MAX = 100
"""Long reads that may wait for their turn."""


class Places:
    """Counts who is worked for and who waits, up to a number; any thread may ask."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a place, where one is free; say whether that was so."""
        with self._lock:
            is_free = self._taken < self._number
            self._taken += is_free
        return is_free

    def give_back(self, _done: object = None) -> None:
        """Free a place; may be called as what follows on a future."""
        with self._lock:
            self._taken -= 1


class ShortTurns:
    """While anything is under way inside, Python's threads ask each other for the interpreter fifty times as often.

    A look-up needs the interpreter several times, and waits for it up to the switch interval each time; the rows of a
    long read hold it as long as they may. The interval is that of the whole process, so all readers count together.
    """

    SECONDS: Final = 0.0001

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._usual = sys.getswitchinterval()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(self.SECONDS, self._usual))
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setswitchinterval(self._usual)


SHORT_TURNS: Final = ShortTurns()
"""The one of this process."""


def refused() -> Future[Any]:
    """Return the answer to a call for which there is no place."""
    future: Future[Any] = Future()
    future.set_exception(Overloaded())
    return future


class BoundedPool:
    """A thread pool that takes no more than it can work off soon."""

    def __init__(self, threads: int, name: str, waiting_max: int | None = None) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = Places(threads + (WAITING_MAX if waiting_max is None else waiting_max))

    def submit(
        self, fn: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Future[Result]:
        """Run `fn` in a thread; the future fails with Overloaded where too many calls wait already."""
        if not self._places.take():
            return refused()
        try:
            future = self._threads.submit(fn, *arguments, **named)
        except RuntimeError:
            self._places.give_back()
            raise
        future.add_done_callback(self._places.give_back)
        return future

    def shutdown(self) -> None:
        """Finish what waits, and end the threads."""
        self._threads.shutdown(wait=True)
