"""Sending mail to a real SMTP server: encryption, passwords, refusals, and servers that fail in every way."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from tests.channels.mailbox import PASSWORD, USER, a_mailbox
from walletd.channels.mail import MailSender, MailServer
from walletd.domain.errors import ConfigurationRefused
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.mail import Mail

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MAIL = Mail("office@shop.example", "Prüfpunkt 1 – Café", "Grüße\nsignature: " + "x" * 88 + "\n")
LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who issues the server's certificate."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate as a file."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


async def send(url: str, ca_file: Path | None = None, seconds: float = 15, mail: Mail = MAIL) -> Attempt:
    """Send a mail once."""
    server = MailServer.from_url(url, "shop.example")
    return await MailSender(server, "shop.example", ca_file, seconds).send(mail, "job_1", AT)


async def test_a_mail_arrives_whole_and_says_that_a_machine_wrote_it() -> None:
    """Umlauts and lines survive; the id is the same however often it is sent; nobody's holiday note answers it."""
    with a_mailbox() as mailbox:
        assert await send(mailbox.url()) == Attempt(Verdict.DONE)
        assert await send(mailbox.url()) == Attempt(Verdict.DONE)
    first, second = mailbox.received
    assert (first.sender, first.recipients) == ("walletd@shop.example", ["office@shop.example"])
    assert (str(first.message["Subject"]), first.text) == (MAIL.subject, MAIL.text)
    assert first.message["Message-ID"] == second.message["Message-ID"] == "<job_1@shop.example>"
    assert first.message["Auto-Submitted"] == "auto-generated"
    assert first.message["Date"].datetime == AT


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_mail_is_encrypted_wherever_the_server_offers_it(
    authority: trustme.CA, ca_file: Path, *, is_encrypted: bool
) -> None:
    """By STARTTLS under smtp:// and from the first byte under smtps://; then the password is shown."""
    with a_mailbox(authority, is_encrypted=is_encrypted, auth_require_tls=not is_encrypted) as mailbox:
        url = mailbox.url(LOGIN, "localhost", "smtps" if is_encrypted else "smtp")
        assert await send(url, ca_file) == Attempt(Verdict.DONE)
    (received,) = mailbox.received
    assert (received.sender, received.user) == (USER, USER)
    assert received.was_encrypted or is_encrypted  # aiosmtpd calls a session encrypted after STARTTLS only


@pytest.mark.parametrize("name", ["localhost", "other.example"])
async def test_a_server_that_cannot_prove_its_name_gets_no_mail(
    authority: trustme.CA, ca_file: Path, name: str
) -> None:
    """Neither an authority that nobody trusts nor a certificate of another name is believed, and it is tried again."""
    with a_mailbox(authority, name=name) as mailbox:
        attempt = await send(mailbox.url(host="localhost"), ca_file if name != "localhost" else None)
    assert attempt.verdict is Verdict.RETRY
    assert "certificate" in attempt.reason.lower()
    assert mailbox.received == []


async def test_a_password_never_crosses_a_network_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that suddenly offers no encryption, or somebody on the way who hides it, does not get it."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *more, **named: look_up("127.0.0.1", *more, **named))
    with a_mailbox(auth_require_tls=False) as mailbox:
        refused = await send(mailbox.url(LOGIN, "mail.example"))
        assert refused.verdict is Verdict.RETRY
        assert "not sent in clear" in refused.reason
        assert await send(mailbox.url(LOGIN)) == Attempt(Verdict.DONE)
    assert [mail.user for mail in mailbox.received] == [USER]


async def test_a_wrong_password_is_tried_again_once_it_is_mended() -> None:
    """No mail is to blame for a wrong setting, so none is given up for it; the password is not in the reason."""
    with a_mailbox(auth_require_tls=False) as mailbox:
        attempt = await send(mailbox.url("somebody:wrong-secret@"))
    assert attempt.verdict is Verdict.RETRY
    assert attempt.reason.startswith("535 ")
    assert "wrong-secret" not in attempt.reason


@pytest.mark.parametrize(
    ("recipient", "content", "verdict", "reason"),
    [
        ("550 no such user", "250 OK", Verdict.REFUSED, "550 no such user"),
        ("250 OK", "554 looks like spam", Verdict.REFUSED, "554 looks like spam"),
        ("450 greylisted", "250 OK", Verdict.RETRY, "450 greylisted"),
        ("250 OK", "452 disk full", Verdict.RETRY, "452 disk full"),
    ],
)
async def test_what_the_server_refuses_for_ever_is_given_up_and_the_rest_tried_again(
    recipient: str, content: str, verdict: Verdict, reason: str
) -> None:
    """5yz is for ever, 4yz for now (RFC 5321)."""
    with a_mailbox() as mailbox:
        mailbox.rcpt_answer, mailbox.data_answer = recipient, content
        assert await send(mailbox.url()) == Attempt(verdict, reason)


async def test_a_server_that_hangs_or_is_not_there_is_tried_again() -> None:
    """Nobody waits for ever."""
    with a_mailbox() as mailbox:
        mailbox.hang_seconds = 1.5
        assert (await send(mailbox.url(), seconds=0.5)).verdict is Verdict.RETRY
    assert (await send(mailbox.url())).verdict is Verdict.RETRY


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 3000, b"220 hi\r\n"])
async def test_a_server_that_does_not_speak_smtp_is_tried_again(says: bytes) -> None:
    """Whatever answers on that port, the outcome is a sentence and no fault of ours."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        attempt = await send(f"smtp://127.0.0.1:{port}", seconds=2)
    assert attempt.verdict is Verdict.RETRY
    assert attempt.reason


async def test_a_line_break_in_a_subject_makes_no_header() -> None:
    """Nothing can be slipped into the head of a mail."""
    with a_mailbox() as mailbox:
        await send(mailbox.url(), mail=Mail(MAIL.to, "x\r\nBcc: thief@example.com", "y"))
    assert all("thief" not in str(received.content) for received in mailbox.received)


async def test_the_check_logs_in_and_sends_nothing() -> None:
    """What `walletd doctor` does."""
    with a_mailbox(auth_require_tls=False) as mailbox:
        server = MailServer.from_url(mailbox.url(LOGIN), "shop.example")
        found = await MailSender(server, "shop.example").check()
    assert found == Attempt(Verdict.DONE, f"127.0.0.1:{mailbox.port} answers as {USER}, not encrypted")
    assert mailbox.received == []


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("smtp://mail.example", "walletd@shop.example"),
        ("smtps://office%40shop.example:x@mail.example", "office@shop.example"),
        ("smtp://office:x@mail.example?from=cards@shop.example", "cards@shop.example"),
    ],
)
def test_the_sender_is_what_from_says_or_the_user_or_walletd(url: str, sender: str) -> None:
    """Many servers take mail from the logged-in address only."""
    assert MailServer.from_url(url, "shop.example").sender == sender


@pytest.mark.parametrize(
    "url",
    [
        "smtp://",
        "smtp://:25",
        "smtp://mail.example:0",
        "smtp://mail.example:many",
        "smtp://mail.example/path",
        "smtp://mail.example?sender=a@b.example",
        "smtp://mail.example?from=nobody",
        "smtp://[::1",
        "http://mail.example",
    ],
)
def test_an_address_of_another_form_is_refused_at_the_start(url: str) -> None:
    """The sentence names the setting and not the password in it."""
    with pytest.raises(ConfigurationRefused, match="WALLETD_SMTP_URL"):
        MailServer.from_url(url, "shop.example")


def test_a_password_is_not_in_the_representation() -> None:
    """Whatever prints the server prints no secret."""
    assert "hush" not in repr(MailServer.from_url("smtp://a:hush@mail.example", "shop.example"))
