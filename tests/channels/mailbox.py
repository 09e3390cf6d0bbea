"""A mail server on loopback: real SMTP by aiosmtpd, in a thread of its own, which answers as a test says."""

from __future__ import annotations

import email
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.processes.servers import free_port

USER, PASSWORD = "shop@mail.example", "p@ss:word/1"


@dataclass(slots=True)
class Received:
    """One mail."""

    sender: str
    recipients: list[str]
    content: bytes
    was_encrypted: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        """Return it as a mail program shows it."""
        return email.message_from_bytes(self.content, policy=policy.default)

    @property
    def text(self) -> str:
        """Return what it says, with the line ends of this system."""
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")


@dataclass(slots=True)
class Mailbox:
    """A server; what it answers to recipients and to content can be changed."""

    port: int
    received: list[Received] = field(default_factory=list)
    rcpt_answer: str = "250 OK"
    data_answer: str = "250 OK"
    hang_seconds: float = 0.0

    def url(self, user: str = "", host: str = "127.0.0.1", scheme: str = "smtp") -> str:
        """Return the setting that leads here."""
        return f"{scheme}://{user}{host}:{self.port}"

    def wait(self, count: int, seconds: float = 20) -> list[Received]:
        """Return the mails once there are so many."""
        ends_at = time.monotonic() + seconds
        while len(self.received) < count and time.monotonic() < ends_at:
            time.sleep(0.02)
        assert len(self.received) >= count, f"{len(self.received)} mails came"
        return self.received

    # The names of the hooks are aiosmtpd's.
    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient or not."""
        if self.rcpt_answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.rcpt_answer

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail or not."""
        if self.hang_seconds:
            time.sleep(self.hang_seconds)  # noqa: ASYNC251 - the whole server hangs, as servers do
        if self.data_answer.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            login: object = session.auth_data  # whatever the authenticator returned
            user = login.login.decode() if isinstance(login, LoginPassword) else None
            self.received.append(Received(str(envelope.mail_from), envelope.rcpt_tos, content, bool(session.ssl), user))
        return self.data_answer


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: Any) -> AuthResult:
    is_right = isinstance(login, LoginPassword) and (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, auth_data=login, handled=is_right)


@contextmanager
def a_mailbox(
    authority: trustme.CA | None = None, *, is_encrypted: bool = False, name: str = "localhost", **options: Any
) -> Iterator[Mailbox]:
    """Run a server; with an authority it offers STARTTLS, or speaks TLS from the first byte."""
    context = None
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
    mailbox = Mailbox(free_port())
    options |= {"tls_context": None if is_encrypted else context, "authenticator": _authenticate}
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=mailbox.port, ssl_context=context if is_encrypted else None, **options
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
