"""Commands that are written down exist: in the Makefile, in the README and in the documentation."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path, PurePosixPath

import click
import pytest

from tests.house.source import ROOT, documentation, tracked_files
from walletd.cli import main

_MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
_TARGETS = set(re.findall(r"^([a-z]+):", _MAKEFILE, re.MULTILINE))
# What tells a maintainer where to put things.
_GUIDES = ("CONTRIBUTING.md", "docs/releasing.md")
_EXPECTED = {"help", "setup", "demo", "serve", "test", "lint", "soak", "bench", "docs", "clean"}


def test_make_offers_the_targets_that_people_expect() -> None:
    """Ten targets, each with a line of help."""
    described = set(re.findall(r"^([a-z]+):.*## \S", _MAKEFILE, re.MULTILINE))
    assert (_TARGETS, described) == (_EXPECTED, _EXPECTED)


def test_every_program_in_the_makefile_is_installed() -> None:
    """Whatever make starts comes with the locks."""
    programs = set(re.findall(r"\$\(BIN\)/(\S+)", _MAKEFILE))
    beside_python = Path(sys.executable).parent
    assert sorted(name for name in programs if not (beside_python / name).exists()) == []


def test_every_module_in_the_makefile_exists() -> None:
    """Whatever make starts with `python -m` can be imported."""
    started = set(re.findall(r"python -m ([\w.]+)", _MAKEFILE))
    assert sorted(name for name in started if importlib.util.find_spec(name) is None) == []


def test_every_script_in_the_makefile_can_be_run() -> None:
    """Scripts are there and executable."""
    scripts = [ROOT / name for name in set(re.findall(r"requirements/\w+\.sh", _MAKEFILE))] + [ROOT / ".ci" / "run"]
    assert [path.name for path in scripts if not os.access(path, os.X_OK)] == []


def test_continuous_integration_runs_what_a_person_types() -> None:
    """CI checks and tests, strictly, and does nothing else."""
    lines = [line.partition(" #")[0] for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()]
    commands = [line for line in lines if line and not line.startswith(("#", "export ", "cd "))]
    assert commands == ["set -euo pipefail", "make lint", "make test"]


def test_every_make_target_in_the_documentation_exists() -> None:
    """`make x` in the documentation is a target of the Makefile."""
    written = set(re.findall(r"(?:^|`)(?:\$ )?make ([a-z]+)", documentation(), re.MULTILINE))
    assert written - _TARGETS == set()


def test_every_module_that_the_documentation_starts_exists() -> None:
    """`python -m x.y` in the documentation is a module, or a package that can be started."""
    written = set(re.findall(r"python -m ([\w.]*\w)", documentation()))
    assert {"pytest", "tests.house.plan", "tests.house.release"} <= written
    assert sorted(name for name in written if not _starts(name)) == []


def _starts(name: str) -> bool:
    found = importlib.util.find_spec(name)
    if found is None or found.submodule_search_locations is None:
        return found is not None
    return importlib.util.find_spec(f"{name}.__main__") is not None


@pytest.mark.parametrize("guide", _GUIDES)
def test_every_file_and_folder_that_a_guide_names_exists(guide: str) -> None:
    """A path in backticks or in a command is there; AREA, NOUN and the like stand for any name."""
    files = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    there = files | {str(folder) for name in files for folder in PurePosixPath(name).parents}
    named = _paths((ROOT / guide).read_text("utf-8"))
    assert len(named) > 5
    assert sorted(name for name in named if not any(re.fullmatch(_pattern(name), known) for known in there)) == []


def _paths(text: str) -> set[str]:
    """Return the words of code that are paths: with a slash inside, or a file's ending."""
    quoted = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    words = (word.strip('",;').rstrip("/") for part in quoted for word in re.sub(r"#.*", "", part).split())
    path = re.compile(r"[\w.][\w.-]*(/[\w.-]+)+|[\w-]+\.(?:md|toml|txt|py|sh)")
    return {name for word in words if path.fullmatch(name := word.removeprefix('ARGS="')) and word[:5] != ".venv"}


def _pattern(name: str) -> str:
    return re.sub(r"\b(?:FLOOR|AREA|NOUN|KIND|LANGUAGE)\b", "[^/]+", re.escape(name))


def test_every_walletd_command_in_the_documentation_exists() -> None:
    """`walletd x y` in the documentation is a command of the command line."""
    written = re.findall(r"(?:^|`)(?:\$ )?walletd((?: [a-z][a-z-]*)+)", documentation(), re.MULTILINE)
    assert sorted({words.strip() for words in written if not _exists(words.split())}) == []


def _exists(words: list[str]) -> bool:
    command: click.Command = main
    for word in words:
        if not isinstance(command, click.Group):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


def test_the_console_script_is_installed() -> None:
    """`make setup` leaves a `walletd` command in the virtual environment."""
    assert shutil.which("walletd", path=str(Path(sys.executable).parent))
