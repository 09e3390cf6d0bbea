"""Instants as text: RFC 3339 for the API and the books, RFC 1123 for the PassKit web service."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

Seconds = int
"""Whole seconds since 1970-01-01T00:00:00Z."""


def rfc3339(moment: datetime) -> str:
    """Return the instant in UTC with milliseconds, such as 2026-11-22T09:30:00.125Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(seconds: Seconds) -> str:
    """Return an RFC 1123 date in GMT, as Last-Modified carries it (apple.md W15)."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def parse_http_date(text: str | None) -> Seconds | None:
    """Return the seconds of an HTTP date, or None for anything else (apple.md W16: garbage means »not given«)."""
    if not text:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None


def milliseconds(moment: datetime) -> int:
    """Return whole milliseconds since 1970, as the database stores instants."""
    return int(moment.timestamp() * 1000)


def from_milliseconds(value: int) -> datetime:
    """Return the aware UTC instant of stored milliseconds."""
    return datetime.fromtimestamp(value / 1000, UTC)


def age_seconds(since: int | None, now: datetime) -> float:
    """Return how long ago a stored moment was; zero where there is none."""
    return 0.0 if since is None else max(0.0, (milliseconds(now) - since) / 1000)
