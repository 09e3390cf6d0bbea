"""What a merchant needs at Google: an issuer id, and a service account that is a user of the issuer (G3.2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from walletd.domain.errors import CertificateInvalid
from walletd.wallets.google.names import check_issuer

_BITS_MIN: Final = 2048
_FILE_MAX: Final = 65_536
_NEEDED: Final = ("client_email", "private_key", "token_uri")


@dataclass(frozen=True, slots=True, repr=False)
class GoogleCredentials:
    """An issuer and a service account; `account` is the content of the key file and stays out of logs."""

    issuer_id: str
    account: dict[str, Any]

    def __repr__(self) -> str:
        """Name issuer and address, never the key."""
        return f"GoogleCredentials({self.issuer_id!r}, {self.client_email!r})"

    @property
    def client_email(self) -> str:
        """Return the address of the service account."""
        return str(self.account["client_email"])

    def to_bytes(self) -> bytes:
        """Return both as they are kept, encrypted, in the database."""
        return json.dumps({"issuer_id": self.issuer_id, "account": self.account}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> GoogleCredentials:
        """Read what `to_bytes` made."""
        kept = json.loads(content)
        return cls(kept["issuer_id"], kept["account"])


def read_key_file(issuer_id: str, content: bytes) -> GoogleCredentials:
    """Return the credentials of an issuer id and a key file; raises CertificateInvalid, which says what to do."""
    check_issuer(issuer_id)
    account = _account(content)
    for name in _NEEDED:
        if not isinstance(account.get(name), str) or not account[name]:
            raise CertificateInvalid(f"The key file of the service account has no {name}; create a new key as JSON.")
    if not account["token_uri"].startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise CertificateInvalid("The token_uri of the key file is no https address; create a new key as JSON.")
    # Keys that went through an environment variable often have the two characters \n instead of line breaks.
    account["private_key"] = account["private_key"].replace("\\n", "\n")
    _check_key(account["private_key"])
    return GoogleCredentials(issuer_id, account)


def _account(content: bytes) -> dict[str, Any]:
    if len(content) > _FILE_MAX:
        raise CertificateInvalid("The key file is too large; a service account's key is a JSON file of about 2 kB.")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise CertificateInvalid(
            "The key file is not JSON. In Google's cloud console create a key of the service account and choose JSON."
        ) from None
    if not isinstance(value, dict) or value.get("type") != "service_account":
        raise CertificateInvalid(
            "This is not the key of a service account: its »type« is not service_account. OAuth clients and API keys"
            " cannot write cards."
        )
    return value


def _check_key(pem: str) -> None:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise CertificateInvalid("The private_key of the key file cannot be read; create a new key as JSON.") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _BITS_MIN:
        raise CertificateInvalid("The private_key of the key file is no RSA key of 2048 bits or more.")
