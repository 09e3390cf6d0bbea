"""The routes of Google's REST API, as its discovery document lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from walletd.demo.google.rules import api_table

_NAMES: Final = {
    f"{vertical.lower()}{what.lower()}": f"{vertical}{what}"
    for vertical in ("loyalty", "giftCard", "offer", "generic")
    for what in ("Class", "Object")
}


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a resource, with the resource that the path names."""

    resource: str
    """`loyaltyObject`, …, or `jwt`."""
    method: str
    resource_id: str | None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str, str], ...]:
    return tuple(
        (
            item["verb"],
            re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(item["path"])) + r"\Z"),
            _NAMES.get(item["resource"], item["resource"]),
            item["method"],
        )
        for item in api_table()["methods"]
    )


def route_of(verb: str, path: str) -> Route | None:
    """Return the method that a verb and a path mean, None where there is none."""
    for wanted, pattern, resource, method in _patterns():
        match = pattern.match(path)
        if wanted == verb and match is not None:
            return Route(resource, method, match[1] if pattern.groups else None)
    return None
