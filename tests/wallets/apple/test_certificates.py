"""Tests of reading pass certificates from the files people have, and of the checks on them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from walletd.domain.checks import Check
from walletd.domain.errors import CertificateInvalid
from walletd.wallets.apple.certificates import (
    PassCredentials,
    bundled_intermediates,
    examine,
    load_certificate_and_key,
    load_p12,
    make_demo_credentials,
    require_usable,
)
from walletd.wallets.apple.credentials import PASS_TYPE_EXTENSION

_PASSPHRASE = "Grüße"


def _key_pem(credentials: PassCredentials, passphrase: str | None = None) -> bytes:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return credentials.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _p12(openssl: str, folder: Path, credentials: PassCredentials, *options: str) -> bytes:
    """Let openssl export leaf, intermediate and key, as the keychain does."""
    (folder / "key.pem").write_bytes(_key_pem(credentials))
    (folder / "leaf.pem").write_bytes(credentials.leaf.public_bytes(Encoding.PEM))
    (folder / "chain.pem").write_bytes(credentials.chain[0].public_bytes(Encoding.PEM))
    command = [openssl, "pkcs12", "-export", "-inkey", "key.pem", "-in", "leaf.pem", "-certfile", "chain.pem"]
    target = ["-out", "pass.p12", "-passout", f"pass:{_PASSPHRASE}"]
    subprocess.run([*command, *target, *options], cwd=folder, capture_output=True, check=True)
    return (folder / "pass.p12").read_bytes()


def _finding(credentials: PassCredentials, now: datetime, check: str, expected: str | None = None) -> Check:
    return next(finding for finding in examine(credentials, now, expected) if finding.name == check)


def _issued(
    credentials: PassCredentials, now: datetime, subject: dict[x509.ObjectIdentifier, str], extension: str | None
) -> PassCredentials:
    """Credentials whose leaf says what it should not; issued by an intermediate of the same names."""
    issuer_key = generate_private_key(65537, 2048)
    chain = _certificate(credentials.chain[0].subject, credentials.chain[0].subject, issuer_key, issuer_key, now)
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject.items()])
    leaf = _certificate(name, credentials.chain[0].subject, credentials.key, issuer_key, now, extension)
    return replace(credentials, leaf=leaf, chain=(chain,))


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: object,
    issuer_key: RSAPrivateKey,
    now: datetime,
    extension: str | None = None,
) -> x509.Certificate:
    assert isinstance(key, RSAPrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if extension is not None:
        value = bytes([0x0C, len(extension)]) + extension.encode()
        builder = builder.add_extension(x509.UnrecognizedExtension(PASS_TYPE_EXTENSION, value), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-legacy", "-keypbe", "PBE-SHA1-RC2-40", "-certpbe", "PBE-SHA1-RC2-40", "-macalg", "sha1"),
        ("-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-RC2-40", "-macalg", "sha1"),
    ],
    ids=["modern", "RC2", "3DES"],
)
def test_p12_is_read_whatever_its_age(
    openssl: str, tmp_path: Path, credentials: PassCredentials, options: tuple[str, ...]
) -> None:
    """Certificate, key and intermediate come out of new and of legacy exports alike (A5)."""
    loaded = load_p12(_p12(openssl, tmp_path, credentials, *options), _PASSPHRASE)

    assert loaded.to_bytes() == credentials.to_bytes()


@pytest.mark.parametrize(
    ("passphrase", "says"), [("wrong", "passphrase"), (None, "without a passphrase")], ids=["wrong", "none"]
)
def test_p12_with_wrong_passphrase_says_so(
    openssl: str, tmp_path: Path, credentials: PassCredentials, passphrase: str | None, says: str
) -> None:
    """The refusal names the passphrase, whether it is wrong or was forgotten."""
    with pytest.raises(CertificateInvalid, match=says):
        load_p12(_p12(openssl, tmp_path, credentials), passphrase)


def test_p12_without_key_says_how_to_export_both(openssl: str, tmp_path: Path, credentials: PassCredentials) -> None:
    """A .p12 that holds the certificate alone is refused with the cure (A5)."""
    exported = _p12(openssl, tmp_path, credentials, "-nokeys")

    with pytest.raises(CertificateInvalid, match="no private key"):
        load_p12(exported, _PASSPHRASE)


def test_file_that_is_no_p12_is_called_so() -> None:
    """A text file is not blamed on the passphrase."""
    with pytest.raises(CertificateInvalid, match=r"not a \.p12"):
        load_p12(b"-----BEGIN CERTIFICATE-----", _PASSPHRASE)


@pytest.mark.parametrize("form", [Encoding.DER, Encoding.PEM])
def test_cer_is_read_beside_its_encrypted_key(credentials: PassCredentials, form: Encoding) -> None:
    """Apple's pass.cer, in DER or PEM, fits together with a key under a passphrase and the intermediate's file."""
    loaded = load_certificate_and_key(
        credentials.leaf.public_bytes(form),
        _key_pem(credentials, _PASSPHRASE),
        _PASSPHRASE,
        [credentials.chain[0].public_bytes(form)],
    )

    assert loaded.to_bytes() == credentials.to_bytes()


def test_passphrase_for_an_open_key_does_no_harm(credentials: PassCredentials) -> None:
    """A key without encryption is read even if a passphrase was given."""
    loaded = load_certificate_and_key(credentials.leaf.public_bytes(Encoding.DER), _key_pem(credentials), _PASSPHRASE)

    assert loaded.leaf == credentials.leaf


@pytest.mark.parametrize(
    ("passphrase", "says"), [("wrong", "passphrase is wrong"), (None, "is encrypted")], ids=["wrong", "none"]
)
def test_key_with_wrong_passphrase_says_so(credentials: PassCredentials, passphrase: str | None, says: str) -> None:
    """The refusal tells a wrong passphrase from a missing one."""
    with pytest.raises(CertificateInvalid, match=says):
        load_certificate_and_key(
            credentials.leaf.public_bytes(Encoding.DER), _key_pem(credentials, _PASSPHRASE), passphrase
        )


def test_key_of_another_certificate_is_refused(credentials: PassCredentials, now: datetime) -> None:
    """Certificate and key that do not belong together are refused when they are read."""
    other = make_demo_credentials(now)

    with pytest.raises(CertificateInvalid, match="does not belong"):
        load_certificate_and_key(credentials.leaf.public_bytes(Encoding.DER), _key_pem(other))


def test_key_that_cannot_sign_passes_is_refused(credentials: PassCredentials) -> None:
    """An Ed25519 key is refused with the kind that Apple takes."""
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(CertificateInvalid, match="RSA"):
        load_certificate_and_key(credentials.leaf.public_bytes(Encoding.DER), key)


def test_damaged_certificate_is_refused() -> None:
    """A file that is neither DER nor PEM is refused with the cure."""
    with pytest.raises(CertificateInvalid, match="neither DER nor PEM"):
        load_certificate_and_key(b"\x30\x03abc", b"")


def test_intermediate_is_chosen_by_key_and_not_by_name(credentials: PassCredentials, now: datetime) -> None:
    """Of two generations that share all their names, the one that issued the certificate is embedded (A5)."""
    twin_key = generate_private_key(65537, 2048)
    twin = _certificate(credentials.chain[0].subject, credentials.chain[0].subject, twin_key, twin_key, now)
    files = [certificate.public_bytes(Encoding.PEM) for certificate in (twin, credentials.chain[0])]

    loaded = load_certificate_and_key(
        credentials.leaf.public_bytes(Encoding.DER), _key_pem(credentials), intermediates=files
    )

    assert loaded.chain == credentials.chain


def test_missing_intermediate_is_a_failure_that_names_the_issuer(credentials: PassCredentials, now: datetime) -> None:
    """Without the intermediate the finding says which one to fetch."""
    found = _finding(replace(credentials, chain=()), now, "issuer")

    assert found.level == "failure"
    assert "DEMO Worldwide Developer Relations" in found.detail


def test_intermediate_that_did_not_issue_the_certificate_is_a_failure(
    credentials: PassCredentials, now: datetime
) -> None:
    """A chain of the right name but another key is found out."""
    other = make_demo_credentials(now)

    assert _finding(replace(credentials, chain=other.chain), now, "issuer").level == "failure"


def test_certificate_of_a_strange_authority_is_a_failure(credentials: PassCredentials, now: datetime) -> None:
    """A certificate that neither Apple nor the demo issued is refused: no phone takes its passes."""
    key = generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Inc.")])
    chain = _certificate(name, name, key, key, now)
    leaf = _certificate(credentials.leaf.subject, name, credentials.key, key, now)

    found = _finding(replace(credentials, leaf=leaf, chain=(chain,)), now, "issuer")

    assert (found.level, "not issued by Apple" in found.detail) == ("failure", True)


def test_shipped_intermediate_is_apples_fourth_generation() -> None:
    """WWDR G4 is on board: its serial number, its end, and its right to issue certificates."""
    (g4,) = bundled_intermediates()

    assert f"{g4.serial_number:X}" == "13DC77955271E53DC632E8CCFFE521F3CCC5CED2"
    assert g4.not_valid_after_utc == datetime(2030, 12, 10, tzinfo=UTC)
    assert g4.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    fingerprint = "ea4757885538dd8cb59ff4556f676087d83c85e70902c122e42c0808b5bce14c"
    assert g4.fingerprint(hashes.SHA256()).hex() == fingerprint


def test_good_credentials_pass_every_check(credentials: PassCredentials, now: datetime) -> None:
    """Demo credentials have no failure; the only warning says that they are a demo."""
    assert [(f.level, f.name) for f in examine(credentials, now) if f.level != "ok"] == [("warning", "kind")]
    require_usable(credentials, now, expected_pass_type="pass.demo.walletd")


def test_demo_credentials_are_marked_and_shaped_like_apples(credentials: PassCredentials) -> None:
    """They know that they are a demo, and carry UID, team and extension as Apple's do."""
    assert credentials.demo
    assert not credentials.nfc
    assert credentials.pass_type_identifier == credentials.common_name_suffix == credentials.extension_identifier
    assert (credentials.pass_type_identifier, credentials.team_identifier) == ("pass.demo.walletd", "DEMO00TEAM")
    assert "DEMO" in credentials.organization


@pytest.mark.parametrize(
    ("user_id", "common_name", "extension"),
    [
        ("pass.other", "Pass Type ID: pass.demo.walletd", "pass.demo.walletd"),
        ("pass.demo.walletd", "Pass Type ID: pass.other", "pass.demo.walletd"),
        ("pass.demo.walletd", "Pass Type ID: pass.demo.walletd", "pass.other"),
        ("pass.demo.walletd", "Pass Type ID: pass.demo.walletd", None),
    ],
    ids=["user ID", "common name", "extension", "no extension"],
)
def test_pass_type_that_differs_within_the_certificate_is_a_failure(
    credentials: PassCredentials, now: datetime, user_id: str, common_name: str, extension: str | None
) -> None:
    """UID, common name and extension have to agree (A5, number 3)."""
    subject = {NameOID.USER_ID: user_id, NameOID.COMMON_NAME: common_name, NameOID.ORGANIZATIONAL_UNIT_NAME: "T"}

    assert _finding(_issued(credentials, now, subject, extension), now, "identity").level == "failure"


def test_certificate_of_another_pass_type_than_configured_is_a_failure(
    credentials: PassCredentials, now: datetime
) -> None:
    """A new certificate for another pass type would cut off installed passes."""
    found = _finding(credentials, now, "identity", expected="pass.com.example.shop")

    assert (found.level, "pass.com.example.shop" in found.detail) == ("failure", True)


def test_certificate_without_team_is_a_failure(credentials: PassCredentials, now: datetime) -> None:
    """The team stands in the organisational unit (check 4)."""
    assert _finding(_issued(credentials, now, {}, None), now, "team").level == "failure"


def test_nfc_certificate_is_known_by_its_name(credentials: PassCredentials, now: datetime) -> None:
    """The words "with NFC" in the common name allow NFC (A5)."""
    nfc = _issued(credentials, now, {NameOID.COMMON_NAME: "Pass Type ID with NFC: pass.demo.walletd"}, None)

    assert nfc.nfc
    assert nfc.common_name_suffix == "pass.demo.walletd"


@pytest.mark.parametrize(
    ("days_left", "level"),
    [(61, "ok"), (60, "warning"), (59, "warning"), (13, "warning"), (0, "warning"), (-1, "failure")],
)
def test_end_of_the_certificate_is_announced(credentials: PassCredentials, days_left: int, level: str) -> None:
    """Within sixty days of its end a warning is given, and after it a failure (P15)."""
    at = credentials.not_valid_after - timedelta(days=days_left)

    found = _finding(credentials, at, "validity")

    assert found.level == level
    assert bool(found.cure) == (level != "ok")


def test_expired_certificate_is_refused_when_it_is_loaded(credentials: PassCredentials) -> None:
    """A new certificate that has ended already is not taken."""
    with pytest.raises(CertificateInvalid, match="ended on"):
        require_usable(credentials, credentials.not_valid_after + timedelta(seconds=1))


def test_certificate_of_the_future_is_refused(credentials: PassCredentials, now: datetime) -> None:
    """A certificate that has not begun points to a wrong clock."""
    with pytest.raises(CertificateInvalid, match="clock"):
        require_usable(credentials, now - timedelta(days=2))


def test_credentials_survive_storage(credentials: PassCredentials) -> None:
    """What `to_bytes` writes, `from_bytes` reads."""
    assert PassCredentials.from_bytes(credentials.to_bytes()).to_bytes() == credentials.to_bytes()


@pytest.mark.parametrize("blob", [b"", b"nonsense"])
def test_damaged_storage_is_refused(blob: bytes) -> None:
    """A blob that is no credentials is named as damaged, not passed on."""
    with pytest.raises(CertificateInvalid, match="damaged"):
        PassCredentials.from_bytes(blob)
