"""Which slot of a job is due: pure arithmetic on cron expressions, time zones and what ran before.

A slot is an instant, written as a time on a wall clock. A wall time inside the gap of spring, which no clock shows,
stands for the first instant after the gap; one inside the hour that autumn repeats stands for its first occurrence.
Slots that become the same instant by that are one slot.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal

from croniter import croniter

from walletd.domain.calendar import on_wall

SKIP_GRACE: Final = timedelta(minutes=1)
"""How late a slot may still be run where missed runs are skipped."""
_REPEATED_HOURS: Final = timedelta(hours=3)
"""More than any clock was ever put back: so far ahead on the wall clock a slot can lie and still be in the past."""
_NO_JUMP: Final = timedelta(seconds=1)
"""Slots are looked for beside a moment, never at it, and fall on whole seconds."""


def newest_slot(cron: str, zone: tzinfo, now: datetime) -> datetime:
    """Return the latest slot that is not after `now` (aware); the answer is in UTC."""
    walls = croniter(cron, _wall(now, zone) + _margin(now, zone))
    while True:
        slot = on_wall(walls.get_prev(datetime), zone)
        if slot <= now:
            return slot


def next_slot(cron: str, zone: tzinfo, after: datetime) -> datetime:
    """Return the first slot after an instant (aware); the answer is in UTC."""
    walls = croniter(cron, _wall(after, zone) - _margin(after, zone))
    while True:
        slot = on_wall(walls.get_next(datetime), zone)
        if slot > after:
            return slot


def due_slot(
    cron: str, zone: tzinfo, last: datetime | None, now: datetime, misfire: Literal["run_once", "skip"]
) -> datetime | None:
    """Return the slot to run now, or None; `last` is the newest slot that was taken, None where none ever was.

    However many slots passed since `last`, the newest one stands for all of them. With `skip` only a slot that is just
    due is run. A clock that was put back makes nothing due that was done before.
    """
    slot = newest_slot(cron, zone, now)
    if last is not None and slot <= last:
        return None
    if misfire == "skip" and now - slot > SKIP_GRACE:
        return None
    return slot


def _margin(moment: datetime, zone: tzinfo) -> timedelta:
    """Return how far from a moment its slots are looked for: hours hold many, so only where a clock jumps near it."""
    day = [moment - timedelta(days=1), moment, moment + timedelta(days=1)]
    jumps = len({near.astimezone(zone).utcoffset() for near in day}) > 1
    return _REPEATED_HOURS if jumps else _NO_JUMP


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    """Return what a clock of the zone shows, as a value that can be counted on without jumps."""
    return moment.astimezone(zone).replace(tzinfo=UTC)
