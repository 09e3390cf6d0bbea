"""Make small signed passes by hand, right or wrong in exactly one way. Shares no code with walletd's own builder."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from tests.demo.certificates import Leaf

PASS_TYPE = "pass.demo.shop"
TEAM = "DEMOTEAM01"
_OPTIONS = [
    pkcs7.PKCS7Options.Binary,
    pkcs7.PKCS7Options.DetachedSignature,
    pkcs7.PKCS7Options.NoCapabilities,
]


def png(width: int = 2, height: int = 2) -> bytes:
    """Return a plain grey image."""
    rows = (b"\x00" + b"\x80" * width) * height
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def document(serial: str = "serial-0001", points: int = 10, **changes: Any) -> dict[str, Any]:
    """Return a `pass.json` of a loyalty card; a change to None removes the key."""
    made: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": PASS_TYPE,
        "serialNumber": serial,
        "teamIdentifier": TEAM,
        "organizationName": "Bakery Sonnenschein",
        "description": "description",
        "webServiceURL": "http://shop.test/wallet",
        "authenticationToken": f"token-of-{serial}",
        "backgroundColor": "rgb(120, 40, 60)",
        "foregroundColor": "rgb(255, 255, 255)",
        "labelColor": "rgb(240, 210, 215)",
        "logoText": "Sonnenschein",
        "barcodes": [
            {
                "format": "PKBarcodeFormatQR",
                "message": "K-12345",
                "messageEncoding": "iso-8859-1",
                "altText": "K-12345",
            },
        ],
        "storeCard": {
            "headerFields": [{"key": "number", "label": "number", "value": "12345"}],
            "primaryFields": [
                {"key": "balance", "label": "balance", "value": points, "changeMessage": "balance_changed"},
            ],
            "secondaryFields": [{"key": "holder", "label": "holder", "value": "Anna Beispiel"}],
            "backFields": [{"key": "contact", "label": "contact", "value": "https://shop.test"}],
        },
    }
    made.update(changes)
    return {key: value for key, value in made.items() if value is not None}


def contents(pass_json: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a pass before manifest and signature."""
    english = '"balance" = "Points";\n"balance_changed" = "You have %@ points now";\n"holder" = "Name";\n'
    german = '"balance" = "Punkte";\n"balance_changed" = "Du hast jetzt %@ Punkte";\n"holder" = "Name";\n'
    return {
        "pass.json": json.dumps(pass_json, sort_keys=True).encode(),
        "icon.png": png(),
        "icon@2x.png": png(4, 4),
        "logo@2x.png": png(8, 4),
        "strip@2x.png": png(30, 12),
        "en.lproj/pass.strings": english.encode(),
        "de.lproj/pass.strings": german.encode(),
    }


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """Return the manifest of these files."""
    digests = {name: hashlib.sha1(content, usedforsecurity=False).hexdigest() for name, content in files.items()}
    return json.dumps(digests, indent=1, sort_keys=True).encode()


def sign(manifest: bytes, leaf: Leaf, options: list[pkcs7.PKCS7Options] | None = None) -> bytes:
    """Sign a manifest as Apple's tools do."""
    return (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(manifest)
        .add_signer(leaf.certificate, leaf.key, hashes.SHA256())
        .add_certificate(leaf.intermediate)
        .sign(serialization.Encoding.DER, _OPTIONS if options is None else options)
    )


def pack(files: Mapping[str, bytes]) -> bytes:
    """Pack files as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def pkpass(pass_json: Mapping[str, Any], leaf: Leaf, **extra: bytes) -> bytes:
    """Return a whole, signed pass."""
    files = {**contents(pass_json), **extra}
    manifest = manifest_of(files)
    return pack({**files, "manifest.json": manifest, "signature": sign(manifest, leaf)})
