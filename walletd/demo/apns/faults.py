"""Trouble on demand: a script of answers and connection faults that the fake push service plays, in order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Breakage(StrEnum):
    """Ways in which a connection fails instead of answering."""

    RESET = "reset"
    """RST_STREAM on the request."""
    GOAWAY = "goaway"
    """GOAWAY with reason Shutdown before the request was handled, then the connection ends."""
    IDLE_TIMEOUT = "idle_timeout"
    """GOAWAY with reason IdleTimeout before the request was handled, then the connection ends."""
    HANG = "hang"
    """No answer, ever; the connection stays open."""
    DROP = "drop"
    """The connection breaks in the middle of the answer: headers went out, the end never comes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service does with one request: a status with a reason, or a breakage."""

    status: int = 200
    reason: str = ""
    timestamp_ms: int | None = None
    body: bytes | None = None
    """The body as it is sent; None makes the JSON that Apple sends."""
    omit_apns_id: bool = False
    delay_seconds: float = 0.0
    breakage: Breakage | None = None


@dataclass(slots=True)
class _Entry:
    answer: Answer
    left: int
    token: str | None


@dataclass(slots=True)
class Faults:
    """The script. Each entry is played `count` times, for any request or only for those of one token."""

    _script: deque[_Entry] = field(default_factory=deque)
    _tls_refusals: int = 0

    def next(
        self,
        status: int,
        reason: str = "",
        count: int = 1,
        *,
        body: bytes | None = None,
        omit_apns_id: bool = False,
        token: str | None = None,
    ) -> None:
        """Answer the next `count` requests with this status and reason; nothing of them is delivered unless it is 200.

        `body` replaces Apple's JSON (``b""`` sends none); `omit_apns_id` leaves the `apns-id` header out.
        """
        self.play(Answer(status, reason, body=body, omit_apns_id=omit_apns_id), count, token=token)

    def break_next(self, breakage: Breakage, count: int = 1, *, token: str | None = None) -> None:
        """Fail the next `count` requests on the level of the connection."""
        self.play(Answer(breakage=breakage), count, token=token)

    def slow(self, seconds: float, count: int = 1, *, token: str | None = None) -> None:
        """Accept the next `count` requests, but answer only after so many seconds."""
        self.play(Answer(delay_seconds=seconds), count, token=token)

    def refuse_tls(self, count: int = 1) -> None:
        """Refuse the next `count` TLS handshakes."""
        self._tls_refusals += count

    def play(self, answer: Answer, count: int = 1, *, token: str | None = None) -> None:
        """Append any answer to the script."""
        self._script.append(_Entry(answer, count, token))

    def clear(self) -> None:
        """Forget the rest of the script."""
        self._script.clear()
        self._tls_refusals = 0

    def take(self, token: str) -> Answer | None:
        """Return the scripted answer for a request to `token`, or None where nothing is scripted for it."""
        for entry in self._script:
            if entry.token in (None, token):
                entry.left -= 1
                if entry.left <= 0:
                    self._script.remove(entry)
                return replace(entry.answer)
        return None

    def take_tls_refusal(self) -> bool:
        """Say whether this handshake is to be refused."""
        if self._tls_refusals == 0:
            return False
        self._tls_refusals -= 1
        return True
