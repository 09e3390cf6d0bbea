"""`walletd demo`: the main job by itself, and a demo that can be left and found again."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.processes.servers import READY_SECONDS, free_port


def start_demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a demo with data in a folder."""
    command = [sys.executable, "-m", "walletd.cli", "demo", "--data-dir", str(folder), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def read_until(demo: subprocess.Popen[str], words: str) -> str:
    """Return what was printed up to a line with these words."""
    assert demo.stdout is not None
    read = ""
    for line in demo.stdout:
        read += line
        if words in line:
            return read
    raise AssertionError(read)


@pytest.mark.slow
def test_the_demo_does_the_main_job_by_itself() -> None:
    """Issue, QR, add, book, push, fetch, show: each step is told with its time, and the exit code sums them up."""
    command = [sys.executable, "-m", "walletd.cli", "demo", "--check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=READY_SECONDS * 2, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    steps = [line for line in result.stdout.splitlines() if line.startswith("ok ")]
    assert len(steps) == 11
    assert all(re.search(r"\d+\.\d ms", step) for step in steps)
    assert result.stderr == ""


@pytest.mark.slow
async def test_the_curl_line_of_the_demo_changes_a_balance_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """What is printed can be copied; Ctrl-C ends with 0; the next start shows the same shop with the same key."""
    ports = ("--port", str(free_port()), "--page-port", str(free_port()))
    keys = []
    for _ in range(2):
        demo = await asyncio.to_thread(start_demo, tmp_path, *ports)
        try:
            printed = await asyncio.to_thread(read_until, demo, "Ctrl-C ends")
            keys.append(re.findall(r"API key +(\S+)", printed))
            line = printed[printed.index("curl ") : printed.index("Add the same card")]
            booked = await asyncio.to_thread(
                subprocess.run, ["bash", "-c", line], capture_output=True, text=True, check=False
            )
            assert '"type":"credit"' in booked.stdout, booked
            page = re.findall(r"The phones +(\S+)", printed)[0]
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(page)).status_code == 200
        finally:
            demo.send_signal(signal.SIGINT)
            output, _ = await asyncio.to_thread(demo.communicate, timeout=20)
        assert demo.returncode == 0, output
        assert "Traceback" not in output
    assert keys[0] == keys[1]
