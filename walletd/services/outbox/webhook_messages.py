"""Delivering webhooks: due messages are leased, sent with no transaction open, and settled.

Every endpoint is worked on by itself: one that hangs, refuses or drowns in messages holds up nobody else (P16).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.engine.leases import Lease
from walletd.db.outbox import webhook_messages, webhooks
from walletd.domain.errors import ConfigurationRefused
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.retries import WINDOW, retry_at
from walletd.domain.outbox.webhooks import (
    ENDPOINT_PAUSES,
    SECRET_OVERLAP,
    Endpoint,
    EndpointState,
    Message,
    MessageState,
    body_of,
)
from walletd.services.changes.webhook_events import TOPIC
from walletd.services.idempotency import encode
from walletd.services.outbox.webhooks import SEALED_KIND
from walletd.services.runtime import Runtime
from walletd.telemetry import counter, logger

_AT_ONCE: Final = 32
"""Messages that one endpoint is sent side by side."""
_LEASE: Final = timedelta(seconds=30)
"""Longer than anybody waits for a receiver, so that nothing is sent twice at once."""

log = logger(__name__)
_sent = counter("webhooks_sent", "Webhook messages sent, by verdict", ("verdict",))


class WebhookDelivery:
    """The sending side of webhooks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._working: dict[str, asyncio.Task[None]] = {}

    async def start_due(self) -> int:
        """Begin work on every endpoint that has something due and is not worked on; return on how many."""
        now = self._runtime.clock()
        due = await self._runtime.database.read(webhook_messages.due_endpoints, now)
        started = 0
        for endpoint_id, merchant_id in due:
            if endpoint_id not in self._working:
                task = asyncio.get_running_loop().create_task(self._work(merchant_id, endpoint_id))
                self._working[endpoint_id] = task
                task.add_done_callback(lambda _, key=endpoint_id: self._working.pop(key, None))  # type: ignore[misc]
                started += 1
        return started

    async def seconds_until_due(self) -> float | None:
        """Return how long nothing is due to endpoints that nobody works on, or None where nothing waits at all."""
        moment = await self._runtime.database.read(webhook_messages.next_due)
        return None if moment is None else max(0.0, (moment - self._runtime.clock()).total_seconds())

    async def finish(self) -> None:
        """Wait for the work that is under way."""
        await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def _work(self, merchant_id: str, endpoint_id: str) -> None:
        """Send until nothing is due to the endpoint."""
        try:
            while await self._round(merchant_id, endpoint_id):
                pass
        except Exception:
            # The next look tries again, and other endpoints must not suffer.
            log.exception("webhook_round_failed", endpoint=endpoint_id)

    async def _round(self, merchant_id: str, endpoint_id: str) -> bool:
        now = self._runtime.clock()
        lease = Lease(self._runtime.instance, now + _LEASE)

        def claim(tx: Tx) -> tuple[Endpoint, list[Message], webhooks.Secrets] | None:
            endpoint = webhooks.find(tx, merchant_id, endpoint_id)
            if endpoint is None or endpoint.state == EndpointState.DISABLED:
                return None
            if endpoint.paused_until is not None and endpoint.paused_until > now:
                return None
            # Where nobody was reached before, one message finds out whether somebody is now.
            some = webhook_messages.claim(tx, endpoint_id, now, 1 if endpoint.pauses else _AT_ONCE, lease)
            return (endpoint, some, webhooks.secrets(tx, endpoint_id)) if some else None

        claimed = await self._runtime.database.write(claim)
        if claimed is None:
            return False
        endpoint, messages, sealed = claimed
        attempts = await self._send(endpoint, messages, sealed, now)
        await self._settle(endpoint, list(zip(messages, attempts, strict=True)))
        return True

    async def _send(
        self, endpoint: Endpoint, messages: Sequence[Message], sealed: webhooks.Secrets, now: datetime
    ) -> list[Attempt]:
        try:
            secrets = self._secrets(endpoint, sealed, now)
        except ConfigurationRefused as error:
            return [Attempt(Verdict.CHANNEL_FAILED, error.detail)] * len(messages)
        channel = self._runtime.webhook_channel
        return await asyncio.gather(
            *(channel.send(endpoint.url, message.id, now, encode(body_of(message)), secrets) for message in messages)
        )

    def _secrets(self, endpoint: Endpoint, sealed: webhooks.Secrets, now: datetime) -> list[bytes]:
        both = [sealed.secret]
        if sealed.old_secret is not None and now - endpoint.secret_changed_at < SECRET_OVERLAP:
            both.append(sealed.old_secret)
        return [self._runtime.vault.open(secret, endpoint.merchant_id, SEALED_KIND) for secret in both]

    async def _settle(self, endpoint: Endpoint, tried: Sequence[tuple[Message, Attempt]]) -> None:
        now = self._runtime.clock()
        for _, attempt in tried:
            _sent.labels(attempt.verdict.value).inc()
        settled = [self._after(message, attempt, now) for message, attempt in tried]

        def write(tx: Tx) -> None:
            webhook_messages.settle(tx, settled)
            present = webhooks.find(tx, endpoint.merchant_id, endpoint.id, lock=True)
            if present is not None:
                self._settle_endpoint(tx, present, [attempt for _, attempt in tried], now)
            tx.announce(TOPIC)

        await self._runtime.database.write(write)

    def _after(self, message: Message, attempt: Attempt, now: datetime) -> Message:
        """Return a message as it is after an attempt."""
        noted = replace(message, last_status=attempt.status, last_reason=attempt.reason)
        if attempt.verdict is Verdict.DONE:
            return replace(
                noted, state=MessageState.DELIVERED, attempts=message.attempts + 1, due_at=None, ended_at=now
            )
        if attempt.verdict is Verdict.RETRY:
            attempts = message.attempts + 1
            due = retry_at(now, message.tried_since, attempts, self._runtime.jitter())
            noted = replace(noted, attempts=attempts, due_at=due)
        elif now >= message.tried_since + WINDOW:
            noted = replace(noted, due_at=None)
        return noted if noted.due_at is not None else replace(noted, state=MessageState.DEAD, ended_at=now)

    def _settle_endpoint(self, tx: Tx, endpoint: Endpoint, attempts: Sequence[Attempt], now: datetime) -> None:
        gone = next((attempt for attempt in attempts if attempt.verdict is Verdict.GONE), None)
        failed = next((attempt for attempt in attempts if attempt.verdict is Verdict.CHANNEL_FAILED), None)
        if gone is not None:
            log.warning("webhook_disabled", endpoint=endpoint.id, merchant=endpoint.merchant_id)
            reason = "the receiver answered 410: it wants no more messages"
            webhooks.store_state(
                tx, replace(endpoint, state=EndpointState.DISABLED, reason=reason, paused_until=None, pauses=0)
            )
            webhook_messages.end_all(tx, endpoint.id, now, reason)
        elif failed is not None and not any(attempt.verdict is Verdict.DONE for attempt in attempts):
            until = now + timedelta(seconds=ENDPOINT_PAUSES.pause(endpoint.pauses, self._runtime.jitter()))
            log.warning("webhook_paused", endpoint=endpoint.id, reason=failed.reason, until=until.isoformat())
            paused = replace(endpoint, reason=failed.reason, paused_until=until, pauses=endpoint.pauses + 1)
            webhooks.store_state(tx, paused)
        elif endpoint.pauses:
            webhooks.store_state(tx, replace(endpoint, reason="", paused_until=None, pauses=0))
