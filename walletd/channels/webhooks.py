"""Sending webhooks: Standard Webhooks signatures over HTTP/1.1 to addresses that were checked.

A receiver is given 15 seconds and 64 KB; redirects are not followed (B31 and B32).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpcore
from standardwebhooks import Webhook

from walletd.channels.addresses import AddressGuard, BlockedTarget, GuardedBackend, UnknownHost
from walletd.domain.errors import WebhookTargetRefused
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.webhooks import verdict_of

_SECONDS: Final = 15.0
_ANSWER_BYTES: Final = 65_536
_CONNECTIONS: Final = 200
_USER_AGENT: Final = b"walletd-webhooks"


class WebhookSender:
    """Sends messages over kept connections; one per process."""

    def __init__(self, guard: AddressGuard, ca_file: Path | None = None, seconds: float = _SECONDS) -> None:
        self._guard = guard
        self._ca_file = ca_file
        self._seconds = seconds
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def check(self, url: str) -> None:
        """Raise WebhookTargetRefused where a URL leads to an address that will not be called, or to none."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            await self._guard.addresses(host, port)
            if parts.scheme != "https" and not await self._guard.is_inside(host, port):
                raise WebhookTargetRefused("Use https: without it everybody on the way can read and change messages.")
        except (BlockedTarget, UnknownHost) as error:
            raise WebhookTargetRefused(f"The address will not be called: {error}.") from error

    async def send(self, url: str, message_id: str, at: datetime, body: bytes, secrets: Sequence[bytes]) -> Attempt:
        """Send a message once, signed with each of the secrets, and return what came of it; never raises."""
        text = body.decode()
        signatures = " ".join(Webhook(secret).sign(message_id, at, text) for secret in secrets)
        headers = [
            (b"host", urlsplit(url).netloc.encode()),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"user-agent", _USER_AGENT),
            (b"webhook-id", message_id.encode()),
            (b"webhook-timestamp", str(int(at.timestamp())).encode()),
            (b"webhook-signature", signatures.encode()),
        ]
        try:
            async with asyncio.timeout(self._seconds):
                return await self._request(url, headers, body)
        except TimeoutError:
            return Attempt(Verdict.RETRY, f"no answer within {self._seconds:.0f} seconds")
        except BlockedTarget as error:
            return Attempt(Verdict.CHANNEL_FAILED, f"blocked_target: {error}")
        except (UnknownHost, httpcore.ConnectError, httpcore.ConnectTimeout, ssl.SSLError, OSError) as error:
            return Attempt(Verdict.CHANNEL_FAILED, f"not reached: {_sentence(error)}")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            return Attempt(Verdict.RETRY, f"the connection broke: {_sentence(error)}")

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.aclose()

    def _connections(self) -> httpcore.AsyncConnectionPool:
        """Return the pool, made when it is first needed: reading the authorities takes a moment."""
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(cafile=self._ca_file),
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_CONNECTIONS // 4,
                keepalive_expiry=30.0,
                network_backend=GuardedBackend(self._guard),
            )
        return self._pool

    async def _request(self, url: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Attempt:
        size = 0
        async with self._connections().stream("POST", url.encode(), headers=headers, content=body) as response:
            async for chunk in response.aiter_stream():
                size += len(chunk)
                if size > _ANSWER_BYTES:
                    return Attempt(Verdict.RETRY, "the answer is longer than 64 KB", status=response.status)
        verdict = verdict_of(response.status)
        reason = "" if verdict is Verdict.DONE else f"HTTP {response.status}"
        return Attempt(verdict, reason, status=response.status)


def _sentence(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
