"""Tests of the signature, verified by OpenSSL's own command."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from walletd.domain.errors import CertificateInvalid, SigningUnavailable
from walletd.wallets.apple.certificates import PassCredentials
from walletd.wallets.apple.signing import Signer

_MANIFEST = b'{\n  "icon.png": "da39a3ee5e6b4b0d3255bfef95601890afd80709"\n}\n'


def _verify(openssl: str, folder: Path, signer: PassCredentials, signature: bytes, manifest: bytes) -> str:
    """Return what OpenSSL says of a signature; "Verification successful" if it is good."""
    (folder / "signature").write_bytes(signature)
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "ca.pem").write_bytes(signer.chain[0].public_bytes(Encoding.PEM))
    command = [openssl, "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-partial_chain"]
    files = ["-in", "signature", "-content", "manifest.json", "-CAfile", "ca.pem", "-out", "content"]
    moment = ["-attime", str(int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()))]
    done = subprocess.run([*command, *files, *moment], cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr


def _printed(openssl: str, folder: Path, signature: bytes) -> str:
    (folder / "signature").write_bytes(signature)
    command = [openssl, "cms", "-cmsout", "-print", "-inform", "DER", "-in", "signature"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_signature_of_several_lines_is_verified_by_openssl_with_its_chain(
    openssl: str, tmp_path: Path, credentials: PassCredentials, now: datetime
) -> None:
    """OpenSSL accepts the detached signature over a manifest of several lines and builds the chain (PK4, PK9)."""
    signature = Signer(credentials).sign(_MANIFEST, now)

    assert "successful" in _verify(openssl, tmp_path, credentials, signature, _MANIFEST)


def test_signature_does_not_fit_another_manifest(
    openssl: str, tmp_path: Path, credentials: PassCredentials, now: datetime
) -> None:
    """One changed byte of the manifest makes the signature invalid."""
    signature = Signer(credentials).sign(_MANIFEST, now)

    assert "successful" not in _verify(openssl, tmp_path, credentials, signature, _MANIFEST + b" ")


def test_signature_names_signing_time_issuer_and_sha256(
    openssl: str, tmp_path: Path, credentials: PassCredentials
) -> None:
    """It has the given signing time, names its signer by issuer and serial, and uses SHA-256 (PK5 to PK8)."""
    at = datetime(2026, 12, 24, 18, 30, 15, tzinfo=UTC)

    printed = _printed(openssl, tmp_path, Signer(credentials).sign(_MANIFEST, at))

    assert re.search(r"signingTime.*?UTCTIME:Dec 24 18:30:15 2026 GMT", printed, re.DOTALL)
    assert "d.issuerAndSerialNumber" in printed
    assert re.search(r"digestAlgorithm:\s+algorithm: sha256", printed)


def test_signature_contains_leaf_and_intermediate(credentials: PassCredentials, now: datetime) -> None:
    """Both certificates are inside, without which iPhones refuse the pass (PK6)."""
    inside = pkcs7.load_der_pkcs7_certificates(Signer(credentials).sign(_MANIFEST, now))

    assert set(inside) == {credentials.leaf, credentials.chain[0]}


def test_signature_is_the_same_for_the_same_manifest_and_second(credentials: PassCredentials, now: datetime) -> None:
    """Signing is deterministic, so that nothing but the given time makes a difference."""
    signer = Signer(credentials)

    assert signer.sign(_MANIFEST, now) == signer.sign(_MANIFEST, now)
    assert signer.sign(_MANIFEST, now) != signer.sign(_MANIFEST, now + timedelta(seconds=1))


def test_rsa_credentials_are_signed_with_by_the_template(credentials: PassCredentials) -> None:
    """The quick way is in use for the keys that Apple's certificates have."""
    assert Signer(credentials).uses_template


@pytest.mark.parametrize("days", [-3, 366])
def test_signing_outside_the_certificates_time_is_refused(
    credentials: PassCredentials, now: datetime, days: int
) -> None:
    """An expired certificate never makes a signature that the phone would refuse (A5)."""
    with pytest.raises(SigningUnavailable):
        Signer(credentials).sign(_MANIFEST, now + timedelta(days=days))


def test_signer_without_intermediate_is_refused(credentials: PassCredentials) -> None:
    """A signature without the intermediate is never made."""
    with pytest.raises(CertificateInvalid, match="intermediate"):
        Signer(replace(credentials, chain=()))


def test_elliptic_curve_key_is_signed_with_by_the_builder(
    openssl: str, tmp_path: Path, credentials: PassCredentials, now: datetime
) -> None:
    """Keys whose signatures vary in length go the builder's way, and OpenSSL accepts the result."""
    issuer_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    leaf, intermediate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(number)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=100))
        .add_extension(x509.BasicConstraints(ca=number == 2, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
        for subject, public, number in (
            (x509.Name([]), key.public_key(), 1),
            (issuer, issuer_key.public_key(), 2),
        )
    )
    signer = Signer(PassCredentials(leaf, key, (intermediate,)))

    signature = signer.sign(_MANIFEST, now)

    assert not signer.uses_template
    said = _verify(openssl, tmp_path, PassCredentials(leaf, key, (intermediate,)), signature, _MANIFEST)
    assert "successful" in said
