"""What an embedded database must know of its file: which one it is, and on what kind of disk it lies."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
"""How the kernel writes a space, a tab, a line end and a backslash in the name of a mount point: proc(5)."""


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells one file from another of the same name, None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def file_system_of(path: Path, mounts_file: Path = Path("/proc/self/mounts")) -> str:
    """Return the type of the file system a path lies on, by the longest mount point above it; empty if unknown."""
    try:
        mounts = mounts_file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    wanted = os.path.realpath(path.parent)
    best = ("", "")
    for line in mounts:
        _, written, kind, *_ = line.split(" ")
        point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), written)
        if (wanted == point or wanted.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]
