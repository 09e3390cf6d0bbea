"""What Google's answers mean: every row of its error table (G3.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Json = dict[str, Any]


class Meaning(StrEnum):
    """What an answer calls for."""

    DONE = "done"
    MISSING = "missing"
    """The object is not there: insert it."""
    CLASS_MISSING = "class_missing"
    """The class is not there: write it first."""
    EXISTS = "exists"
    """It is there already: write over it."""
    UNAUTHENTICATED = "unauthenticated"
    """The token is not taken: ask for another, once."""
    TOO_FAST = "too_fast"
    """More requests than allowed: slow down."""
    NO_NOTIFICATION = "no_notification"
    """More notifications than allowed: send again without."""
    REFUSED = "refused"
    """The document is wrong; sending it again changes nothing."""
    FORBIDDEN = "forbidden"
    """The account may not write for the issuer, or the API is off: somebody has to mend that."""
    AGAIN = "again"
    """Trouble on the way or at Google: try later."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One answer, read leniently: unknown members are ignored, missing ones are empty."""

    meaning: Meaning
    status: int
    reason: str
    message: str = ""
    body: Json | None = None
    retry_after_seconds: float | None = None

    @property
    def said(self) -> str:
        """Return what a person reads of it: status, reason and Google's own words, shortened."""
        words = " ".join(f"{self.reason} {self.message}".split())[:300]
        return f"{self.status} {words}".strip() if self.status else words


_RATE: Final = frozenset({"ratelimitexceeded", "userratelimitexceeded"})
_LONGEST_SECONDS: Final = 3600.0


def read_answer(status: int, headers: Mapping[str, str], content: bytes) -> ApiAnswer:
    """Return what an answer means."""
    body = _object(content)
    raw = body.get("error")
    error: Json = raw if isinstance(raw, dict) else {}
    listed = error.get("errors")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    reason, message = str(first.get("reason", "")), str(error.get("message", ""))
    return ApiAnswer(_meaning(status, reason), status, reason, message, body, _retry_after(headers))


def lost(fault: str) -> ApiAnswer:
    """Return the answer that never came: the request may have been carried out or not."""
    return ApiAnswer(Meaning.AGAIN, 0, fault)


def _meaning(status: int, reason: str) -> Meaning:
    lower = reason.lower()
    if 200 <= status < 300:
        return Meaning.DONE
    if status == 403:
        if lower == "quotaexceeded":
            return Meaning.NO_NOTIFICATION
        return Meaning.TOO_FAST if lower in _RATE else Meaning.FORBIDDEN
    if status == 404:
        return Meaning.CLASS_MISSING if "class" in lower else Meaning.MISSING
    if status == 408 or status >= 500:
        return Meaning.AGAIN
    return {
        401: Meaning.UNAUTHENTICATED,
        409: Meaning.EXISTS,
        429: Meaning.TOO_FAST,
    }.get(status, Meaning.REFUSED)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return min(float(value), _LONGEST_SECONDS) if value.isascii() and value.isdigit() and len(value) < 6 else None


def _object(content: bytes) -> Json:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
