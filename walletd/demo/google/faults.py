"""What goes wrong at the fake Google Wallet on demand: errors, lost replies, slowness, and a limit of requests."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from walletd.demo.google.errors import ApiError, too_fast

_REQUESTS_KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request; the first thing that is set."""

    error: ApiError | None = None
    lost: bool = False
    """The request is carried out and the reply never arrives."""
    delay_seconds: float = 0.0


@dataclass(slots=True)
class Request:
    """One request that came in."""

    at: float
    """By a clock that only rises, in seconds."""
    verb: str
    path: str
    status: int = 0


@dataclass(slots=True)
class GoogleFaults:
    """The script of faults, and the limiter."""

    per_second: int | None = None
    """More requests than this in any second are answered 429; None: no limit."""
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=_REQUESTS_KEPT))
    _script: deque[tuple[Fault, str]] = field(default_factory=deque)

    def play(self, fault: Fault, count: int = 1, path: str = "") -> None:
        """Let the next `count` requests whose path contains `path` meet a fault."""
        self._script.extend([(fault, path)] * count)

    def clear(self) -> None:
        """Forget what is left of the script."""
        self._script.clear()

    def begin(self, verb: str, path: str) -> tuple[Request, Fault]:
        """Note a request and return what is to happen to it; raises ApiError where requests come too fast."""
        request = Request(time.monotonic(), verb, path)
        self.requests.append(request)
        if self.per_second is not None and self._in_last_second(request.at) > self.per_second:
            request.status = 429
            raise too_fast()
        for entry in self._script:
            if entry[1] in path:
                self._script.remove(entry)
                return request, entry[0]
        return request, Fault()

    def end(self, request: Request) -> None:
        """Take note that a request was carried out, or not."""

    def _in_last_second(self, now: float) -> int:
        count = 0
        for request in reversed(self.requests):
            if now - request.at >= 1.0:
                break
            count += 1
        return count
