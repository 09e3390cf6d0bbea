"""What an embedded database must know of its file: which one it is, and on what kind of disk it lies."""

from __future__ import annotations

import os
from pathlib import Path


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells one file from another of the same name, None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def file_system_of(path: Path) -> str:
    """Return the type of the file system a path lies on, by the longest mount point above it; empty if unknown."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    wanted = os.path.realpath(path.parent)
    best = ("", "")
    for line in mounts:
        _, point, kind, *_ = line.split(" ")
        if (wanted == point or wanted.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]
