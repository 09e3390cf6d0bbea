"""The archive: members that a template fixes are hashed, compressed and described once; a pass adds three more.

The ZIP is written whole, from known sizes: no data descriptors, no directory entries, one fixed date, so that the same
state gives the same bytes but for the signature (PK2, PK3, PK10, PK11). Parts are immutable and shared freely.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from walletd.domain.errors import TemplateInvalid

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_STORED, _DEFLATED = 0, 8
_VERSION = 20
_UNIX = 3 << 8 | _VERSION
_UTF8_NAMES = 0x0800
_TIME, _DATE = 0, 0x21  # 1980-01-01 00:00, the first moment that ZIP can name
_REGULAR_FILE = 0o100644 << 16
_WORTH_DEFLATING = 0.9
_OWN_MEMBERS = ("manifest.json", "signature", "pass.json")


class ManifestSigner(Protocol):
    """What `build` needs of `signing.Signer`."""

    def sign(self, manifest: bytes, at: datetime) -> bytes:
        """Return the detached signature of the manifest."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The prepared members of a template variant: archive bytes, their directory, the manifest around pass.json."""

    body: bytes
    directory: bytes
    count: int
    manifest_head: bytes
    manifest_tail: bytes

    @property
    def size(self) -> int:
        """How many bytes it keeps in memory."""
        return len(self.body) + len(self.directory) + len(self.manifest_head) + len(self.manifest_tail)


def prepare(members: Mapping[str, bytes]) -> Parts:
    """Prepare static members: archive path (`de.lproj/pass.strings`) → content.

    Images are stored, as PNG is compressed already; what shrinks is deflated. Raises TemplateInvalid where the icon
    is missing or a path belongs to the pass itself.
    """
    if "icon.png" not in members:
        raise TemplateInvalid("Every pass needs icon.png", path="icon.png")
    for name in _OWN_MEMBERS:
        if name in members:
            raise TemplateInvalid(f"A template has no {name} of its own", path=name)
    body, directory, offset = [], [], 0
    for name in sorted(members):
        local, central = _entry(name.encode(), members[name], offset, deflate=not name.endswith(".png"))
        body.append(local)
        directory.append(central)
        offset += len(local)
    before = [_manifest_line(name, members[name]) for name in sorted(members) if name < "pass.json"]
    behind = [_manifest_line(name, members[name]) for name in sorted(members) if name > "pass.json"]
    return Parts(
        body=b"".join(body),
        directory=b"".join(directory),
        count=len(members),
        manifest_head=b"{" + b"".join(line + b"," for line in before) + b'"pass.json":"',
        manifest_tail=b'"' + b"".join(b"," + line for line in behind) + b"}",
    )


def manifest(parts: Parts, pass_json: bytes) -> bytes:
    """Return manifest.json: one flat object, sorted, of lower-case SHA-1 (PK2)."""
    return parts.manifest_head + _sha1(pass_json) + parts.manifest_tail


def content_hash(parts: Parts, pass_json: bytes) -> str:
    """Return the SHA-256 of the manifest in hex: equal exactly when iOS would call the pass unchanged (PK10)."""
    return hashlib.sha256(manifest(parts, pass_json)).hexdigest()


def build(parts: Parts, pass_json: bytes, signer: ManifestSigner, at: datetime) -> bytes:
    """Return the signed .pkpass; raises SigningUnavailable. The three changing members are small and stored."""
    listed = manifest(parts, pass_json)
    offset = len(parts.body)
    pieces, directory = [parts.body], [parts.directory]
    for name, content in (
        (b"pass.json", pass_json),
        (b"manifest.json", listed),
        (b"signature", signer.sign(listed, at)),
    ):
        local, central = _stored(name, content, offset)
        pieces += (local, content)
        directory.append(central)
        offset += len(local) + len(content)
    entries = b"".join(directory)
    pieces += (entries, _END.pack(b"PK\x05\x06", 0, 0, parts.count + 3, parts.count + 3, len(entries), offset, 0))
    return b"".join(pieces)


def _sha1(content: bytes) -> bytes:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest().encode()


def _manifest_line(name: str, content: bytes) -> bytes:
    if '"' in name or "\\" in name or not name.isprintable():
        raise TemplateInvalid(f"The file name {name!r} cannot stand in a pass", path=name)
    return b'"' + name.encode() + b'":"' + _sha1(content) + b'"'


def _stored(name: bytes, content: bytes, offset: int) -> tuple[bytes, bytes]:
    """Return local header and directory entry of a member that is stored as it is."""
    return _headers(name, (_STORED, zlib.crc32(content), len(content), len(content)), offset)


def _entry(name: bytes, content: bytes, offset: int, *, deflate: bool) -> tuple[bytes, bytes]:
    """Return a whole local entry and its directory entry, deflated where that is worth it."""
    method, data = _STORED, content
    if deflate:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(content) + packer.flush()
        if len(packed) < _WORTH_DEFLATING * len(content):
            method, data = _DEFLATED, packed
    local, central = _headers(name, (method, zlib.crc32(content), len(data), len(content)), offset)
    return local + data, central


def _headers(name: bytes, facts: tuple[int, int, int, int], offset: int) -> tuple[bytes, bytes]:
    method, crc, packed, size = facts
    form = (_UTF8_NAMES, method, _TIME, _DATE, crc, packed, size, len(name), 0)
    local = _LOCAL.pack(b"PK\x03\x04", _VERSION, *form) + name
    central = _CENTRAL.pack(b"PK\x01\x02", _UNIX, _VERSION, *form, 0, 0, 0, _REGULAR_FILE, offset) + name
    return local, central
