"""The sign of life of a process without a port."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from walletd.cli.operations import heartbeat
from walletd.cli.operations.heartbeat import LAG_SECONDS, heartbeat_file, keep_beating, silent_seconds


async def test_a_process_whose_loops_hang_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is touched only while the loops go round, though the process itself still runs."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    file, stop = heartbeat_file(tmp_path, "worker"), asyncio.Event()
    lag = 0.0
    beating = asyncio.create_task(keep_beating(file, lambda: lag, stop))
    await asyncio.sleep(0.05)
    assert file.exists()
    lag = LAG_SECONDS + 1
    await asyncio.sleep(0.05)
    last = file.stat().st_mtime_ns
    await asyncio.sleep(0.05)
    assert file.stat().st_mtime_ns == last
    stop.set()
    await beating
    assert silent_seconds(file) is None


async def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    """Without a place for the file the process goes on; only the health check misses it."""
    stop = asyncio.Event()
    beating = asyncio.create_task(keep_beating(tmp_path / "missing" / "file", lambda: 0.0, stop))
    await asyncio.sleep(0.05)
    stop.set()
    await beating
