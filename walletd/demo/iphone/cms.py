"""Verify the signature of a pass as a phone does: detached CMS over the manifest, chained to a trust root.

The structure is read with cryptography's ASN.1 reader, the chain is built by OpenSSL through pyOpenSSL; nothing here
parses bytes by hand. This verifier shares no code with the signer it judges (PK4 to PK9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from OpenSSL import crypto

_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_DATA: Final = "1.2.840.113549.1.7.1"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_SHA256: Final = "2.16.840.1.101.3.4.2.1"


class SignatureRefused(Exception):
    """The signature of the pass does not hold."""


@asn1.sequence
class _Algorithm:
    oid: x509.ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Attribute:
    oid: x509.ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class _IssuerAndSerial:
    issuer: asn1.TLV
    serial_number: int


@asn1.sequence
class _Signer:
    version: int
    identifier: _IssuerAndSerial
    digest: _Algorithm
    attributes: Annotated[asn1.SetOf[_Attribute] | None, asn1.Implicit(0)]
    signature_algorithm: _Algorithm
    signature: bytes
    unsigned: Annotated[asn1.SetOf[_Attribute] | None, asn1.Implicit(1)]


@asn1.sequence
class _Content:
    oid: x509.ObjectIdentifier
    content: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class _SignedData:
    version: int
    digests: asn1.SetOf[_Algorithm]
    content: _Content
    certificates: Annotated[asn1.SetOf[x509.Certificate] | None, asn1.Implicit(0)]
    revocations: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(1)]
    signers: asn1.SetOf[_Signer]


@asn1.sequence
class _ContentInfo:
    oid: x509.ObjectIdentifier
    content: Annotated[_SignedData, asn1.Explicit(0)]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a good signature says about its signer."""

    pass_type_identifier: str
    team_identifier: str
    signing_time: datetime


def verify(signature: bytes, manifest: bytes, trust_roots: Sequence[x509.Certificate]) -> Signature:
    """Verify a detached DER signature over `manifest`; raises SignatureRefused with the reason.

    Demands what iOS demands: one signer, SHA-256, a signing time within the validity of the certificate, and leaf and
    intermediate both embedded.
    """
    signed = _signed_data(signature)
    certificates = signed.certificates.as_list() if signed.certificates is not None else []
    signers = signed.signers.as_list()
    if len(signers) != 1:
        raise SignatureRefused(f"there are {len(signers)} signers instead of one")
    signer = signers[0]
    leaf = next((each for each in certificates if each.serial_number == signer.identifier.serial_number), None)
    if leaf is None:
        raise SignatureRefused("the certificate of the signer is not embedded")
    if len(certificates) < 2:
        raise SignatureRefused("the intermediate certificate is not embedded")
    signing_time = _check_attributes(signer, manifest)
    _check_signature(signer, leaf)
    if not leaf.not_valid_before_utc <= signing_time <= leaf.not_valid_after_utc:
        raise SignatureRefused("the certificate was not valid at the signing time")
    _check_chain(leaf, [each for each in certificates if each is not leaf], trust_roots, signing_time)
    return Signature(
        _subject(leaf, NameOID.USER_ID),
        _subject(leaf, NameOID.ORGANIZATIONAL_UNIT_NAME),
        signing_time,
    )


def _signed_data(signature: bytes) -> _SignedData:
    try:
        info = asn1.decode_der(_ContentInfo, signature)
    except ValueError as error:
        raise SignatureRefused("the signature is not CMS in DER") from error
    if info.oid.dotted_string != _SIGNED_DATA or info.content.content.oid.dotted_string != _DATA:
        raise SignatureRefused("the signature is not CMS SignedData over data")
    if info.content.content.content is not None:
        raise SignatureRefused("the signature is not detached")
    return info.content


def _check_attributes(signer: _Signer, manifest: bytes) -> datetime:
    """Compare the signed attributes with the manifest and return the signing time."""
    if signer.digest.oid.dotted_string != _SHA256:
        raise SignatureRefused("the digest is not SHA-256")
    attributes = {each.oid.dotted_string: each.values.as_list() for each in _attributes(signer)}
    for oid in (_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME):
        if len(attributes.get(oid, [])) != 1:
            what = "signature must contain a signing date" if oid == _SIGNING_TIME else f"attribute {oid} is missing"
            raise SignatureRefused(what)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(manifest)
    try:
        content_type = attributes[_CONTENT_TYPE][0].parse(x509.ObjectIdentifier)
        message_digest = attributes[_MESSAGE_DIGEST][0].parse(bytes)
        signing_time = attributes[_SIGNING_TIME][0].parse(asn1.UTCTime).as_datetime()
    except ValueError as error:
        raise SignatureRefused("a signed attribute has the wrong form") from error
    if content_type.dotted_string != _DATA:
        raise SignatureRefused("the signed content type is not data")
    if message_digest != digest.finalize():
        raise SignatureRefused("manifest signature did not verify")
    return datetime.fromtimestamp(signing_time.timestamp(), UTC)


def _attributes(signer: _Signer) -> list[_Attribute]:
    if signer.attributes is None:
        raise SignatureRefused("signature must contain a signing date")
    return signer.attributes.as_list()


def _check_signature(signer: _Signer, leaf: x509.Certificate) -> None:
    # What is signed is the DER of the attributes as a SET, without the implicit tag they are stored under.
    signed = asn1.encode_der(asn1.SetOf(_attributes(signer)))
    key = leaf.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signer.signature, signed, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.signature, signed, ec.ECDSA(hashes.SHA256()))
        else:
            raise SignatureRefused("the key of the certificate is neither RSA nor EC")
    except InvalidSignature as error:
        raise SignatureRefused("manifest signature did not verify") from error


def _check_chain(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    trust_roots: Sequence[x509.Certificate],
    at: datetime,
) -> None:
    store = crypto.X509Store()
    # An intermediate may be the trust anchor: nobody keeps the root of a demo.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    for root in trust_roots:
        store.add_cert(crypto.X509.from_cryptography(root))
    store.set_time(at)
    chain = [crypto.X509.from_cryptography(each) for each in others]
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), chain).verify_certificate()
    except crypto.X509StoreContextError as error:
        raise SignatureRefused(f"the certificate chain does not hold: {error}") from error


def _subject(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    values = certificate.subject.get_attributes_for_oid(oid)
    return str(values[0].value) if values else ""
