"""A cache of passes in memory: which version a device may rely on, and packages that were built before.

Only a process that is alone with its database may answer from `unchanged`: every transaction that touches a card
forgets it here before its caller hears of the commit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_STRIPES: Final = 4096
_VERSIONS_MAX: Final = 50_000
_PACKAGE_BYTES_MAX: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CachedVersion:
    """What answers »not modified« for one card without asking the database."""

    topic: str
    token: str
    last_modified: str


class PassCache:
    """A bounded cache of versions by serial number and of packages by serial number and sequence."""

    def __init__(self) -> None:
        self._versions: dict[str, CachedVersion] = {}
        self._generations = [0] * _STRIPES
        self._packages: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._package_bytes = 0

    def version(self, serial_number: str) -> CachedVersion | None:
        """Return the version that is known to be the newest."""
        return self._versions.get(serial_number)

    def generation(self, serial_number: str) -> int:
        """Return a number that changes whenever the card is forgotten; take it before reading the database."""
        return self._generations[hash(serial_number) % _STRIPES]

    def keep_version(self, serial_number: str, version: CachedVersion, generation: int) -> None:
        """Remember a version that was read, unless the card changed while it was read."""
        if len(self._versions) >= _VERSIONS_MAX:
            self._versions.clear()
        self._versions[serial_number] = version
        if self.generation(serial_number) != generation:
            self._versions.pop(serial_number, None)

    def forget(self, serial_numbers: Iterable[str]) -> None:
        """Forget cards that changed; called in the writer's thread, before the commit is answered."""
        for serial_number in serial_numbers:
            self._generations[hash(serial_number) % _STRIPES] += 1
            self._versions.pop(serial_number, None)

    def package(self, serial_number: str, sequence: int) -> bytes | None:
        """Return a package built before."""
        found = self._packages.get((serial_number, sequence))
        if found is not None:
            self._packages.move_to_end((serial_number, sequence))
        return found

    def keep_package(self, serial_number: str, sequence: int, content: bytes) -> None:
        """Remember a package; the longest unused ones go first."""
        if (serial_number, sequence) in self._packages:
            return
        self._packages[(serial_number, sequence)] = content
        self._package_bytes += len(content)
        while self._package_bytes > _PACKAGE_BYTES_MAX:
            _, dropped = self._packages.popitem(last=False)
            self._package_bytes -= len(dropped)
