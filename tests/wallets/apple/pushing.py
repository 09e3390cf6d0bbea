"""What the tests of pushing share: tokens, the real clock that TLS goes by, and a fake push service."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding

from walletd.demo.apns.fake_apns import FakeApns
from walletd.demo.apns.tls import DemoAuthority
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.wallets.apple.certificates import PassCredentials


def token(number: int) -> str:
    """A push token."""
    return f"{number:064x}"


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now().astimezone()


def verdicts(outcomes: list[Attempt]) -> list[Verdict]:
    """The verdicts alone, in order."""
    return [outcome.verdict for outcome in outcomes]


def fake_apns(authority: DemoAuthority, trusted: PassCredentials) -> FakeApns:
    """A fake push service, not started, that trusts what issued these credentials."""
    server = authority.server_certificate()
    client_ca = trusted.chain[0].public_bytes(Encoding.PEM)
    return FakeApns(server.certificate_pem, server.key_pem, client_ca)
