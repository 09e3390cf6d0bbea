"""Pushes to APNs for one merchant: one connection with the pass certificate, many streams, one outcome per address.

A push for a pass says nothing but "ask me": the body is `{}` (N5). Tokens are never logged.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from walletd.domain.errors import ConfigurationRefused
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.wallets.apple.apns_answers import (
    CERTIFICATE_EXPIRED,
    CERTIFICATE_REFUSED,
    CONNECTION_LOST,
    NOT_CONNECTED,
    TIMEOUT,
    outcome_of_answer,
    outcome_of_fault,
)
from walletd.wallets.apple.apns_connection import ApnsConnection, ConnectionFault, certificate_refused
from walletd.wallets.apple.credentials import PassCredentials

STREAMS_AT_ONCE = 500
REQUEST_SECONDS = 15.0
CONNECT_SECONDS = 10.0
KEPT_SECONDS = 7 * 24 * 3600
"""How long APNs keeps a push for a phone that is offline; 0 would drop it (N7)."""

_BODY = b"{}"
_TOKEN = re.compile(r"[0-9a-fA-F]{32,200}")
_FINAL_FAULTS = frozenset({NOT_CONNECTED, TIMEOUT})


@dataclass(frozen=True, slots=True)
class ApnsServer:
    """Where APNs is: `ca_file` replaces the system's authorities, for a fake or a proxy of one's own."""

    host: str
    port: int
    ca_file: Path | None = None

    @classmethod
    def from_url(cls, url: str, ca_file: Path | None = None) -> ApnsServer:
        """Read `https://api.push.apple.com` or with a port; raises ConfigurationRefused."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigurationRefused("The address of APNs has the form https://host or https://host:port")
        return cls(parts.hostname, parts.port or 443, ca_file)


class PushClient:
    """Delivers one merchant's pushes; connects when first used, inside the running loop, and stays connected."""

    def __init__(
        self,
        credentials: PassCredentials,
        server: ApnsServer,
        clock: Callable[[], datetime],
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._credentials = credentials
        self._topic = credentials.pass_type_identifier
        self._server = server
        self._clock = clock
        self._request_seconds = request_seconds
        self._streams = asyncio.Semaphore(STREAMS_AT_ONCE)
        self._tls: ssl.SSLContext | None = None
        self._connection: ApnsConnection | None = None
        self._connecting: asyncio.Task[ApnsConnection] | None = None

    async def deliver(self, addresses: Sequence[str]) -> list[Attempt]:
        """Push to each token; one outcome each, in order. One token's trouble never reaches another.

        What concerns all of them (no connection, our certificate refused) is found out once and said of the rest.
        """
        if not addresses:
            return []
        if self._clock() > self._credentials.leaf.not_valid_after_utc:
            return [outcome_of_fault(CERTIFICATE_EXPIRED)] * len(addresses)
        batch = _Batch(addresses)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(addresses), STREAMS_AT_ONCE)):
                group.create_task(self._work(batch))
        return batch.outcomes

    async def close(self) -> None:
        """Close the connection; a client that is used again connects again."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.end(CONNECTION_LOST)

    async def _work(self, batch: _Batch) -> None:
        for place, token in batch.remaining:
            if batch.verdict_of_all is not None:
                batch.outcomes[place] = batch.verdict_of_all
                continue
            async with self._streams:
                outcome = await self._push(token)
            batch.outcomes[place] = outcome
            if outcome.verdict is Verdict.CHANNEL_FAILED or outcome.reason == NOT_CONNECTED:
                batch.verdict_of_all = outcome

    async def _push(self, token: str) -> Attempt:
        if not _TOKEN.fullmatch(token):
            # Registration refuses such tokens; one that got in all the same must not become part of a path.
            return Attempt(Verdict.REFUSED, "BadDeviceToken")
        try:
            return await self._push_over_live_connection(token)
        except ConnectionFault as fault:
            return outcome_of_fault(fault.reason)

    async def _push_over_live_connection(self, token: str) -> Attempt:
        """Push, and once more over a new connection where the kept one has gone, as it may any time."""
        try:
            return await self._push_once(token)
        except ConnectionFault as fault:
            if fault.reason in _FINAL_FAULTS or outcome_of_fault(fault.reason).verdict is Verdict.CHANNEL_FAILED:
                raise
        return await self._push_once(token)

    async def _push_once(self, token: str) -> Attempt:
        connection = await self._connected()
        answer = await connection.send(self._headers(token), _BODY, self._request_seconds)
        reason = answer.content.get("reason")
        return outcome_of_answer(
            answer.status,
            reason if isinstance(reason, str) else None,
            answer.content.get("timestamp"),
        )

    def _headers(self, token: str) -> list[tuple[str, str]]:
        return [
            (":method", "POST"),
            (":scheme", "https"),
            (":path", f"/3/device/{token.lower()}"),
            (":authority", self._server.host),
            ("apns-id", str(uuid4())),
            ("apns-topic", self._topic),
            ("apns-push-type", "background"),
            ("apns-priority", "5"),
            ("apns-expiration", str(int(self._clock().timestamp()) + KEPT_SECONDS)),
        ]

    async def _connected(self) -> ApnsConnection:
        """Return the live connection; whoever comes while one is being made shares that attempt and its failure."""
        if self._connection is not None:
            return self._connection
        connecting = self._connecting
        if connecting is None:
            connecting = self._connecting = asyncio.get_running_loop().create_task(self._connect())
            connecting.add_done_callback(self._connect_done)
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            if connecting.cancelled():
                raise ConnectionFault(CONNECTION_LOST) from None
            raise

    def _connect_done(self, task: asyncio.Task[ApnsConnection]) -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # asked for here, as everybody who waited may have given up

    async def _connect(self) -> ApnsConnection:
        if self._tls is None:
            self._tls = client_tls(self._credentials, self._server.ca_file)
        connection: ApnsConnection | None = None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: ApnsConnection(self._topic, self._forget),
                    self._server.host,
                    self._server.port,
                    ssl=self._tls,
                )
                await connection.ready
        except (OSError, TimeoutError, ConnectionFault) as error:
            if connection is not None:
                connection.end(NOT_CONNECTED)
            refused = certificate_refused(error) or _reason(error) == CERTIFICATE_REFUSED
            raise ConnectionFault(CERTIFICATE_REFUSED if refused else NOT_CONNECTED) from error
        if connection.ended:
            raise ConnectionFault(NOT_CONNECTED)
        self._connection = connection
        return connection

    def _forget(self, connection: ApnsConnection) -> None:
        if self._connection is connection:
            self._connection = None


def _reason(error: BaseException) -> str:
    return error.reason if isinstance(error, ConnectionFault) else ""


class _Batch:
    """The addresses of one call, taken from one after the other by several workers."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.remaining: Iterator[tuple[int, str]] = iter(enumerate(addresses))
        self.outcomes = [Attempt(Verdict.RETRY)] * len(addresses)
        self.verdict_of_all: Attempt | None = None


def client_tls(credentials: PassCredentials, ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that shows the pass certificate and speaks HTTP/2.

    The ssl module loads keys from files only: the file lies in a private folder for that moment, and the key in it is
    encrypted under a password that nobody keeps.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["h2"])
    password = os.urandom(32).hex().encode()
    certificates = b"".join(c.public_bytes(Encoding.PEM) for c in (credentials.leaf, *credentials.chain))
    key = credentials.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    with tempfile.TemporaryDirectory(prefix="walletd-") as folder:
        file = Path(folder) / "client.pem"
        file.touch(mode=0o600)
        file.write_bytes(certificates + key)
        context.load_cert_chain(file, password=password)
    return context
