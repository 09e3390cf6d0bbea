"""The README's commands, typed as they stand into a shell on a bare folder."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.docs.pages import blocks, page
from tests.house.source import ROOT

_PORT = "8080"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the two programs that `make setup` leaves, python and walletd, and a curl where there is none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    python = shlex.quote(sys.executable)
    module = f"PYTHONPATH={shlex.quote(str(ROOT))} {python} -m"
    commands = {"python": python, "walletd": f"{module} walletd.cli"}
    if shutil.which("curl") is None:
        commands["curl"] = f"{module} tests.docs.curl"
    for name, command in commands.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec env {command} "$@"\n')
        program.chmod(0o755)
    return folder


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def _typed(script: str, folder: Path, programs: Path, port: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a person would type it, with nothing of this process's environment but a search path."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p); wait' EXIT\n{script}"],
        cwd=folder,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "WALLETD_PORT": port},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _documents(output: str) -> list[dict[str, Any]]:
    """Return the transactions in what was printed; curl puts no line end between them."""
    decoder, found, at = json.JSONDecoder(), [], output.find('{"transaction_id"')
    while at >= 0:
        document, end = decoder.raw_decode(output, at)
        found.append(document)
        at = output.find('{"transaction_id"', end)
    return found


@pytest.mark.slow
def test_the_commands_of_the_readme_lead_to_a_first_card(tmp_path: Path, programs: Path) -> None:
    """From an empty folder to a card with 28 points, booked once though sent twice, and a signed pass."""
    port = _free_port()
    script = "\n".join(blocks(page("README.md"), "sh")).replace(_PORT, port)
    folder = tmp_path / "empty"
    folder.mkdir()
    run = _typed(script, folder, programs, port)
    assert run.returncode == 0, run.stderr
    assert f"http://localhost:{port}/add/" in run.stdout
    first, second = _documents(run.stdout)
    assert first == second
    assert first["account"]["total"] == first["entries"][0]["balance_after"] == 28
    with ZipFile(folder / "card.pkpass") as archive:
        assert {"pass.json", "manifest.json", "signature"} <= set(archive.namelist())
