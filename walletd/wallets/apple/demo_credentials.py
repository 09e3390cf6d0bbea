"""Credentials for trying walletd without an Apple account: shaped like Apple's, and plainly marked as a demo.

iPhones refuse what they sign; Android wallets that do not check signatures, and the demo phone, take it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from walletd.wallets.apple.credentials import (
    DEMO_ORGANIZATION,
    NAME_PREFIXES,
    PASS_TYPE_EXTENSION,
    PassCredentials,
)

_PASS_USAGE = x509.ObjectIdentifier("1.2.840.113635.100.4.14")
DEMO_TYPE_IDENTIFIER = "pass.demo.walletd"
_YEAR = timedelta(days=365)


def make_demo_credentials(
    now: datetime,
    pass_type_identifier: str = DEMO_TYPE_IDENTIFIER,
    team: str = "DEMO00TEAM",
    organization: str = "DEMO shop",
    lifetime: timedelta = _YEAR,
) -> PassCredentials:
    """Make fresh demo credentials, valid from a day before `now` (aware) for `lifetime`: leaf and intermediate.

    The root exists for a moment only and is not kept, as Apple's root is not needed for signing either.
    """
    start = now - timedelta(days=1)
    root_key, intermediate_key, key = (generate_private_key(65537, 2048) for _ in range(3))
    root_name = _authority_name("DEMO Root CA")
    name = _authority_name("DEMO Worldwide Developer Relations")
    intermediate = (
        _draft(name, root_name, intermediate_key.public_key(), (start, start + 10 * _YEAR))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
        .add_extension(_authority_key(root_key), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, pass_type_identifier),
            x509.NameAttribute(NameOID.COMMON_NAME, NAME_PREFIXES[0] + pass_type_identifier),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    leaf = (
        _draft(subject, name, key.public_key(), (start, now + lifetime))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, _PASS_USAGE]), critical=False)
        .add_extension(_authority_key(intermediate_key), critical=False)
        .add_extension(_pass_type_extension(pass_type_identifier), critical=False)
        .sign(intermediate_key, hashes.SHA256())
    )
    return PassCredentials(leaf, key, (intermediate,))


def _authority_name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEMO_ORGANIZATION),
        ]
    )


def _draft(
    subject: x509.Name, issuer: x509.Name, key: RSAPublicKey, validity: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _authority_key(key: RSAPrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pass_type_extension(pass_type_identifier: str) -> x509.UnrecognizedExtension:
    """Write the identifier as a DER UTF8String of short length, as Apple does."""
    text = pass_type_identifier.encode()
    if len(text) > 127:
        raise ValueError("a pass type identifier of a demo has at most 127 bytes")
    return x509.UnrecognizedExtension(PASS_TYPE_EXTENSION, bytes([0x0C, len(text)]) + text)
