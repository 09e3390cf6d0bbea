"""One folder per run of the tests, shared by all its worker processes: what is made once lives here.

It lies in memory where there is room, so that the databases can be as careful as in production without waiting for a
disk. What a killed run left behind is swept by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "walletd-tests-"
_ROOM_NEEDED_BYTES = 1 << 30


def make() -> Path:
    """Make the folder of this run; other users may pass through it, because PostgreSQL does not run as root."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_place()))
    folder.chmod(0o711)
    return folder


def leftovers() -> list[Path]:
    """Return the folders of this user's runs that ended without tidying up."""
    return [folder for folder in _place().glob(f"{_PREFIX}*-*") if _is_mine(folder) and not _is_alive(folder)]


def _place() -> Path:
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM_NEEDED_BYTES:
        return memory
    # Not tempfile.gettempdir(): a private one could not be entered by PostgreSQL's user.
    return Path("/tmp")


def _is_mine(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.geteuid()
    except FileNotFoundError:
        return False


def _is_alive(folder: Path) -> bool:
    process = folder.name.removeprefix(_PREFIX).partition("-")[0]
    return Path("/proc", process).exists() if Path("/proc/self").exists() else True


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Hold the folder's lock against the other worker processes of this run."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
