"""Commands that are written down exist: in the Makefile, in the README and in the documentation."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

import click

from tests.house.source import ROOT, documentation
from walletd.cli import main

_MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
_TARGETS = set(re.findall(r"^([a-z]+):", _MAKEFILE, re.MULTILINE))
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
