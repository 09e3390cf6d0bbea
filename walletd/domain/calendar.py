"""Instants as text and on the shop's clock: RFC 3339 for API and books, RFC 1123 for the PassKit web service."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

Seconds = int
"""Whole seconds since 1970-01-01T00:00:00Z."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEARS: Final = range(1970, 9999)


def rfc3339(moment: datetime) -> str:
    """Return the instant in UTC with milliseconds, such as 2026-11-22T09:30:00.125Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the instant a person or program means, None for text that is none.

    RFC 3339 with an offset is that instant. A bare date is that day at the present time on the wall clock of the zone
    (D-25). Parts of milliseconds are dropped.
    """
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            return on_wall(datetime.combine(day, now.astimezone(zone).time()), zone) if day.year in _YEARS else None
        if _RFC3339.fullmatch(text) is None:
            return None
        found = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return whole_milliseconds(found) if found.year in _YEARS else None


def in_days(now: datetime, zone: tzinfo, days: int) -> datetime:
    """Return the instant so many days later at the present time on the wall clock of the zone (D-25)."""
    return on_wall(now.astimezone(zone).replace(tzinfo=None) + timedelta(days=days), zone)


def on_wall(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant at which a clock of the zone shows a wall time, in UTC.

    In the hour that autumn repeats it is the first time; in the gap of spring it is the end of the gap.
    """
    shown = wall.replace(tzinfo=zone, fold=0)
    found = shown.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    # In a gap: somewhere between the two readings of this wall time the clock jumps. Find the first instant after it.
    before, after = sorted((found, shown.replace(fold=1).astimezone(UTC)))
    offset_before = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset_before:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def http_date(seconds: Seconds) -> str:
    """Return an RFC 1123 date in GMT, as Last-Modified carries it (W15)."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def parse_http_date(text: str | None) -> Seconds | None:
    """Return the seconds of an HTTP date, or None for anything else (W16: garbage means »not given«)."""
    if not text:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None


def milliseconds(moment: datetime) -> int:
    """Return whole milliseconds since 1970, as the database stores instants; parts of one are dropped."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(value: int) -> datetime:
    """Return the aware UTC instant of stored milliseconds."""
    return _EPOCH + value * _MILLISECOND


def whole_milliseconds(moment: datetime) -> datetime:
    """Return the instant as it is read again after it was stored: parts of a millisecond are dropped."""
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def age_seconds(since: datetime | None, now: datetime) -> float:
    """Return how long ago an instant was; zero where there is none."""
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
