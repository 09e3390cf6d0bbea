"""Reading a merchant's pass certificate from the files people have: `.p12`, or `.cer` with its key.

`PassCredentials`, the checks and the demo credentials are offered here as well, so that callers need this module only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key, pkcs12

from walletd.domain.checks import Check
from walletd.domain.errors import CertificateInvalid
from walletd.wallets.apple.checks import examine, require_usable
from walletd.wallets.apple.credentials import PassCredentials, PassKey, fits, issued, require_pass_key
from walletd.wallets.apple.demo_credentials import make_demo_credentials

__all__ = [
    "Check",
    "PassCredentials",
    "bundled_intermediates",
    "examine",
    "load_certificate_and_key",
    "load_p12",
    "make_demo_credentials",
    "read_certificates",
    "require_usable",
]

_PEM = b"-----BEGIN"


@cache
def bundled_intermediates() -> tuple[x509.Certificate, ...]:
    """Return Apple's intermediates that are shipped with walletd: at present WWDR G4, valid until 2030-12-10."""
    folder = resources.files("walletd.wallets.apple") / "intermediates"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".pem")), key=lambda file: file.name)
    return tuple(certificate for file in files for certificate in read_certificates(file.read_bytes()))


def load_p12(data: bytes, passphrase: str | None = None, intermediates: Iterable[bytes] = ()) -> PassCredentials:
    """Read a `.p12`, the old RC2 and 3DES forms of the keychain included (A5).

    `intermediates` are further certificate files, PEM or DER. Raises CertificateInvalid with the cure when the
    passphrase is wrong or the key is missing. Whether the certificate may be used is for `require_usable` to say.
    """
    try:
        bundle = pkcs12.load_pkcs12(data, passphrase.encode() if passphrase else None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateInvalid(_p12_cure(data, passphrase)) from error
    if bundle.key is None:
        raise CertificateInvalid(
            "The .p12 has no private key. In the keychain, open the certificate's triangle, select certificate "
            "and key together, and export both",
        )
    inside = [entry.certificate for entry in (bundle.cert, *bundle.additional_certs) if entry is not None]
    return _assemble(inside, require_pass_key(bundle.key), intermediates)


def load_certificate_and_key(
    certificate: bytes, key: bytes, passphrase: str | None = None, intermediates: Iterable[bytes] = ()
) -> PassCredentials:
    """Read Apple's `pass.cer` (DER) or PEM beside the private key (PEM or DER, encrypted or not).

    Raises CertificateInvalid with the cure for files that cannot be read, or that do not belong together.
    """
    return _assemble(read_certificates(certificate), _read_key(key, passphrase), intermediates)


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """Read one DER certificate, or all certificates of a PEM text; raises CertificateInvalid."""
    try:
        if _PEM in data:
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except ValueError as error:
        raise CertificateInvalid(
            "The certificate file is neither DER nor PEM. Download the .cer from Apple's developer site again",
        ) from error


def _assemble(inside: Sequence[x509.Certificate], key: PassKey, intermediates: Iterable[bytes]) -> PassCredentials:
    leaf = next((certificate for certificate in inside if fits(certificate, key)), None)
    if leaf is None:
        raise CertificateInvalid(
            "The private key does not belong to this certificate. Use the key that made the signing request, "
            "or export both together from the keychain as .p12",
        )
    given = [certificate for data in intermediates for certificate in read_certificates(data)]
    issuers = [c for c in (*given, *inside, *bundled_intermediates()) if c != leaf and issued(c, leaf)]
    newest = sorted(issuers, key=lambda certificate: certificate.not_valid_after_utc)[-1:]
    return PassCredentials(leaf, key, tuple(newest))


def _read_key(data: bytes, passphrase: str | None) -> PassKey:
    load = load_pem_private_key if _PEM in data else load_der_private_key
    for password in (passphrase.encode() if passphrase else None, None):
        try:
            return require_pass_key(load(data, password))
        except TypeError:
            # cryptography's way to say "no password needed", or "needed but not given": try without, then give up.
            continue
        except (ValueError, UnsupportedAlgorithm) as error:
            raise CertificateInvalid(
                "The private key cannot be read: the passphrase is wrong, or the file is not a private key",
            ) from error
    raise CertificateInvalid("The private key is encrypted; give its passphrase")


def _p12_cure(data: bytes, passphrase: str | None) -> str:
    if not data.startswith(b"\x30"):
        return "The file is not a .p12; export certificate and key together from the keychain"
    if passphrase is None:
        return "The .p12 cannot be opened without a passphrase; give the one chosen at its export"
    return "The passphrase of the .p12 is wrong, or the file is damaged; export it again if you are sure"
