"""Counts what is answered, under few and fixed labels: no path, no method a stranger made up."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from prometheus_client import Counter, Histogram

from walletd import telemetry

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
_GROUPS: Final = (("/apple", "apple"), ("/api/", "api"), ("/add/", "add"), ("/static/", "static"))


def count(group: str, method: str, status: int, seconds: float) -> None:
    """Count one answer of a group of routes."""
    _answers(group, method if method in _METHODS else "other", status).inc()
    _seconds(group).observe(seconds)


def group_of(path: str) -> str:
    """Return the group of routes that a path belongs to."""
    return next((group for prefix, group in _GROUPS if path.startswith(prefix)), "operations")


# Looking a labelled series up takes longer than counting in it.
@lru_cache(maxsize=1024)
def _answers(group: str, method: str, status: int) -> Counter:
    return telemetry.HTTP_REQUESTS.labels(group, method, str(status))


@lru_cache(maxsize=16)
def _seconds(group: str) -> Histogram:
    return telemetry.HTTP_SECONDS.labels(group)
