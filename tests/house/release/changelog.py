"""The version, said in three places, and the sections of the changelog: pure, so that each disagreement has a test."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

UNRELEASED: Final = "Unreleased"
_NUMBER: Final = r"(?:0|[1-9]\d*)"
_VERSION: Final = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")
_SECTION: Final = re.compile(r"^##(?!#) *(.*?) *$", re.MULTILINE)

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the changelog: `Unreleased`, without version and day, or a release."""

    title: str
    version: Version | None
    day: date | None
    entries: int

    @property
    def readable(self) -> bool:
        """Say whether the title is one of the two forms."""
        return self.title == UNRELEASED or (self.version is not None and self.day is not None)


def sections(text: str) -> list[Section]:
    """Return the sections of a changelog, as they stand."""
    _, *parts = _SECTION.split(text)
    return [_section(title, body) for title, body in zip(parts[::2], parts[1::2], strict=True)]


def faults(project: str, package: str, changelog: str) -> list[str]:
    """Return what never fits, before a release or after it: one sentence each.

    `project` is the version of pyproject.toml, `package` is `walletd.__version__`.
    """
    found = []
    if project != package:
        found.append(f"pyproject.toml says {project}, walletd.__version__ says {package}.")
    version = _version(project)
    if version is None:
        found.append(f"{project} is no version of three numbers.")
    known = sections(changelog)
    if not known:
        found.append("CHANGELOG.md has no section.")
    found += _faults_of_sections(known)
    if known and version is not None:
        found += _disagreement(project, version, known)
    return found


def obstacles(version: str, changelog: str, *, today: date, tags: Collection[str]) -> list[str]:
    """Return what speaks against releasing this version now, where nothing is at fault."""
    newest = next(iter(sections(changelog)), None)
    found = []
    if newest is None or newest.version != _version(version) or newest.day is None:
        found.append(f"CHANGELOG.md must begin with the section of this release: ## {version} - {today}")
    elif newest.day > today:
        found.append(f"CHANGELOG.md says that {version} was released on {newest.day}, which is to come.")
    if f"v{version}" in tags:
        found.append(f"v{version} is tagged already: raise the version.")
    return found


def _section(title: str, body: str) -> Section:
    number, _, day = title.partition(" - ")
    return Section(title, _version(number), _day(day), len(re.findall(r"^- +\S", body, re.MULTILINE)))


def _version(text: str) -> Version | None:
    return tuple(int(part) for part in text.split(".")) if _VERSION.fullmatch(text) else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def _faults_of_sections(known: Sequence[Section]) -> Iterator[str]:
    for place, section in enumerate(known):
        if not section.readable:
            yield f"CHANGELOG.md: '## {section.title}' is neither '## {UNRELEASED}' nor '## X.Y.Z - YYYY-MM-DD'."
        if section.title == UNRELEASED and place > 0:
            yield f"CHANGELOG.md: '## {UNRELEASED}' stands below another section."
        if not section.entries:
            yield f"CHANGELOG.md: '## {section.title}' has no entry."
    released = [(section.version, section.day) for section in known if section.version and section.day]
    for (newer, newer_day), (older, older_day) in pairwise(released):
        if newer <= older or newer_day < older_day:
            yield f"CHANGELOG.md: {_text(newer)} stands above {_text(older)}, which is not older."


def _disagreement(written: str, version: Version, known: Sequence[Section]) -> Iterator[str]:
    if known[0].title != UNRELEASED:
        if known[0].version != version:
            yield f"The version is {written}, the newest section of CHANGELOG.md is '## {known[0].title}'."
        return
    newest = max((section.version for section in known if section.version), default=None)
    if newest is not None and version <= newest:
        yield f"CHANGELOG.md has {UNRELEASED} changes after {_text(newest)}, and the version is still {written}."


def _text(version: Version) -> str:
    return ".".join(map(str, version))
