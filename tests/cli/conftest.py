"""Running commands in this process, with an environment of their own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from walletd.cli import main

Walletd = Callable[..., Result]


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Leave logging as it was: a command that serves sets it up for its process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def walletd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walletd:
    """Run a command over the data directory of this test; keyword arguments are settings."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **settings: str) -> Result:
        environ = {"WALLETD_DATA_DIR": str(tmp_path / "data")}
        environ |= {f"WALLETD_{name.upper()}": value for name, value in settings.items()}
        return CliRunner().invoke(main, list(arguments), env=environ)

    return run


@pytest.fixture
def shop(walletd: Walletd) -> Walletd:
    """Run commands over a data directory that has a shop with demo certificates."""
    made = walletd("init", "--yes", "--merchant", "Café Probe", "--demo-certificates")
    assert made.exit_code == 0, made.output
    return walletd
