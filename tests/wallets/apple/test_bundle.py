"""Tests of the archive: read back by Python, by unzip, and front to back as Java does."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.wallets.apple.samples import a_template
from walletd.domain.errors import TemplateInvalid
from walletd.wallets.apple.bundle import build, content_hash, manifest, prepare
from walletd.wallets.apple.certificates import PassCredentials
from walletd.wallets.apple.signing import Signer

_PASS = b'{"formatVersion":1}'


@pytest.fixture(scope="module")
def archive(credentials: PassCredentials, now: datetime) -> bytes:
    """A whole signed pass."""
    return build(prepare(a_template().files), _PASS, Signer(credentials), now)


def _members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def _streamed(archive: bytes) -> dict[str, bytes]:
    """Read the local entries one after the other, never looking at the directory, as Java's ZipInputStream does."""
    found, at = {}, 0
    while archive[at : at + 4] == b"PK\x03\x04":
        fields = struct.unpack_from("<5H3L2H", archive, at + 4)
        flags, method, packed, length, extra = fields[1], fields[2], fields[6], fields[8], fields[9]
        assert not flags & 0x0008, "a data descriptor follows the content"
        start = at + 30 + length + extra
        content = archive[start : start + packed]
        found[archive[at + 30 : at + 30 + length].decode()] = (
            zlib.decompress(content, -zlib.MAX_WBITS) if method else content
        )
        at = start + packed
    return found


def test_manifest_names_every_member_but_itself_and_the_signature(archive: bytes) -> None:
    """The manifest lists the SHA-1 of each other member, nothing more, nothing less (PK2, PK3)."""
    members = _members(archive)

    listed = json.loads(members["manifest.json"])

    others = {name: content for name, content in members.items() if name not in {"manifest.json", "signature"}}
    assert listed == {name: hashlib.sha1(content).hexdigest() for name, content in others.items()}  # noqa: S324


def test_archive_holds_the_template_the_pass_and_nothing_else(archive: bytes) -> None:
    """Members are the template's files, pass.json, manifest.json and signature; no directories (PK1, PK12)."""
    assert set(_members(archive)) == {*a_template().files, "pass.json", "manifest.json", "signature"}


def test_archive_can_be_read_front_to_back(archive: bytes) -> None:
    """A reader without random access sees the same members as one with it (PK11)."""
    assert _streamed(archive) == _members(archive)


def test_archive_tools_of_this_machine_find_no_fault(archive: bytes, tmp_path: Path) -> None:
    """Python's tool, and unzip where it is installed, accept the archive."""
    (tmp_path / "sample.pkpass").write_bytes(archive)
    unzip = shutil.which("unzip")
    tools = [[sys.executable, "-m", "zipfile", "-t"], *([[unzip, "-t"]] if unzip else [])]

    for tool in tools:
        subprocess.run([*tool, "sample.pkpass"], cwd=tmp_path, capture_output=True, check=True)


def test_same_state_gives_the_same_bytes_but_for_the_signature(credentials: PassCredentials, now: datetime) -> None:
    """Two passes of one state, signed a day apart from parts made twice, differ in the signature alone (PK10)."""
    signer = Signer(credentials)

    first, second = (
        _members(build(prepare(a_template().files), _PASS, signer, now + timedelta(days=day))) for day in (0, 1)
    )

    assert first.pop("signature") != second.pop("signature")
    assert first == second


def test_content_hash_is_the_manifests_and_changes_with_the_pass() -> None:
    """The content hash is the SHA-256 of the manifest, so a new pass.json gives a new one."""
    parts = prepare(a_template().files)

    assert content_hash(parts, _PASS) == hashlib.sha256(manifest(parts, _PASS)).hexdigest()
    assert content_hash(parts, _PASS) != content_hash(parts, _PASS + b" ")


def test_changed_image_changes_the_content_hash() -> None:
    """A new icon is a new pass."""
    new = prepare(a_template(images={"icon.png": b"another"}).files)

    assert content_hash(new, _PASS) != content_hash(prepare(a_template(images={"icon.png": b"icon"}).files), _PASS)


@pytest.mark.parametrize(
    "members",
    [{"logo.png": b""}, {"icon.png": b"", "pass.json": b"{}"}, {"icon.png": b"", 'a"b.png': b""}],
    ids=["no icon", "own pass.json", "quote in a name"],
)
def test_members_that_no_pass_can_have_are_refused(members: dict[str, bytes]) -> None:
    """A missing icon, a second pass.json and unspeakable names are refused when the parts are prepared."""
    with pytest.raises(TemplateInvalid):
        prepare(members)


def test_files_with_umlauts_in_their_names_are_read_back() -> None:
    """Names are UTF-8 in archive and manifest alike."""
    parts = prepare({"icon.png": b"", "straße.png": b"x"})

    assert "straße.png" in json.loads(manifest(parts, _PASS))
