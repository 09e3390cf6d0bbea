"""Tests of the connection to APNs: kept, bounded, and replaced whatever breaks it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.wallets.apple.pushing import token, utc_now, verdicts
from walletd.demo.apns.fake_apns import Answer, Breakage, FakeApns
from walletd.demo.apns.tls import DemoAuthority
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.wallets.apple.certificates import PassCredentials, make_demo_credentials
from walletd.wallets.apple.push import ApnsServer, PushClient


async def test_connection_is_kept_between_deliveries(apns: FakeApns, client: PushClient) -> None:
    """Many calls share one connection: opening one per push looks like an attack (N10)."""
    for number in range(20):
        await client.deliver([token(number)])

    assert apns.connections_opened == 1


async def test_many_pushes_wait_for_the_streams_that_the_server_allows(apns: FakeApns, client: PushClient) -> None:
    """A server that takes a hundred streams at once gets no more at once, and everything in the end."""
    apns.streams_max = 100

    outcomes = await client.deliver([token(number) for number in range(1000)])

    assert set(verdicts(outcomes)) == {Verdict.DONE}
    assert (len(apns.pushes), apns.connections_opened) == (1000, 1)


async def test_thousands_of_refusals_do_not_stop_the_connection(apns: FakeApns, client: PushClient) -> None:
    """Flow control is given back, so that a clean-up of 3 000 dead tokens runs through."""
    apns.faults.next(410, "Unregistered", count=3000)

    outcomes = await client.deliver([token(number) for number in range(3001)])

    assert verdicts(outcomes).count(Verdict.GONE) == 3000
    assert apns.connections_opened == 1


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(503, body=b""), Verdict.RETRY),
        (Answer(200, omit_apns_id=True), Verdict.DONE),
        (Answer(403, body=b""), Verdict.CHANNEL_FAILED),
        (Answer(500, body=b"<html>"), Verdict.RETRY),
        (Answer(400, body=b'["BadDeviceToken"]'), Verdict.RETRY),
        (Answer(400, "BadDeviceToken", omit_apns_id=True), Verdict.REFUSED),
        (Answer(429, "TooManyRequests"), Verdict.RETRY),
    ],
    ids=["503 empty", "200 without id", "403 empty", "500 HTML", "400 array", "400 without id", "429"],
)
async def test_odd_answers_are_answers(apns: FakeApns, client: PushClient, answer: Answer, verdict: Verdict) -> None:
    """Empty bodies, bodies that are no JSON and missing ids end a request at once, and the next one is served."""
    apns.faults.play(answer)

    first, second = await client.deliver([token(1)]), await client.deliver([token(2)])

    assert (verdicts(first), verdicts(second)) == ([verdict], [Verdict.DONE])


@pytest.mark.parametrize("breakage", [Breakage.RESET, Breakage.GOAWAY, Breakage.IDLE_TIMEOUT, Breakage.DROP])
async def test_broken_connection_is_replaced(apns: FakeApns, client: PushClient, breakage: Breakage) -> None:
    """Whatever breaks the way, all pushes under way go out again over a new connection, at once."""
    await client.deliver([token(0)])
    apns.faults.break_next(breakage)

    outcomes = await client.deliver([token(number) for number in range(1, 50)])

    assert set(verdicts(outcomes)) == {Verdict.DONE}


@pytest.mark.parametrize("breakage", [Breakage.RESET, Breakage.GOAWAY])
async def test_connection_that_breaks_every_time_is_tried_again_soon(
    apns: FakeApns, client: PushClient, breakage: Breakage
) -> None:
    """After a second break the target waits seconds, not the quarter of an hour of a 5xx, and nothing is deleted."""
    apns.faults.break_next(breakage, count=2)

    (outcome,) = await client.deliver([token(1)])

    assert (outcome.verdict, outcome.retry_after_seconds) == (Verdict.RETRY, 5)


async def test_hanging_request_times_out_alone(apns: FakeApns, hasty_client: PushClient) -> None:
    """A request without an answer is given up, while others on the connection are answered."""
    apns.faults.break_next(Breakage.HANG, token=token(1))

    outcomes = await hasty_client.deliver([token(number) for number in range(1, 20)])

    assert outcomes[0] == Attempt(Verdict.RETRY, "Timeout", retry_after_seconds=5)
    assert set(verdicts(outcomes[1:])) == {Verdict.DONE}


async def test_dead_connection_is_not_kept(apns: FakeApns, hasty_client: PushClient) -> None:
    """A connection on which nothing came at all is replaced after a time-out."""
    await hasty_client.deliver([token(0)])
    apns.faults.break_next(Breakage.HANG)

    assert (await hasty_client.deliver([token(1)]))[0].reason == "Timeout"
    assert verdicts(await hasty_client.deliver([token(2)])) == [Verdict.DONE]


async def test_caller_that_gives_up_does_no_harm(apns: FakeApns, client: PushClient) -> None:
    """A cancelled delivery leaves the connection working, also when its answers come late."""
    await client.deliver([token(0)])
    apns.faults.slow(0.3, count=5)
    delivery = asyncio.create_task(client.deliver([token(number) for number in range(1, 10)]))
    await asyncio.sleep(0.1)
    delivery.cancel()
    await asyncio.gather(delivery, return_exceptions=True)
    await asyncio.sleep(0.4)

    assert verdicts(await client.deliver([token(11)])) == [Verdict.DONE]
    assert apns.connections_opened == 1


async def test_goaway_before_the_next_push_goes_unnoticed(apns: FakeApns, client: PushClient) -> None:
    """When APNs ends an idle connection, the next push opens another one."""
    await client.deliver([token(1)])
    apns.end_connections()
    await asyncio.sleep(0.05)

    assert verdicts(await client.deliver([token(2)])) == [Verdict.DONE]
    assert apns.connections_opened == 2


class _RefusingServer(threading.Thread):
    """A TLS server that trusts nobody, and says so by an alert; asyncio's own servers close without one."""

    def __init__(self, authority: DemoAuthority, trusted: PassCredentials, folder: Path) -> None:
        super().__init__(daemon=True)
        certificate = authority.server_certificate()
        (folder / "server.pem").write_bytes(certificate.certificate_pem + certificate.key_pem)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.set_alpn_protocols(["h2"])
        self._tls.load_cert_chain(folder / "server.pem")
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._tls.load_verify_locations(cadata=trusted.chain[0].public_bytes(Encoding.PEM).decode())
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listening.getsockname()[1]}"

    def run(self) -> None:
        connection, _ = self._listening.accept()
        with self._listening, connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            with contextlib.suppress(ssl.SSLError):
                self._tls.wrap_socket(connection, server_side=True)
            time.sleep(0.2)


async def test_certificate_that_apns_refuses_by_a_tls_alert_pauses_the_channel(
    authority: DemoAuthority, fresh: PassCredentials, server_ca: Path, tmp_path: Path
) -> None:
    """A TLS alert about our certificate is a matter of configuration, not of the network."""
    server = _RefusingServer(authority, make_demo_credentials(utc_now()), tmp_path)
    server.start()
    client = PushClient(fresh, ApnsServer.from_url(server.url, server_ca), utc_now)

    (outcome,) = await client.deliver([token(1)])

    await client.close()
    await asyncio.to_thread(server.join)
    assert outcome == Attempt(Verdict.CHANNEL_FAILED, "CertificateRefused")


async def test_unreachable_service_is_tried_again_later(
    fresh: PassCredentials, apns: FakeApns, server_ca: Path
) -> None:
    """A refused connection is found out once and said of every address."""
    server = ApnsServer.from_url(apns.url, server_ca)
    await apns.close()
    client = PushClient(fresh, server, utc_now)

    outcomes = await client.deliver([token(number) for number in range(2000)])

    assert set(outcomes) == {Attempt(Verdict.RETRY, "NotConnected", retry_after_seconds=30)}


async def test_failed_handshake_is_tried_again_later(apns: FakeApns, client: PushClient) -> None:
    """A handshake that fails for reasons other than our certificate is a fault of the way."""
    apns.faults.refuse_tls()

    first, second = await client.deliver([token(1)]), await client.deliver([token(1)])

    assert (first[0].reason, second[0].verdict) == ("NotConnected", Verdict.DONE)


async def test_server_of_a_strange_authority_is_not_talked_to(apns: FakeApns, fresh: PassCredentials) -> None:
    """Without its authority the fake service is no APNs; nothing is sent to it."""
    client = PushClient(fresh, ApnsServer.from_url(apns.url), utc_now)

    (outcome,) = await client.deliver([token(1)])

    assert (outcome.verdict, outcome.reason, len(apns.answers)) == (Verdict.RETRY, "NotConnected", 0)


async def test_closed_client_connects_again(apns: FakeApns, client: PushClient) -> None:
    """Closing ends the connection, not the client."""
    await client.deliver([token(1)])
    await client.close()

    assert verdicts(await client.deliver([token(2)])) == [Verdict.DONE]
