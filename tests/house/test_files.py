"""What may never enter the repository, and that the locks hold what walletd asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.release.locks import ASKED, LOCKS, unmet
from tests.house.source import texts, tracked_files


def _found(pattern: str) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1} {match[0]!r}"
        for name, text in texts(tracked_files())
        for match in re.finditer(pattern, text)
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_versions_and_hashes_but_no_address(lock: Path) -> None:
    """Where packages come from is for the machine to say, not for the repository."""
    text = lock.read_text("utf-8")
    assert re.findall(r"://|file:|^-.*|\s@\s.*", text, flags=re.MULTILINE) == []
    pins = re.findall(r"^([a-z0-9-]+)==\S+(?: ;[^\\\n]*)? \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[^\s#]", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_fits_what_the_project_asks_for(lock: Path) -> None:
    """A changed bound in pyproject.toml is followed by a new lock."""
    assert unmet(ASKED[lock.stem], lock.read_text("utf-8")) == []


def test_no_file_names_a_folder_of_someones_machine() -> None:
    """The repository works wherever it is cloned."""
    assert _found(r"(?<![\w.$}~-])/(?:home|Users|work|workspace|mnt)/[\w.-]+") == []


def test_no_file_names_a_package_registry() -> None:
    """Packages are named; where they lie is for the machine to say."""
    assert (
        _found("|".join(f"{name}[.]{end}" for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", ""))))
        == []
    )


def test_no_file_holds_a_private_key() -> None:
    """Keys are made where they are needed; the examples are dummies."""
    assert _found(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}") == []
