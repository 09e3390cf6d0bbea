"""The routes of the API: every handler that stands in a module of an area, found where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

from litestar.handlers import HTTPRouteHandler

from walletd.web.api import cards, customers, exchange, ledger, outbox, promotions

AREAS: Final = (cards, customers, ledger, promotions, exchange, outbox)
"""In the order of the document."""


def handlers_of(module: ModuleType) -> tuple[HTTPRouteHandler, ...]:
    """Return the route handlers that a module holds, alone or in tuples, in the order in which they are written."""
    found: list[HTTPRouteHandler] = []
    for value in vars(module).values():
        values: Sequence[object] = value if isinstance(value, tuple) else (value,)
        found += [each for each in values if isinstance(each, HTTPRouteHandler)]
    return tuple(found)


def _modules() -> Iterator[ModuleType]:
    for area in AREAS:
        for info in iter_modules(area.__path__, f"{area.__name__}."):
            module = import_module(info.name)
            if handlers_of(module):
                yield module


MODULES: Final = tuple(_modules())
"""Every module with routes; its name is a tag of the document, its docstring the tag's description."""
ROUTES: Final = tuple(handler for module in MODULES for handler in handlers_of(module))
"""All routes of the API: what the application serves is what the document shows."""
