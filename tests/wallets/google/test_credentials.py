"""Service accounts: what is taken, and what each unusable key file is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.wallets.google.serving import EMAIL, ISSUER, key_pair
from walletd.domain.errors import CertificateInvalid
from walletd.wallets.google.credentials import GoogleCredentials, read_key_file

ACCOUNT: dict[str, Any] = {
    "type": "service_account",
    "client_email": EMAIL,
    "private_key": key_pair()[0],
    "token_uri": "https://oauth2.googleapis.com/token",
}


def test_a_key_file_is_kept_whole_and_shows_no_secret() -> None:
    """What is stored reads back; what is logged names the account and never the key."""
    credentials = read_key_file(ISSUER, json.dumps(ACCOUNT).encode())
    assert GoogleCredentials.from_bytes(credentials.to_bytes()) == credentials
    assert "PRIVATE" not in repr(credentials)
    assert EMAIL in repr(credentials)


def test_a_key_that_went_through_an_environment_variable_is_mended() -> None:
    r"""Line breaks as the two characters \n are common (G3.2)."""
    escaped = ACCOUNT | {"private_key": ACCOUNT["private_key"].replace("\n", "\\n")}
    assert read_key_file(ISSUER, json.dumps(escaped).encode()).account["private_key"] == ACCOUNT["private_key"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not JSON"),
        (b"-----BEGIN PRIVATE KEY-----", "not JSON"),
        (b"[" * 100_000, "too large"),
        (b"{" * 5_000, "not JSON"),
        (b"[]", "not the key of a service account"),
        (b'{"installed": {"client_id": "1"}}', "not the key of a service account"),
        (json.dumps({"type": "service_account"}).encode(), "no client_email"),
        (json.dumps(ACCOUNT | {"private_key": "secret"}).encode(), "cannot be read"),
        (json.dumps(ACCOUNT | {"private_key": 7}).encode(), "no private_key"),
        (json.dumps(ACCOUNT | {"token_uri": "http://evil.example/token"}).encode(), "no https address"),
    ],
    ids=[
        "empty",
        "pem",
        "large",
        "nested",
        "list",
        "oauth client",
        "no address",
        "bad key",
        "key type",
        "token address",
    ],
)
def test_an_unusable_key_file_is_told_what_is_wrong_with_it(content: bytes, told: str) -> None:
    """One sentence each, with what to do; nothing of the file in it."""
    with pytest.raises(CertificateInvalid, match=told):
        read_key_file(ISSUER, content)


@pytest.mark.parametrize("issuer", ["", "1000000000000000000001", "BCR2DN4T"])
def test_the_issuer_is_checked_before_the_file(issuer: str) -> None:
    """The commonest mistake is the client_id of the account instead of the issuer (G8)."""
    with pytest.raises(CertificateInvalid, match="client_id"):
        read_key_file(issuer, json.dumps(ACCOUNT).encode())
