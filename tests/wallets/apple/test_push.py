"""Tests of what is pushed and what is made of the answers, against the fake push service."""

from __future__ import annotations

import logging
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.wallets.apple.pushing import token, utc_now, verdicts
from walletd.demo.apns.fake_apns import Breakage, FakeApns
from walletd.domain.errors import ConfigurationRefused
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.wallets.apple import push
from walletd.wallets.apple.certificates import PassCredentials, make_demo_credentials
from walletd.wallets.apple.push import ApnsServer, PushClient, client_tls


async def test_push_is_what_apple_wants_of_passes(apns: FakeApns, client: PushClient) -> None:
    """Topic, type, priority, an expiry of a week and the body {} (N4 to N7)."""
    outcomes = await client.deliver([token(1)])

    (sent,) = apns.pushes
    days = (int(sent.headers["apns-expiration"]) - time.time()) / 86400
    assert outcomes == [Attempt(Verdict.DONE)]
    assert (sent.token, sent.topic, sent.body) == (token(1), "pass.demo.walletd", b"{}")
    assert (sent.headers["apns-push-type"], sent.headers["apns-priority"]) == ("background", "5")
    assert 6.9 < days <= 7


async def test_outcomes_keep_the_order_of_the_addresses(apns: FakeApns, client: PushClient) -> None:
    """One dead token among many is named in its place, and the others are served."""
    apns.unregister(token(3))

    outcomes = await client.deliver([token(number) for number in range(1, 8)])

    assert [outcome.verdict is Verdict.GONE for outcome in outcomes] == [number == 3 for number in range(1, 8)]
    assert len(apns.pushes) == 6


async def test_410_carries_the_time_since_when(apns: FakeApns, client: PushClient) -> None:
    """The platform hands on since when the token is gone."""
    since = utc_now().replace(microsecond=0) - timedelta(hours=1)
    apns.unregister(token(1), since)

    (outcome,) = await client.deliver([token(1)])

    assert outcome.gone_since == since


async def test_403_pauses_the_channel_and_spares_the_rest(apns: FakeApns, client: PushClient) -> None:
    """A refused certificate is said of all addresses, without trying thousands of times (B29)."""
    apns.faults.next(403, "BadCertificate", count=10_000)

    outcomes = await client.deliver([token(number) for number in range(5000)])

    assert set(outcomes) == {Attempt(Verdict.CHANNEL_FAILED, "BadCertificate")}
    assert len(apns.answers) <= push.STREAMS_AT_ONCE


async def test_expired_certificate_pauses_the_channel_without_connecting(apns: FakeApns, server_ca: Path) -> None:
    """With an expired certificate nothing is attempted (B29)."""
    expired = make_demo_credentials(utc_now() - timedelta(days=400))
    client = PushClient(expired, ApnsServer.from_url(apns.url, server_ca), utc_now)

    outcomes = await client.deliver([token(1), token(2)])

    assert outcomes == [Attempt(Verdict.CHANNEL_FAILED, "CertificateExpired")] * 2
    assert apns.connections_opened == 0


@pytest.mark.parametrize("address", ["", "zz" * 32, "ab" * 101, "ab/../cd" * 8, "ab" * 15])
async def test_address_that_is_no_token_is_never_sent(apns: FakeApns, client: PushClient, address: str) -> None:
    """Only hexadecimal tokens get into a path."""
    outcomes = await client.deliver([address, token(1)])

    assert verdicts(outcomes) == [Verdict.REFUSED, Verdict.DONE]


async def test_nothing_to_deliver_needs_no_connection(apns: FakeApns, client: PushClient) -> None:
    """An empty delivery connects to nobody."""
    assert await client.deliver([]) == []
    assert apns.connections_opened == 0


async def test_tokens_are_never_logged(apns: FakeApns, client: PushClient, caplog: pytest.LogCaptureFixture) -> None:
    """Neither success nor refusal nor a fault puts a push token into a log (W27)."""
    caplog.set_level(logging.DEBUG)
    apns.faults.next(410, "Unregistered")
    apns.faults.break_next(Breakage.GOAWAY)

    await client.deliver([token(0xABCDEF + number) for number in range(5)])

    assert "abcdef" not in caplog.text


def test_private_key_leaves_no_file_behind(
    fresh: PassCredentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that TLS needs is gone once the key is loaded."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    client_tls(fresh, None)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://api.push.apple.com", "api.push.apple.com", "https://"])
def test_address_of_apns_needs_https_and_a_host(url: str) -> None:
    """A push service without TLS is refused at start."""
    with pytest.raises(ConfigurationRefused):
        ApnsServer.from_url(url)


def test_address_of_apns_has_443_as_its_port() -> None:
    """Apple's port is taken where none is named (N1)."""
    assert ApnsServer.from_url("https://api.push.apple.com") == ApnsServer("api.push.apple.com", 443)
    assert ApnsServer.from_url("https://localhost:2197").port == 2197
