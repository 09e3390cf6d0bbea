"""Publishing and delivering by arithmetic: update tags, Last-Modified, Apple's throttle, retries.

Every rule is a pure function of stored state and `now`, so that a crash anywhere changes nothing about what comes next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from walletd.domain.outbox.retries import BackOff, doubling

_SEQUENCE_DIGITS: Final = 12
_TAG_LENGTH_MAX: Final = 18


class PhoneState(StrEnum):
    """How far a phone is with a card."""

    CURRENT = "current"
    WAITING = "waiting"
    """It is notified when its turn comes."""
    ANNOUNCED = "announced"
    """It was notified."""
    STALE = "stale"
    """It was notified a while ago, and has not fetched."""


def update_tag(epoch: int, sequence: int) -> str:
    """Return the update tag: digits only, epoch and sequence in one (W8, W10)."""
    return f"{epoch}{sequence:0{_SEQUENCE_DIGITS}d}"


def sequence_of_tag(tag: str | None, *, epoch: int, newest: int) -> int:
    """Return the sequence after which a device wants to know what changed.

    Zero, which means everything, for a missing, garbled, foreign or future tag (W12).
    """
    if tag is None or not tag.isascii() or not tag.isdigit() or not _SEQUENCE_DIGITS < len(tag) <= _TAG_LENGTH_MAX:
        return 0
    sequence = int(tag[-_SEQUENCE_DIGITS:])
    if int(tag[:-_SEQUENCE_DIGITS]) != epoch or sequence > newest:
        return 0
    return sequence


def next_last_modified(now_seconds: int, previous: int | None) -> int:
    """Return a Last-Modified in whole seconds that rises strictly, whatever the clock does (W16)."""
    return now_seconds if previous is None else max(now_seconds, previous + 1)


@dataclass(frozen=True, slots=True)
class PushSchedule:
    """When a phone may be notified: our mirror of the throttle that Apple's devices keep (N11).

    A score below `burst` goes out at once, so that a till may earn and redeem within a minute. Above it the pauses are
    those of the device: 2 minutes, 10 minutes, 1 hour after the last push.
    """

    burst: float = 4.0
    second_level: float = 8.0
    third_level: float = 12.0
    pauses_seconds: tuple[int, int, int] = (120, 600, 3600)


@dataclass(frozen=True, slots=True)
class Throttle:
    """How often a target was notified lately: the score and the moment it was counted."""

    score: float = 0.0
    notified_at: datetime | None = None


def _zone(passes: int) -> timedelta:
    return timedelta(seconds=max(30 * 60, 2 * 3600 // max(passes, 1)))


def after_push(throttle: Throttle, now: datetime, passes: int) -> Throttle:
    """Return the throttle after one more push, by the formula of N11; `passes` are those of the type on the device."""
    if throttle.notified_at is None:
        return Throttle(0.0, now)
    zone = _zone(passes)
    gap = max(now - throttle.notified_at, timedelta())
    score = (
        throttle.score + ((zone - gap) / zone) ** 3 if gap < zone else max(0.0, throttle.score - (gap - zone) / zone)
    )
    return replace(throttle, score=score, notified_at=now)


def due_at(schedule: PushSchedule, throttle: Throttle, now: datetime, passes: int) -> datetime:
    """Return when a target that has something new may be notified."""
    if throttle.notified_at is None:
        return now
    score = after_push(throttle, now, passes).score
    if score <= schedule.burst:
        return now
    level = (score > schedule.second_level) + (score > schedule.third_level)
    return max(now, throttle.notified_at + timedelta(seconds=schedule.pauses_seconds[level]))


PUSH_PAUSES: Final = BackOff(doubling(2, 3_600), (0.5, 1.0))
"""Between pushes to a target that failed."""
REFUSED_PAUSES: Final = BackOff(doubling(3_600, 86_400))
"""Until an address is tried again that was refused without a proof that the fault is its own."""
CALL_PAUSES: Final = BackOff(doubling(1, 300), (0.5, 1.0))
"""Between calls of a wallet's server about one object or class (G3.5)."""
CHANNEL_PAUSES: Final = BackOff(doubling(60, 3_600))
"""While nothing goes through a merchant's channel to a platform (P16)."""

BOOKED, CHANGED, MANY = 0, 1, 2
"""How urgent it is that a card is published: its holder did something; something else changed; it is one of many."""


REMINDER_LIMIT: Final = 6
"""A stale phone is reminded at most so many times (J-17); each new version starts the count again."""
REMINDER_PAUSES: Final = BackOff(doubling(600, 600 * 2 ** (REMINDER_LIMIT - 1)), (1.0, 1.25))
"""After which a phone that was notified but did not fetch is notified again (N12)."""
