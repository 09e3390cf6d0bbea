"""Signs of life of a process without a port: a file that is touched as long as its loops go round.

The file is named by role and machine: containers that share a data directory have names of their own.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from walletd.telemetry import logger

ROLES: Final = ("worker", "scheduler")
"""Roles that have no port to ask."""
BEAT_SECONDS: Final = 5.0
LAG_SECONDS: Final = 90.0
"""A process whose loops have not ended a round for so long hangs, or cannot reach what it needs."""
SILENT_SECONDS: Final = 30.0

log = logger(__name__)


def heartbeat_file(data_dir: Path, role: str) -> Path:
    """Return where a role of this machine leaves its sign of life."""
    return data_dir / f"heartbeat-{role}-{socket.gethostname()}"


def silent_seconds(file: Path) -> float | None:
    """Return how long ago the last sign of life was; None where there is none."""
    try:
        return max(0.0, time.time() - file.stat().st_mtime)
    except FileNotFoundError:
        return None


async def keep_beating(file: Path, lag_seconds: Callable[[], float], stop: asyncio.Event) -> None:
    """Touch the file while the loops go round, until `stop` is set; then take it away."""
    while not stop.is_set():
        if lag_seconds() < LAG_SECONDS:
            _touch(file)
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS):
                await stop.wait()
    _remove(file)


def _touch(file: Path) -> None:
    try:
        file.touch(mode=0o600)
    except OSError as error:
        log.warning("no_sign_of_life", path=str(file), detail=str(error))


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)
