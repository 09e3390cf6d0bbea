"""The signature of a pass: a detached CMS over the manifest, made from a template.

No ASN.1 is written here. cryptography's builder signs a sample once; in that signature only the signing time, the
message digest and the RSA value depend on the manifest, all of fixed length, and only these are exchanged for each
pass. What comes out is compared with the builder's own output and verified whenever a signer is made. Where the cut
is impossible (keys whose signatures vary in length, years from 2050), the builder itself signs every pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from walletd.domain.errors import CertificateInvalid, SigningUnavailable
from walletd.wallets.apple.credentials import PassCredentials

_SAMPLE = b'{\n"icon.png": "sample"\n}\n'
_OPTIONS = (pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.NoCapabilities)
# id-signingTime, SET, UTCTime of 13 characters; and the head of an OCTET STRING of 32 bytes.
_TIME_HEAD = bytes.fromhex("06092a864886f70d010905310f170d")
_TIME_LENGTH = 13
_DIGEST_HEAD = b"\x04\x20"
# Signed attributes are stored under the tag [0] and hashed as a SET.
_STORED_TAG = 0xA0
_SIGNED_TAG = b"\x31"
_FIRST_YEAR_WITHOUT_UTCTIME = 2050
_PADDING = PKCS1v15()
_SHA256 = hashes.SHA256()


@dataclass(frozen=True, slots=True)
class _Template:
    """A signature cut open: `head` up to the tag of the signed attributes, these around time and digest, and `tail`.

    The RSA value follows. The attributes start with the tag under which they are hashed; `head` ends with the other.
    """

    head: bytes
    attributes: tuple[bytes, bytes, bytes]
    time_first: bool
    tail: bytes

    def fill(self, key: RSAPrivateKey, digest: bytes, time: bytes) -> bytes:
        before, between, after = self.attributes
        first, second = (time, digest) if self.time_first else (digest, time)
        signed = b"".join((before, first, between, second, after))
        return b"".join((self.head, signed[1:], self.tail, key.sign(signed, _PADDING, _SHA256)))


class Signer:
    """Signs manifests with one merchant's credentials; immutable, safe to share between threads."""

    def __init__(self, credentials: PassCredentials) -> None:
        """Prepare and prove the template; raises CertificateInvalid where no intermediate is at hand (PK6)."""
        if not credentials.chain:
            raise CertificateInvalid("The intermediate certificate that issued the pass certificate is missing")
        self._credentials = credentials
        self._not_valid_before = credentials.not_valid_before
        self._not_valid_after = credentials.not_valid_after
        self._template = self._make_template()

    @property
    def uses_template(self) -> bool:
        """Whether passes are signed by the quick way."""
        return self._template is not None

    def sign(self, manifest: bytes, at: datetime) -> bytes:
        """Return the detached DER signature with signing time `at` (aware); PK4 to PK9.

        Raises SigningUnavailable outside the certificates' time (A5). On the builder's way the
        signing time is the machine's clock.
        """
        if not self._not_valid_before <= at <= self._not_valid_after:
            raise SigningUnavailable(
                "The pass certificate is not valid now; load a new one for the same Pass Type ID",
                not_valid_after=self._not_valid_after.isoformat(),
            )
        key, template = self._credentials.key, self._template
        if template is None or at.year >= _FIRST_YEAR_WITHOUT_UTCTIME or not isinstance(key, RSAPrivateKey):
            return self._sign_by_builder(manifest)
        return template.fill(key, hashlib.sha256(manifest).digest(), _utc_time(at))

    def _sign_by_builder(self, manifest: bytes) -> bytes:
        builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
        builder = builder.add_signer(self._credentials.leaf, self._credentials.key, _SHA256)
        # Last, for set_data and add_signer silently drop certificates that were added before.
        for certificate in self._credentials.chain:
            builder = builder.add_certificate(certificate)
        signature = builder.sign(Encoding.DER, _OPTIONS)
        if len(pkcs7.load_der_pkcs7_certificates(signature)) != 1 + len(self._credentials.chain):
            raise CertificateInvalid("The signature lacks the intermediate certificate")
        return signature

    def _make_template(self) -> _Template | None:
        key = self._credentials.key
        sample = self._sign_by_builder(_SAMPLE)
        if not isinstance(key, RSAPrivateKey):
            return None
        template = next(_cuts(sample, key), None)
        if template is None:
            return None
        # PKCS #1 v1.5 is deterministic: with the builder's own time and data, every byte has to be the builder's.
        start = sample.index(_TIME_HEAD) + len(_TIME_HEAD)
        again = template.fill(key, hashlib.sha256(_SAMPLE).digest(), sample[start : start + _TIME_LENGTH])
        return template if again == sample and _proved(template, key) else None


def _cuts(sample: bytes, key: RSAPrivateKey) -> Iterator[_Template]:
    """Yield the cuts of a sample that hold: those whose signed attributes the public key verifies."""
    digest = _DIGEST_HEAD + hashlib.sha256(_SAMPLE).digest()
    if sample.count(digest) != 1 or sample.count(_TIME_HEAD) != 1:
        return
    digest_at = sample.index(digest) + len(_DIGEST_HEAD)
    time_at = sample.index(_TIME_HEAD) + len(_TIME_HEAD)
    holes = sorted([(time_at, time_at + _TIME_LENGTH), (digest_at, digest_at + 32)])
    value = len(sample) - key.key_size // 8
    for start in range(holes[0][0]):
        end = _element_end(sample, start)
        if sample[start] != _STORED_TAG or not holes[1][1] <= end <= value:
            continue
        if _verifies(key, sample[value:], _SIGNED_TAG + sample[start + 1 : end]):
            yield _Template(
                head=sample[: start + 1],
                attributes=(
                    _SIGNED_TAG + sample[start + 1 : holes[0][0]],
                    sample[holes[0][1] : holes[1][0]],
                    sample[holes[1][1] : end],
                ),
                time_first=holes[0][0] == time_at,
                tail=sample[end:value],
            )


def _element_end(der: bytes, start: int) -> int:
    """Return where the DER element at `start` ends, for lengths of one byte or of one further byte; else 0."""
    length = der[start + 1]
    if length < 0x80:
        return start + 2 + length
    return start + 3 + der[start + 2] if length == 0x81 else 0


def _proved(template: _Template, key: RSAPrivateKey) -> bool:
    """Sign something else at another time, and verify it without the template's help."""
    manifest = b'{"pass.json":"another"}'
    digest, time = hashlib.sha256(manifest).digest(), _utc_time(datetime(2031, 12, 1, 23, 59, 58, tzinfo=UTC))
    signature = template.fill(key, digest, time)
    value = len(signature) - key.key_size // 8
    attributes = _SIGNED_TAG + signature[len(template.head) : value - len(template.tail)]
    return (
        _DIGEST_HEAD + digest in attributes
        and _TIME_HEAD + time in attributes
        and _verifies(key, signature[value:], attributes)
    )


def _verifies(key: RSAPrivateKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.public_key().verify(signature, signed, _PADDING, _SHA256)
    except InvalidSignature:
        return False
    return True


def _utc_time(at: datetime) -> bytes:
    return at.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode()
