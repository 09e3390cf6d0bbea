"""A Google that signs callbacks with keys of its own, and lies where a test asks for it."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from walletd.domain.calendar import milliseconds


def new_key() -> EllipticCurvePrivateKey:
    """A key on P-256."""
    return generate_private_key(SECP256R1())


def spki(key: EllipticCurvePrivateKey) -> str:
    """The public half as Google writes it."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(der).decode()


def sign(key: EllipticCurvePrivateKey, *parts: str) -> str:
    """A signature over texts, each after its length."""
    texts = [part.encode() for part in parts]
    signed = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    return b64encode(key.sign(signed, ECDSA(SHA256()))).decode()


@dataclass
class Signer:
    """Everything a callback is made of; a test exchanges what it wants to be wrong."""

    now: datetime
    issuer: str = "3388000000012345678"
    sender: str = "GooglePayPasses"
    protocol: str = "ECv2SigningOnly"
    root: EllipticCurvePrivateKey = field(default_factory=new_key)
    intermediate: EllipticCurvePrivateKey = field(default_factory=new_key)
    root_lasts: timedelta = timedelta(days=365)
    intermediate_lasts: timedelta = timedelta(days=7)
    message_lasts: timedelta = timedelta(minutes=1)

    def keys_document(self, *more: object) -> bytes:
        """The document that Google publishes."""
        mine = {
            "keyValue": spki(self.root),
            "protocolVersion": "ECv2SigningOnly",
            "keyExpiration": str(milliseconds(self.now + self.root_lasts)),
        }
        return json.dumps({"keys": [*more, mine]}).encode()

    def message(self, **changed: object) -> dict[str, object]:
        """What a save says."""
        said: dict[str, object] = {
            "classId": f"{self.issuer}.program",
            "objectId": f"{self.issuer}.card-ä",
            "eventType": "save",
            "expTimeMillis": milliseconds(self.now + self.message_lasts),
            "count": 1,
            "nonce": "0cfe3927",
        }
        return {name: value for name, value in {**said, **changed}.items() if value is not None}

    def callback(self, message: str | None = None, **changed: object) -> dict[str, Any]:
        """A signed callback; `message` as it is, or fields of the usual one changed."""
        text = json.dumps(self.message(**changed), ensure_ascii=False) if message is None else message
        until = str(milliseconds(self.now + self.intermediate_lasts))
        signed_key = json.dumps({"keyValue": spki(self.intermediate), "keyExpiration": until})
        return {
            "signature": sign(self.intermediate, self.sender, self.issuer, self.protocol, text),
            "intermediateSigningKey": {
                "signedKey": signed_key,
                "signatures": [sign(self.root, self.sender, self.protocol, signed_key)],
            },
            "protocolVersion": self.protocol,
            "signedMessage": text,
        }
