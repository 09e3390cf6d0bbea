"""A service account for demonstrations, made on the spot: its key is good for a fake Google and nothing else."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def demo_service_account(email: str, token_uri: str) -> tuple[bytes, str]:
    """Return a key file as Google's console gives it, and the public key that a fake has to know."""
    key = generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    account = {
        "type": "service_account",
        "project_id": "walletd-demo",
        "private_key_id": "demo",
        "private_key": private,
        "client_email": email,
        "client_id": "100000000000000000001",
        "token_uri": token_uri,
    }
    return json.dumps(account).encode(), public
