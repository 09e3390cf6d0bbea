"""Sending webhooks over real connections: signatures, limits, redirects, TLS, and names that lead elsewhere."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from tests.channels.receiver import Receiver, a_receiver, answer
from walletd.channels.addresses import AddressGuard
from walletd.channels.webhooks import WebhookSender
from walletd.domain.errors import WebhookTargetRefused
from walletd.domain.outbox.attempts import Attempt, Verdict

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SECRET = b"s" * 32


class Names:
    """A resolver whose answers a test sets; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        """Answer."""
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def a_sender(
    names: Names | None = None, *, allow: bool = True, ca_file: Path | None = None, seconds: float = 15
) -> AsyncIterator[WebhookSender]:
    """A sender that may call this machine, unless the test says otherwise."""
    guard = AddressGuard([LOOPBACK] if allow else [], names or Names(["127.0.0.1"]))
    sender = WebhookSender(guard, ca_file, seconds)
    yield sender
    await sender.close()


async def send(sender: WebhookSender, url: str, body: bytes = b"{}") -> Attempt:
    """Send a message once."""
    return await sender.send(url, "msg_1", AT, body, [SECRET])


async def test_a_message_arrives_signed_with_each_secret() -> None:
    """The receiver's library finds both signatures, over id, moment and body."""
    async with a_receiver() as receiver, a_sender() as sender:
        body = '{"type":"card.issued","data":{"name":"Jörg"}}'.encode()
        attempt = await sender.send(receiver.url(), "msg_1", AT, body, [SECRET, b"t" * 32])
        assert attempt == Attempt(Verdict.DONE, "", status=204)
        (request,) = receiver.received
        assert request.headers["webhook-id"] == "msg_1"
        assert request.headers["content-type"] == "application/json"
        for secret in (SECRET, b"t" * 32):
            assert request.is_signed_with(secret)
        assert not request.is_signed_with(b"u" * 32)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DONE),
        (299, Verdict.DONE),
        (301, Verdict.RETRY),
        (302, Verdict.RETRY),
        (400, Verdict.RETRY),
        (401, Verdict.CHANNEL_FAILED),
        (403, Verdict.CHANNEL_FAILED),
        (404, Verdict.RETRY),
        (410, Verdict.GONE),
        (413, Verdict.RETRY),
        (429, Verdict.RETRY),
        (500, Verdict.RETRY),
        (503, Verdict.RETRY),
    ],
)
async def test_a_status_says_what_an_attempt_came_to(status: int, verdict: Verdict) -> None:
    """2xx is taken; 410 ends; who may not call at all blames no message; everything else is tried again."""
    async with a_receiver() as receiver, a_sender() as sender:
        receiver.answer = lambda _request: answer(status)
        attempt = await send(sender, receiver.url())
    assert (attempt.verdict, attempt.status) == (verdict, status)


async def test_a_redirect_is_never_followed() -> None:
    """302 to the cloud's metadata or to this machine is a failure, and nobody is called there (B31)."""
    async with a_receiver() as receiver, a_receiver() as inside, a_sender() as sender:
        receiver.answer = lambda _request: answer(302, location=inside.url())
        attempt = await send(sender, receiver.url())
    assert (attempt.verdict, attempt.reason, inside.connections) == (Verdict.RETRY, "HTTP 302", 0)


async def test_a_name_that_turns_to_this_machine_is_blocked_at_the_moment_of_the_call() -> None:
    """Checked when it was entered, rebound afterwards: no packet reaches the private address (B31)."""
    names = Names(["1.1.1.1"], ["127.0.0.1"])
    async with a_receiver() as receiver, a_sender(names, allow=False) as sender:
        url = f"https://hooks.example:{receiver.port}/"
        await sender.check(url)
        attempt = await send(sender, url)
    assert attempt.verdict is Verdict.CHANNEL_FAILED
    assert attempt.reason.startswith("blocked_target: hooks.example leads to 127.0.0.1")
    assert receiver.connections == 0


async def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    """A name is looked up once per connection, so it cannot say something else a moment later."""
    names = Names(["127.0.0.1"], ["127.0.0.9"])
    async with a_receiver() as receiver, a_sender(names) as sender:
        assert (await send(sender, f"http://hooks.example:{receiver.port}/hook")).verdict is Verdict.DONE
        assert names.asked == 1
        assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"


@pytest.mark.parametrize(
    ("url", "addresses", "words"),
    [
        ("https://hooks.example/", ["10.0.0.1"], "not on the public internet"),
        ("https://hooks.example/", ["1.1.1.1", "169.254.169.254"], "not on the public internet"),
        ("https://hooks.example/", [], "no address"),
        ("http://hooks.example/", ["1.1.1.1"], "https"),
    ],
)
async def test_an_address_that_will_not_be_called_is_refused_when_it_is_entered(
    url: str, addresses: list[str], words: str
) -> None:
    """The person who enters it learns why."""
    async with a_sender(Names(addresses)) as sender:
        with pytest.raises(WebhookTargetRefused, match=words):
            await sender.check(url)


async def test_plain_http_is_for_allowed_networks_only() -> None:
    """Inside the shop's own network there is nobody on the way."""
    async with a_sender(Names(["127.0.0.1"])) as sender:
        await sender.check("http://till.lan/hook")


async def test_a_receiver_that_hangs_is_cut_and_blamed() -> None:
    """15 seconds in production (B32)."""
    async with a_receiver() as receiver, a_sender(seconds=0.3) as sender:
        receiver.answer = lambda _request: b""
        attempt = await send(sender, receiver.url())
    assert attempt.verdict is Verdict.RETRY
    assert "no answer within" in attempt.reason


async def test_an_answer_without_end_is_cut() -> None:
    """64 KB are read and no more (B32)."""
    async with a_receiver() as receiver, a_sender() as sender:
        receiver.answer = lambda _request: b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 200_000
        attempt = await send(sender, receiver.url())
    assert (attempt.verdict, attempt.reason) == (Verdict.RETRY, "the answer is longer than 64 KB")


@pytest.mark.parametrize("reply", [b"no http\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"])
async def test_an_answer_that_is_none_counts_as_a_failure(reply: bytes) -> None:
    """A broken receiver never breaks the sender."""
    async with a_receiver() as receiver, a_sender(seconds=1) as sender:
        receiver.answer = lambda _request: reply
        assert (await send(sender, receiver.url())).verdict is Verdict.RETRY


async def test_nobody_listening_is_the_fault_of_no_message() -> None:
    """A refused connection pauses the endpoint."""
    async with a_receiver() as receiver:
        url = receiver.url()
    async with a_sender() as sender:
        attempt = await send(sender, url)
    assert attempt.verdict is Verdict.CHANNEL_FAILED
    assert attempt.reason.startswith("not reached")


def a_tls_receiver(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """A context with a certificate for a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("name", "verdict"), [("hooks.example", Verdict.DONE), ("other.example", Verdict.CHANNEL_FAILED)]
)
async def test_the_certificate_must_be_of_the_name_though_the_address_is_called(
    tmp_path: Path, name: str, verdict: Verdict
) -> None:
    """TLS asks for the name of the URL and accepts no other."""
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with a_receiver(a_tls_receiver(authority, name)) as receiver, a_sender(ca_file=ca_file) as sender:
        attempt = await send(sender, receiver.url(host="hooks.example"))
    assert attempt.verdict is verdict, attempt


async def test_a_certificate_of_an_unknown_authority_is_refused() -> None:
    """Nothing is sent."""
    async with a_receiver(a_tls_receiver(trustme.CA(), "hooks.example")) as receiver, a_sender() as sender:
        attempt = await send(sender, receiver.url(host="hooks.example"))
        assert isinstance(receiver, Receiver)
    assert (attempt.verdict, receiver.received) == (Verdict.CHANNEL_FAILED, [])
