"""The locks, held against what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import ROOT

LOCKS: Final = tuple(sorted((ROOT / "requirements").glob("*.txt")))
PYPROJECT: Final[Mapping[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
_RUN: Final[list[str]] = PYPROJECT["project"]["dependencies"]
ASKED: Final[Mapping[str, list[str]]] = {
    "main": _RUN,
    "dev": _RUN + PYPROJECT["project"]["optional-dependencies"]["dev"],
    "build": PYPROJECT["build-system"]["requires"],
}
"""name of a lock → the requirements that it must meet."""


def unmet(requirements: Iterable[str], lock: str) -> list[str]:
    """Return the requirements that the text of a lock does not meet, or does not name."""
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", lock, re.MULTILINE))
    return [line for line in requirements if not _met(Requirement(line), pins)]


def _met(wanted: Requirement, pins: Mapping[str, str]) -> bool:
    pin = pins.get(canonicalize_name(wanted.name))
    return pin is not None and wanted.specifier.contains(pin)
