"""The keys of the fake Google Wallet: it checks what service accounts sign, and signs callbacks itself (G4.3).

A callback carries a chain: a root key that is published signs an intermediate key, and that one the message. Lengths
count bytes, and the signed texts travel as they are.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

Json = dict[str, Any]

SENDER: Final = "GooglePayPasses"
PROTOCOL: Final = "ECv2SigningOnly"
_ROOT_LASTS: Final = timedelta(days=365)
_INTERMEDIATE_LASTS: Final = timedelta(days=7)
_MESSAGE_LASTS: Final = timedelta(minutes=10)


class TokenRefused(Exception):
    """A JWT that was not signed by a registered account, or does not say what it must."""


class ServiceAccounts:
    """The service accounts that Google knows: e-mail address → public key."""

    def __init__(self) -> None:
        self._keys: dict[str, RSAPublicKey] = {}

    def register(self, email: str, public_key_pem: str) -> None:
        """Take the public key of an account, as its key file holds the private one."""
        key = load_pem_public_key(public_key_pem.encode())
        if not isinstance(key, RSAPublicKey):
            raise TypeError("a service account has an RSA key")
        self._keys[email] = key

    def claims(self, token: str) -> Json:
        """Return the claims of a JWT that a registered account signed with RS256; raises TokenRefused."""
        try:
            head, body, signature = token.split(".")
            header, claims = _json(head), _json(body)
            signed = f"{head}.{body}".encode()
            if header.get("alg") != "RS256":
                raise TokenRefused("the algorithm is not RS256")
            key = self._keys[str(claims.get("iss"))]
            key.verify(_decoded(signature), signed, PKCS1v15(), SHA256())
        except KeyError:
            raise TokenRefused("the account is unknown") from None
        except (ValueError, InvalidSignature) as error:
            raise TokenRefused("the signature does not fit") from error
        return claims


class CallbackSigner:
    """Signs callbacks, and publishes the root key by which they are proved."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._root = generate_private_key(SECP256R1())
        self._intermediate = generate_private_key(SECP256R1())

    def keys_document(self) -> bytes:
        """Return what `/gp/m/issuer/keys` answers."""
        root = {
            "keyValue": _public(self._root),
            "protocolVersion": PROTOCOL,
            "keyExpiration": _milliseconds(self._clock() + _ROOT_LASTS),
        }
        return json.dumps({"keys": [root]}).encode()

    def callback(self, issuer: str, message: Mapping[str, object]) -> bytes:
        """Return the signed body of a callback; the message gets its end and its nonce."""
        ends = int(_milliseconds(self._clock() + _MESSAGE_LASTS))
        text = json.dumps({**message, "expTimeMillis": ends, "count": 1, "nonce": secrets.token_hex(16)})
        until = _milliseconds(self._clock() + _INTERMEDIATE_LASTS)
        signed_key = json.dumps({"keyValue": _public(self._intermediate), "keyExpiration": until})
        envelope = {
            "signature": _sign(self._intermediate, SENDER, issuer, PROTOCOL, text),
            "intermediateSigningKey": {
                "signedKey": signed_key,
                "signatures": [_sign(self._root, SENDER, PROTOCOL, signed_key)],
            },
            "protocolVersion": PROTOCOL,
            "signedMessage": text,
        }
        return json.dumps(envelope).encode()


def _json(segment: str) -> Json:
    value = json.loads(_decoded(segment))
    if not isinstance(value, dict):
        raise TokenRefused("a segment is no object")
    return value


def _decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _public(key: EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(der).decode()


def _sign(key: EllipticCurvePrivateKey, *parts: str) -> str:
    texts = [part.encode() for part in parts]
    signed = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    return b64encode(key.sign(signed, ECDSA(SHA256()))).decode()


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
