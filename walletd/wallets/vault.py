"""Secrets at rest, and the secrets that are derived instead of kept: everything that hangs on the master key.

Each use has a key of its own, derived by HKDF, so that nothing made for one use helps with another.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64encode

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from walletd.domain.errors import ConfigurationRefused

MASTER_KEY_BYTES_MIN = 32

_VERSION = 1
_NONCE_BYTES = 12
_KEY_BYTES = 32
_TAG_BYTES = 16


class Vault:
    """Seals secrets with AES-256-GCM and derives authentication tokens; immutable, safe to share between threads."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) < MASTER_KEY_BYTES_MIN:
            raise ConfigurationRefused(f"The master key needs at least {MASTER_KEY_BYTES_MIN} random bytes")
        self._master_key = master_key
        self._key_id = self._derive("key id")[0]
        self._sealer = AESGCM(self._derive("seal"))
        self._link_key = self._derive("link")
        self._rotating_key = self._derive("rotating barcode")
        self._checkpoint_key = Ed25519PrivateKey.from_private_bytes(self._derive("checkpoint"))
        self._token_keys: dict[str, bytes] = {}

    def seal(self, plain: bytes, merchant_id: str, kind: str) -> bytes:
        """Encrypt a secret of a merchant: version, key id, nonce, ciphertext with tag.

        `kind` says what it is ("apple_credentials"); it opens for the same merchant and kind only.
        """
        nonce = os.urandom(_NONCE_BYTES)
        head = bytes([_VERSION, self._key_id])
        return head + nonce + self._sealer.encrypt(nonce, plain, _bound(head, merchant_id, kind))

    def open(self, sealed: bytes, merchant_id: str, kind: str) -> bytes:
        """Decrypt what `seal` made; raises ConfigurationRefused with the likely cause."""
        if len(sealed) < 2 + _NONCE_BYTES + _TAG_BYTES or sealed[0] != _VERSION:
            raise ConfigurationRefused("A stored secret is not of a form that this version of walletd can open")
        if sealed[1] != self._key_id:
            raise ConfigurationRefused(
                "A stored secret was sealed with another master key; start walletd with the key that belongs to the "
                "database, or load the secret again",
            )
        head, nonce, content = sealed[:2], sealed[2 : 2 + _NONCE_BYTES], sealed[2 + _NONCE_BYTES :]
        try:
            return self._sealer.decrypt(nonce, content, _bound(head, merchant_id, kind))
        except InvalidTag as error:
            raise ConfigurationRefused(
                f"A stored secret ({kind}) cannot be opened: it is damaged, belongs to another merchant, or the "
                "master key is not the one of this database",
            ) from error

    def token(self, kid: str | int, merchant_id: str, topic: str, serial_number: str, n: int) -> str:
        """Return the authentication token of a pass: 43 URL-safe characters, the same for the same arguments.

        `kid` names the generation of the token key and stands with the card, so that a later generation leaves
        installed passes alone (PK14); `n` is raised to rotate the token of a single card (W25).
        """
        key = self._token_keys.get(str(kid))
        if key is None:
            key = self._token_keys[str(kid)] = self._derive(f"authentication token {kid}")
        return _text(_mac(key, merchant_id.encode(), topic.encode(), serial_number.encode(), str(n).encode()))

    def rotating_secret(self, merchant_id: str, serial_number: str) -> bytes:
        """Return the 20 bytes that a card's rotating barcode is made with; derived, so that no database holds them."""
        return _mac(self._rotating_key, merchant_id.encode(), serial_number.encode())[:20]

    def link_mac(self, message: bytes) -> bytes:
        """Return the 32 bytes that prove a link genuine; compare with `hmac.compare_digest`."""
        return _mac(self._link_key, message)

    def sign_checkpoint(self, statement: bytes) -> bytes:
        """Return the Ed25519 signature (RFC 8032) of a checkpoint of the ledger, 64 bytes."""
        return self._checkpoint_key.sign(statement)

    def checkpoint_key_pem(self) -> str:
        """Return the public key that verifies checkpoints, PEM; it may be given to anybody."""
        public = self._checkpoint_key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def is_signed_checkpoint(self, statement: bytes, signature: bytes) -> bool:
        """Say whether a statement was signed with this master key."""
        try:
            self._checkpoint_key.public_key().verify(signature, statement)
        except InvalidSignature:
            return False
        return True

    def _derive(self, use: str) -> bytes:
        info = f"walletd vault {_VERSION}: {use}".encode()
        return HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=info).derive(self._master_key)


def _bound(head: bytes, merchant_id: str, kind: str) -> bytes:
    return head + _joined(merchant_id.encode(), kind.encode())


def _mac(key: bytes, *fields: bytes) -> bytes:
    return hmac.digest(key, _joined(*fields), "sha256")


def _joined(*fields: bytes) -> bytes:
    """Join with lengths in front, so that no two lists of fields give the same bytes."""
    return b"".join([len(field).to_bytes(4, "big") + field for field in fields])


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
