"""Open a `.pkpass` as strictly as iOS does: archive, manifest, signature, document (PK1 to PK14, L1 to L4)."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509

from walletd.demo.iphone.cms import Signature, SignatureRefused, verify
from walletd.demo.iphone.pass_rules import DocumentRefused, check_document, decode_strictly, fields_of, style_of
from walletd.demo.iphone.strings_file import StringsRefused, parse_strings

_ARCHIVE_BYTES_MAX: Final = 10_000_000
_UNPACKED_BYTES_MAX: Final = 30_000_000
_FILES_MAX: Final = 500
_DATA_DESCRIPTOR: Final = 0x08
_ENCRYPTED: Final = 0x01
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_ROOT_FILES: Final = ("pass.json", "manifest.json", "signature")
_UNSIGNED_FILES: Final = frozenset({"manifest.json", "signature"})
_FOREIGN: Final = re.compile(r"(^|/)(\.DS_Store|Thumbs\.db|__MACOSX|\._[^/]*)(/|$)")
_SHA1: Final = re.compile(r"[0-9a-f]{40}")
_LANGUAGE: Final = re.compile(r"([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.lproj/pass\.strings")


class PassRefused(Exception):
    """A phone would not take this pass; the message says why."""


@dataclass(frozen=True, slots=True)
class OpenedPass:
    """A pass that a phone accepts."""

    document: Mapping[str, Any]
    files: Mapping[str, bytes]
    manifest_hash: str
    strings: Mapping[str, Mapping[str, str]]
    """Language → key → text."""
    signature: Signature

    @property
    def pass_type_identifier(self) -> str:
        """The pass type, also the topic of its pushes."""
        return str(self.document["passTypeIdentifier"])

    @property
    def serial_number(self) -> str:
        """The serial number, unique within the pass type."""
        return str(self.document["serialNumber"])

    @property
    def authentication_token(self) -> str:
        """The secret of this pass; empty where the pass has no web service."""
        return str(self.document.get("authenticationToken", ""))

    @property
    def web_service_url(self) -> str:
        """The base address of the web service without a trailing slash; empty where there is none."""
        return str(self.document.get("webServiceURL", "")).rstrip("/")

    @property
    def style(self) -> str:
        """The style that is drawn, for instance `storeCard`."""
        return style_of(self.document)

    @property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """All fields by key."""
        return fields_of(self.document)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages the pass speaks, sorted; English where it has no translations."""
        return tuple(sorted(self.strings)) or ("en",)

    def text(self, text: str, language: str) -> str:
        """Translate a localizable text; falls back to English and then to the text itself (L5)."""
        for table in (self.strings.get(language), self.strings.get("en")):
            if table is not None and text in table:
                return table[text]
        return text

    def image(self, name: str, language: str) -> bytes | None:
        """Return the best resolution of an image; a top-level file wins over a translated one (A1.2)."""
        for place in ("", f"{language}.lproj/", "en.lproj/"):
            for scale in ("@3x", "@2x", ""):
                content = self.files.get(f"{place}{name}{scale}.png")
                if content is not None:
                    return content
        return None


def open_pass(content: bytes, trust_roots: Sequence[x509.Certificate]) -> OpenedPass:
    """Open and verify a pass; raises PassRefused with the reason a phone would have."""
    files = _unpack(content)
    _check_manifest(files)
    try:
        document = decode_strictly(files["pass.json"], "pass.json")
        check_document(document)
        signature = verify(files["signature"], files["manifest.json"], trust_roots)
        strings = {match[1]: parse_strings(files[name]) for name in files if (match := _LANGUAGE.fullmatch(name))}
    except (DocumentRefused, SignatureRefused, StringsRefused) as error:
        raise PassRefused(str(error)) from error
    _check_identity(document, signature)
    _check_images(files)
    manifest_hash = hashlib.sha256(files["manifest.json"]).hexdigest()
    return OpenedPass(document, files, manifest_hash, strings, signature)


def _unpack(content: bytes) -> dict[str, bytes]:
    if len(content) > _ARCHIVE_BYTES_MAX:
        raise PassRefused("the archive is larger than 10 MB")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            files = {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise PassRefused(f"this is not a whole ZIP archive: {error}") from error
    missing = [name for name in _ROOT_FILES if name not in files]
    if missing:
        raise PassRefused(f"{missing[0]} is missing at the root of the archive")
    return files


def _check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > _FILES_MAX or sum(entry.file_size for entry in entries) > _UNPACKED_BYTES_MAX:
        raise PassRefused("the archive unpacks to too much")
    if len({entry.filename for entry in entries}) != len(entries):
        raise PassRefused("a file occurs twice in the archive")
    for entry in entries:
        name = entry.filename
        if entry.is_dir() or name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise PassRefused(f"{name!r} is not a plain file path")
        if _FOREIGN.search(name):
            raise PassRefused(f"{name!r} does not belong into a pass")
        if entry.flag_bits & _ENCRYPTED:
            raise PassRefused(f"{name!r} is encrypted")
        if entry.flag_bits & _DATA_DESCRIPTOR and entry.compress_type == zipfile.ZIP_STORED:
            raise PassRefused(f"{name!r} is stored with a data descriptor, which streaming readers cannot read")


def _check_manifest(files: Mapping[str, bytes]) -> None:
    try:
        manifest = decode_strictly(files["manifest.json"], "manifest.json")
    except DocumentRefused as error:
        raise PassRefused(str(error)) from error
    expected = set(files) - _UNSIGNED_FILES
    if unlisted := sorted(expected - set(manifest)):
        raise PassRefused(f"{unlisted[0]!r} is not in the manifest")
    if absent := sorted(set(manifest) - expected):
        raise PassRefused(f"{absent[0]!r} is in the manifest but not in the archive")
    for name, digest in manifest.items():
        if not isinstance(digest, str) or not _SHA1.fullmatch(digest):
            raise PassRefused(f"the manifest has no lower-case SHA-1 for {name!r}")
        if hashlib.sha1(files[name], usedforsecurity=False).hexdigest() != digest:
            raise PassRefused(f"the manifest does not match {name!r}")


def _check_identity(document: Mapping[str, Any], signature: Signature) -> None:
    if document["passTypeIdentifier"] != signature.pass_type_identifier:
        raise PassRefused("passTypeIdentifier does not match the certificate")
    if document["teamIdentifier"] != signature.team_identifier:
        raise PassRefused("teamIdentifier does not match the certificate")


def _check_images(files: Mapping[str, bytes]) -> None:
    if not any(name in files for name in ("icon.png", "icon@2x.png", "icon@3x.png")):
        raise PassRefused("the icon is missing")
    for name, content in files.items():
        if name.endswith(".png") and not content.startswith(_PNG):
            raise PassRefused(f"{name!r} is not a PNG image")
