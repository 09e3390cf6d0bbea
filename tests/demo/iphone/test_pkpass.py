"""A phone takes a right pass and refuses one that is wrong in any way that Apple's clauses name (PK1 to PK16)."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from tests.demo.certificates import Leaf, PassAuthority
from tests.demo.iphone.passes import PASS_TYPE, contents, document, manifest_of, pack, pkpass, sign
from walletd.demo.iphone.pkpass import PassRefused, open_pass
from walletd.demo.iphone.strings_file import StringsRefused, parse_strings

Files = dict[str, bytes]


def signed(files: Files, leaf: Leaf) -> bytes:
    """Pack files with a right manifest and signature."""
    manifest = manifest_of(files)
    return pack({**files, "manifest.json": manifest, "signature": sign(manifest, leaf)})


def test_right_pass_opens_with_all_its_parts(leaf: Leaf, pass_authority: PassAuthority) -> None:
    """Document, languages, images and the signer are known after opening."""
    opened = open_pass(pkpass(document(), leaf), [pass_authority.root])
    assert opened.pass_type_identifier == PASS_TYPE
    assert opened.languages == ("de", "en")
    assert opened.text("balance", "de") == "Punkte"
    assert opened.image("icon", "de") is not None
    assert opened.signature.team_identifier == "DEMOTEAM01"
    assert abs((opened.signature.signing_time - datetime.now(UTC)).total_seconds()) < 60


def test_openssl_agrees_with_the_verifier(leaf: Leaf, pass_authority: PassAuthority, tmp_path: Path) -> None:
    """The passes of these tests are right by the judgement of OpenSSL too, not only by our own."""
    manifest = manifest_of(contents(document()))
    (tmp_path / "signature").write_bytes(sign(manifest, leaf))
    (tmp_path / "manifest.json").write_bytes(manifest)
    (tmp_path / "root.pem").write_bytes(pass_authority.root_pem)
    arguments = ["-in", "signature", "-inform", "DER", "-content", "manifest.json", "-CAfile", "root.pem"]
    command = ["openssl", "cms", "-verify", "-binary", "-purpose", "any", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def _foreign_file(files: Files) -> None:
    files[".DS_Store"] = b"x"


def _no_icon(files: Files) -> None:
    del files["icon.png"], files["icon@2x.png"]


def _not_png(files: Files) -> None:
    files["logo@2x.png"] = b"GIF89a"


def _bad_strings(files: Files) -> None:
    files["de.lproj/pass.strings"] = b'"a" : "b";'


def _byte_order_mark(files: Files) -> None:
    files["pass.json"] = b"\xef\xbb\xbf" + files["pass.json"]


def _duplicate_key(files: Files) -> None:
    files["pass.json"] = b'{"formatVersion": 1, "formatVersion": 1}'


def _directory(files: Files) -> None:
    files["de.lproj/"] = b""


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_foreign_file, "does not belong"),
        (_no_icon, "icon is missing"),
        (_not_png, "not a PNG"),
        (_bad_strings, "something else"),
        (_byte_order_mark, "strict JSON"),
        (_duplicate_key, "twice"),
        (_directory, "plain file path"),
    ],
)
def test_spoiled_files_are_refused(
    leaf: Leaf,
    pass_authority: PassAuthority,
    spoil: Callable[[Files], None],
    reason: str,
) -> None:
    """Signed or not, these files make a pass invalid."""
    files = contents(document())
    spoil(files)
    with pytest.raises(PassRefused, match=reason):
        open_pass(signed(files, leaf), [pass_authority.root])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"serialNumber": 5}, "serialNumber"),
        ({"formatVersion": "1"}, "formatVersion"),
        ({"authenticationToken": "short"}, "16 characters"),
        ({"authenticationToken": None}, "belong together"),
        ({"backgroundColor": "rgb(255-255-255)"}, "backgroundColor"),
        ({"expirationDate": "2026-01-01T00:00:00.000Z"}, "expirationDate"),
        ({"barcodes": {"format": "PKBarcodeFormatQR"}}, "not an array"),
        ({"barcodes": [{"format": "PKBarcodeFormatQR", "message": 5, "messageEncoding": "utf-8"}]}, "message"),
        (
            {"barcodes": [{"format": "PKBarcodeFormatQR", "message": "€", "messageEncoding": "iso-8859-1"}]},
            "does not fit",
        ),
        ({"storeCard": None}, "exactly one style"),
        ({"coupon": {}}, "exactly one style"),
        ({"userInfo": {"a": [None] * 2}}, "null"),
        ({"storeCard": {"primaryFields": [{"key": "a", "value": 1}, {"key": "a", "value": 2}]}}, "twice"),
        ({"storeCard": {"primaryFields": [{"key": "a"}]}}, "no value"),
        ({"storeCard": {"primaryFields": [{"key": "a", "value": "5", "currencyCode": "EUR"}]}}, "no number"),
        ({"storeCard": {"primaryFields": [{"key": "a", "value": "soon", "dateStyle": "PKDateStyleShort"}]}}, "zone"),
        ({"teamIdentifier": "OTHERTEAM1"}, "teamIdentifier does not match"),
        ({"passTypeIdentifier": "pass.other.shop"}, "passTypeIdentifier does not match"),
    ],
)
def test_wrong_document_is_refused(
    leaf: Leaf,
    pass_authority: PassAuthority,
    changes: dict[str, Any],
    reason: str,
) -> None:
    """The reason names the key at fault."""
    with pytest.raises(PassRefused, match=reason):
        open_pass(pkpass(document(**changes), leaf), [pass_authority.root])


def test_zero_and_empty_text_are_values(leaf: Leaf, pass_authority: PassAuthority) -> None:
    """Nought points is a value (F2)."""
    fields = {"primaryFields": [{"key": "a", "value": 0}, {"key": "b", "value": ""}]}
    assert open_pass(pkpass(document(storeCard=fields), leaf), [pass_authority.root]).fields["a"]["value"] == 0


@pytest.mark.parametrize("kind", ["changed", "unlisted", "absent", "upper_case"])
def test_manifest_that_does_not_match_is_refused(leaf: Leaf, pass_authority: PassAuthority, kind: str) -> None:
    """Every file is listed with its digest, nothing more and nothing less (PK2)."""
    files = contents(document())
    listed = json.loads(manifest_of(files))
    if kind == "changed":
        listed["icon.png"] = "0" * 40
    elif kind == "unlisted":
        del listed["icon.png"]
    elif kind == "absent":
        listed["thumbnail.png"] = "0" * 40
    else:
        listed["icon.png"] = listed["icon.png"].upper()
    manifest = json.dumps(listed).encode()
    with pytest.raises(PassRefused, match="manifest"):
        open_pass(
            pack({**files, "manifest.json": manifest, "signature": sign(manifest, leaf)}),
            [pass_authority.root],
        )


def _opened_with(signature: bytes, manifest: bytes, authority: PassAuthority) -> None:
    files = contents(document())
    open_pass(pack({**files, "manifest.json": manifest, "signature": signature}), [authority.root])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([pkcs7.PKCS7Options.Binary], "not detached"),
        ([pkcs7.PKCS7Options.DetachedSignature], "did not verify"),
        (
            [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.NoAttributes],
            "signing date",
        ),
        (
            [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.NoCerts],
            "not embedded",
        ),
    ],
)
def test_wrong_kind_of_signature_is_refused(
    leaf: Leaf,
    pass_authority: PassAuthority,
    options: list[pkcs7.PKCS7Options],
    reason: str,
) -> None:
    """Detached, binary, with signing time and certificates: anything else fails (PK4 to PK6, PK9)."""
    manifest = manifest_of(contents(document()))
    with pytest.raises(PassRefused, match=reason):
        _opened_with(sign(manifest, leaf, options), manifest, pass_authority)


def test_missing_intermediate_is_refused(leaf: Leaf, pass_authority: PassAuthority) -> None:
    """The leaf alone is not enough (PK6)."""
    alone = Leaf(leaf.certificate, leaf.key, leaf.certificate)
    manifest = manifest_of(contents(document()))
    with pytest.raises(PassRefused, match=r"chain|intermediate"):
        _opened_with(sign(manifest, alone), manifest, pass_authority)


def test_expired_certificate_is_refused(pass_authority: PassAuthority) -> None:
    """A signing time after the end of the certificate does not count."""
    expired = pass_authority.leaf(PASS_TYPE, days=-1)
    with pytest.raises(PassRefused, match="not valid at the signing time"):
        open_pass(pkpass(document(), expired), [pass_authority.root])


def test_foreign_authority_is_refused(leaf: Leaf) -> None:
    """A chain to another root does not hold, even under the same name."""
    other = PassAuthority(datetime.now(UTC))
    with pytest.raises(PassRefused, match="chain"):
        open_pass(pkpass(document(), leaf), [other.root])


def test_signature_in_pem_is_refused(leaf: Leaf, pass_authority: PassAuthority) -> None:
    """The signature is DER, not text (PK4)."""
    manifest = manifest_of(contents(document()))
    certificate = leaf.certificate.public_bytes(serialization.Encoding.PEM)
    with pytest.raises(PassRefused, match="DER"):
        _opened_with(certificate, manifest, pass_authority)


def test_stored_entry_with_data_descriptor_is_refused(leaf: Leaf, pass_authority: PassAuthority) -> None:
    """What streaming readers cannot read is no pass (PK11)."""

    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    whole = zipfile.ZipFile(io.BytesIO(pkpass(document(), leaf)))
    buffer = Unseekable()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for entry in whole.infolist():
            archive.writestr(entry.filename, whole.read(entry))
    with pytest.raises(PassRefused, match="data descriptor"):
        open_pass(buffer.getvalue(), [pass_authority.root])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all"])
def test_broken_archive_is_refused(content: bytes, pass_authority: PassAuthority) -> None:
    """Whatever is no archive is refused, never a crash."""
    with pytest.raises(PassRefused, match="ZIP"):
        open_pass(content, [pass_authority.root])


def test_strings_are_read_with_escapes_in_both_encodings() -> None:
    """UTF-8 and UTF-16 with a byte order mark mean the same."""
    text = '"a" = "say \\"hi\\"\\nbye";\n"ü" = "ß";'
    expected = {"a": 'say "hi"\nbye', "ü": "ß"}
    assert parse_strings(text.encode()) == expected
    assert parse_strings(text.encode("utf-16")) == expected


@pytest.mark.parametrize("content", ['"a" = "b"', '"a" = "b";"a" = "c";', "// note", '"a" = "b" "c";'])
def test_strings_that_a_phone_would_ignore_are_refused(content: str) -> None:
    """One wrong character silently costs a whole language on a phone; here it is an error."""
    with pytest.raises(StringsRefused):
        parse_strings(content.encode())
