"""A merchant's pass credentials: the certificate that signs passes and opens the way to APNs, as one value.

What the certificate says about itself is read here (A5); whether that is any good is decided in `checks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from walletd.domain.errors import CertificateInvalid

PASS_TYPE_EXTENSION = x509.ObjectIdentifier("1.2.840.113635.100.6.1.16")
"""Apple's extension that repeats the pass type identifier (A5)."""

DEMO_ORGANIZATION = "walletd DEMO, not Apple"
"""The organisation of the authority that issues demo certificates; real phones refuse what it signs."""

NAME_PREFIXES = ("Pass Type ID: ", "Pass Type ID with NFC: ")

PassKey = RSAPrivateKey | EllipticCurvePrivateKey

_DER_STRINGS = (0x0C, 0x16, 0x13)  # UTF8String, IA5String, PrintableString


@dataclass(frozen=True, slots=True)
class PassCredentials:
    """Certificate, private key and intermediates of one pass type; `chain` is empty where no intermediate fits."""

    leaf: x509.Certificate
    key: PassKey
    chain: tuple[x509.Certificate, ...]

    @property
    def pass_type_identifier(self) -> str:
        """The user ID of the subject, such as `pass.com.example.loyalty`; empty if the certificate has none."""
        return _attribute(self.leaf.subject, NameOID.USER_ID)

    @property
    def team_identifier(self) -> str:
        """The organisational unit of the subject: Apple's ten-character team identifier."""
        return _attribute(self.leaf.subject, NameOID.ORGANIZATIONAL_UNIT_NAME)

    @property
    def organization(self) -> str:
        """The organisation of the subject."""
        return _attribute(self.leaf.subject, NameOID.ORGANIZATION_NAME)

    @property
    def common_name_suffix(self) -> str:
        """The common name behind "Pass Type ID:"; empty where it starts otherwise."""
        common_name = _attribute(self.leaf.subject, NameOID.COMMON_NAME)
        for prefix in NAME_PREFIXES:
            if common_name.startswith(prefix):
                return common_name.removeprefix(prefix)
        return ""

    @property
    def extension_identifier(self) -> str:
        """The pass type identifier in Apple's extension; empty where the extension is missing or unreadable."""
        try:
            extension = self.leaf.extensions.get_extension_for_oid(PASS_TYPE_EXTENSION).value
        except x509.ExtensionNotFound:
            return ""
        return _der_text(extension.value) if isinstance(extension, x509.UnrecognizedExtension) else ""

    @property
    def nfc(self) -> bool:
        """Whether the certificate allows NFC passes (A5)."""
        return _attribute(self.leaf.subject, NameOID.COMMON_NAME).startswith(NAME_PREFIXES[1])

    @property
    def demo(self) -> bool:
        """Whether walletd's own demo authority issued it; production refuses such credentials."""
        return _attribute(self.leaf.issuer, NameOID.ORGANIZATION_NAME) == DEMO_ORGANIZATION

    @property
    def not_valid_before(self) -> datetime:
        """The first instant at which leaf and intermediates are all valid; aware, UTC."""
        return max(certificate.not_valid_before_utc for certificate in (self.leaf, *self.chain))

    @property
    def not_valid_after(self) -> datetime:
        """The last instant at which leaf and intermediates are all valid; aware, UTC."""
        return min(certificate.not_valid_after_utc for certificate in (self.leaf, *self.chain))

    def to_bytes(self) -> bytes:
        """Return one PEM text: leaf, intermediates, unencrypted PKCS#8 key. Store it sealed only (`vault`)."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return b"".join([c.public_bytes(Encoding.PEM) for c in (self.leaf, *self.chain)]) + key

    @classmethod
    def from_bytes(cls, blob: bytes) -> PassCredentials:
        """Read what `to_bytes` wrote; raises CertificateInvalid if it is something else."""
        try:
            leaf, *chain = x509.load_pem_x509_certificates(blob)
            # That the primes are primes was checked when the key was loaded from outside. It takes a tenth of a
            # second, and a test signature follows that fits the certificate or not.
            private = blob[blob.index(b"-----BEGIN PRIVATE KEY") :]
            key = load_pem_private_key(private, password=None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise CertificateInvalid("The stored pass certificate is damaged; load the .p12 again") from error
        return cls(leaf, require_pass_key(key), tuple(chain))


def require_pass_key(key: object) -> PassKey:
    """Return the key if it can sign passes (RSA or elliptic curve); raises CertificateInvalid otherwise."""
    if isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        return key
    raise CertificateInvalid(
        "The private key is of a kind that cannot sign passes; make an RSA key of 2048 bits and a new request",
    )


def fits(certificate: x509.Certificate, key: PassKey) -> bool:
    """Say whether certificate and private key belong together."""
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)


def issued(issuer: x509.Certificate, leaf: x509.Certificate) -> bool:
    """Say whether `issuer` issued `leaf`: key identifiers, names and signature (A5).

    Generations of Apple's intermediate share one common name, so that neither name nor file name can decide.
    """
    wanted, offered = _authority_key(leaf), _subject_key(issuer)
    if wanted is not None and offered is not None and wanted != offered:
        return False
    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _authority_key(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None


def _subject_key(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    value = values[0].value if values else ""
    return value if isinstance(value, str) else ""


def _der_text(value: bytes) -> str:
    """Read a short DER string; a pass type identifier never needs the long form of a length."""
    if len(value) < 2 or value[0] not in _DER_STRINGS or value[1] != len(value) - 2:
        return ""
    return value[2:].decode("utf-8", errors="replace")
