"""A disk whose plug can be pulled: what was written and not synced may be there, be gone, or be there in part.

Stands under SQLite as a VFS of apsw (which brings a SQLite of its own). What SQLite syncs goes into the real file, the
durable one; what it only wrote is kept in memory. When the power goes, any of these writes may have reached the disk,
whole or in sectors of 512 bytes, in any order, or not at all.
"""

# ruff: noqa: N802 - the methods bear the names that SQLite gives them

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import apsw

_SECTOR = 512


class PowerCut(Exception):
    """The power is gone; nothing that follows happens."""


class Disk:
    """All files of one machine, and the moment at which its power goes: at operation number `cut`."""

    def __init__(self, seed: int, cut: int | None) -> None:
        self.random = random.Random(seed)
        self.cut = cut
        self.operations = 0
        self.files: list[_File] = []
        self.found: dict[str, bytes] = {}
        """Name of a file → what is left of it after the cut."""
        self.vfs = _Vfs(self)

    def operation(self) -> None:
        """Count a write, a sync or a change of size; at the chosen one keep what is left, and raise PowerCut."""
        self.operations += 1
        if self.operations == self.cut:
            self.found = {file.path.name: self._left_of(file) for file in self.files}
            raise PowerCut

    def write_found(self, folder: Path) -> None:
        """Write every file as it is found when the power is back."""
        for name, image in self.found.items():
            (folder / name).write_bytes(image)

    def _left_of(self, file: _File) -> bytes:
        image = bytearray(file.path.read_bytes())
        for offset, data in file.unsynced:
            _happen_perhaps(image, offset, data, self.random)
        return bytes(image)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self.path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        self.unsynced: list[tuple[int, bytes | None]] = []
        self._disk = disk
        size = super().xFileSize()
        self._seen = bytearray(super().xRead(size, 0) if size else b"")
        disk.files.append(self)

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self.unsynced.append((offset, bytes(data)))
        _happen(self._seen, offset, data)
        self._disk.operation()

    def xTruncate(self, newsize: int) -> None:
        self.unsynced.append((newsize, None))
        _happen(self._seen, newsize, None)
        self._disk.operation()

    def xFileSize(self) -> int:
        return len(self._seen)

    def xSync(self, flags: int) -> None:
        self._disk.operation()
        for offset, data in self.unsynced:
            if data is None:
                super().xTruncate(offset)
            else:
                super().xWrite(data, offset)
        self.unsynced.clear()
        super().xSync(flags)


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__("plug", "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        if name is None:  # a temporary file, which need not survive
            return apsw.VFSFile("", name, flags)
        return _File(self._disk, name, flags)


def _happen(image: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del image[offset:]
        return
    image.extend(bytes(max(0, offset - len(image))))
    image[offset : offset + len(data)] = data


def _happen_perhaps(image: bytearray, offset: int, data: bytes | None, chance: random.Random) -> None:
    fate = chance.choice(("whole", "gone", "torn"))
    if fate == "whole" or (fate == "torn" and data is None):
        _happen(image, offset, data)
    elif fate == "torn":
        for start in range(0, len(data or b""), _SECTOR):
            if chance.random() < 0.5:
                _happen(image, offset + start, (data or b"")[start : start + _SECTOR])


def replay(disk: Disk, path: Path, pragmas: Sequence[str], statements: Sequence[str]) -> int:
    """Run the statements on the disk until they end or the power goes; return how many COMMITs were answered."""
    connection = apsw.Connection(str(path), vfs="plug")
    answered = 0
    try:
        # The shared index of a WAL needs shared memory, which a VFS of apsw does not have; alone, SQLite does without.
        for pragma in ("locking_mode=EXCLUSIVE", *pragmas):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        for statement in statements:
            connection.execute(statement).fetchall()
            answered += statement == "COMMIT"
        connection.close()
    except PowerCut:
        connection.close()
    return answered
