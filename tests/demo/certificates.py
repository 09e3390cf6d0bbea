"""A stand-in for Apple's certificate authority: root, intermediate and pass certificates, made for one test run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Leaf:
    """A pass certificate with its key and the intermediate that issued it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    intermediate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """Certificate, intermediate and unencrypted key in one PEM file, as TLS clients load it."""
        return (
            self.certificate.public_bytes(serialization.Encoding.PEM)
            + self.intermediate.public_bytes(serialization.Encoding.PEM)
            + self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


class PassAuthority:
    """A root with one intermediate below it."""

    def __init__(self, now: datetime, name: str = "Test") -> None:
        self._now = now
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._intermediate_key = ec.generate_private_key(ec.SECP256R1())
        root_name = _common_name(f"{name} Root")
        self.root = self._certificate(root_name, root_name, self._root_key, self._root_key, is_ca=True)
        intermediate_name = _common_name(f"{name} Intermediate")
        self.intermediate = self._certificate(
            intermediate_name,
            root_name,
            self._intermediate_key,
            self._root_key,
            is_ca=True,
        )

    @property
    def root_pem(self) -> bytes:
        """The root certificate, PEM."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def leaf(self, pass_type: str | None, team: str = "DEMOTEAM01", days: int = 365) -> Leaf:
        """Issue a pass certificate: UID is the pass type identifier, OU the team; `days` < 0 has already expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.USER_ID, pass_type)] if pass_type else []
        attributes += [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID: {pass_type}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team),
        ]
        subject = x509.Name(attributes)
        certificate = self._certificate(
            subject,
            self.intermediate.subject,
            key,
            self._intermediate_key,
            is_ca=False,
            days=days,
        )
        return Leaf(certificate, key, self.intermediate)

    def _certificate(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        issuer_key: ec.EllipticCurvePrivateKey,
        *,
        is_ca: bool,
        days: int = 365,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=400))
            .not_valid_after(self._now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if not is_ca:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
            builder = builder.add_extension(usage, critical=False)
        return builder.sign(issuer_key, hashes.SHA256())


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
