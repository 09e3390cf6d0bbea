"""Sending mail over SMTP (RFC 5321), encrypted wherever the server offers it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from walletd.domain.errors import ConfigurationRefused, ValidationFailed
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.mail import Mail, check_mailbox

_SECONDS: Final = 30.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, and as whom."""

    host: str
    port: int
    is_encrypted: bool
    """From the first byte; else by STARTTLS, where the server offers it."""
    user: str | None
    password: str | None = field(repr=False)
    sender: str

    @classmethod
    def from_url(cls, url: str, own_host: str) -> MailServer:
        """Read `smtp://user:password@host:587?from=walletd@shop.example`; raises ConfigurationRefused.

        Without `from`, the user is the sender where it is an address, else `walletd` at our own host.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigurationRefused("WALLETD_SMTP_URL has the form smtp://user:password@host:587") from error
        if parts.scheme not in _PORTS or not parts.hostname or port == 0 or parts.path not in {"", "/"}:
            raise ConfigurationRefused("WALLETD_SMTP_URL has the form smtp://user:password@host:587")
        query = parse_qs(parts.query)
        if set(query) - {"from"}:
            raise ConfigurationRefused("WALLETD_SMTP_URL may end with ?from=ADDRESS and nothing else")
        user = unquote(parts.username) if parts.username else None
        named = query.get("from", [user if user and "@" in user else f"walletd@{_domain(own_host)}"])[0]
        try:
            sender = check_mailbox(named, "/from")
        except ValidationFailed as error:
            raise ConfigurationRefused("WALLETD_SMTP_URL needs ?from= with the address that mail comes from") from error
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "smtps", user, password, sender)


class MailSender:
    """Sends single mails, each over a connection of its own."""

    def __init__(
        self, server: MailServer, own_host: str, ca_file: Path | None = None, seconds: float = _SECONDS
    ) -> None:
        self._server = server
        self._own_host = _domain(own_host)
        self._ca_file = ca_file
        self._seconds = seconds

    async def send(self, mail: Mail, message_id: str, at: datetime) -> Attempt:
        """Send a mail once and return what came of it; never raises.

        The same `message_id` again is the same mail again: mailboxes that compare show it once.
        """
        try:
            async with self._connected() as client:
                await client.send_message(self._message(mail, message_id, at))
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused(error.recipients[0])
        except aiosmtplib.SMTPDataError as error:
            return _refused(error)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return Attempt(Verdict.RETRY, _sentence(error))
        return Attempt(Verdict.DONE)

    async def check(self) -> Attempt:
        """Connect and log in without sending anything; the reason says how it went."""
        try:
            async with self._connected() as client:
                await client.noop()
                lock = "encrypted" if _is_encrypted(client) else "not encrypted"
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return Attempt(Verdict.RETRY, _sentence(error))
        user = f" as {self._server.user}" if self._server.user else ""
        return Attempt(Verdict.DONE, f"{self._server.host}:{self._server.port} answers{user}, {lock}")

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Give a connection on which mail may be sent; raises SMTPException, OSError."""
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._own_host,
            timeout=self._seconds,
            use_tls=server.is_encrypted,
            tls_context=ssl.create_default_context(cafile=self._ca_file),
        )
        await client.connect()
        try:
            if server.user is not None:
                if not _is_encrypted(client) and not _is_loopback(server.host):
                    raise aiosmtplib.SMTPNotSupported(
                        "the server offers no encryption, and a password is not sent in clear"
                    )
                await client.login(server.user, server.password or "")
            yield client
        finally:
            # What was accepted is sent, however the good-bye goes.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
            client.close()

    def _message(self, mail: Mail, message_id: str, at: datetime) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{message_id}@{self._own_host}>"
        # Out-of-office notes are not answered to machines (RFC 3834, 5).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message


def _refused(error: aiosmtplib.SMTPResponseException) -> Attempt:
    """Return what the refusal of a recipient or of the text means: 5yz is for ever (RFC 5321, 4.2.1)."""
    return Attempt(Verdict.REFUSED if error.code >= 500 else Verdict.RETRY, _sentence(error))


def _sentence(error: Exception) -> str:
    code = f"{error.code} " if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    said = getattr(error, "message", "") or str(error) or type(error).__name__
    return " ".join(f"{code}{said}".split())[:200]


def _is_encrypted(client: aiosmtplib.SMTP) -> bool:
    return client.get_transport_info("sslcontext") is not None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _domain(host: str) -> str:
    """Return a host as the right side of an address: a name with a dot."""
    try:
        ip_address(host)
    except ValueError:
        return host if "." in host else f"{host or 'walletd'}.localdomain"
    return "walletd.localdomain"
