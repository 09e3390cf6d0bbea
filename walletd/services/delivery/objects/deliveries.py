"""Bringing objects to what is published: due ones are leased, sent with no transaction open, and settled.

What is sent is always the newest document, whole; one process at a time writes an object. A crash loses nothing: an
object that was not settled is still due when its lease ends, and sending it again changes nothing.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from walletd.db.delivery import channels, rate_limits, wallet_classes, wallet_objects
from walletd.db.delivery.wallet_classes import ClassRow
from walletd.db.delivery.wallet_objects import ObjectRow
from walletd.db.engine.base import Tx
from walletd.db.engine.leases import Lease
from walletd.domain.delivery.publishing import CALL_PAUSES
from walletd.domain.errors import SigningUnavailable, TemplateInvalid
from walletd.domain.outbox.attempts import Verdict
from walletd.services.delivery.channels import paused
from walletd.services.delivery.objects.rate_limits import RateLimiter
from walletd.services.runtime import Runtime
from walletd.telemetry import PUSHES, logger
from walletd.wallets import ObjectPlatform, ProgramShown, Sent

TOPIC: Final = "objects"
"""Wakes whoever sends."""

LEASE: Final = timedelta(seconds=60)
"""Longer than all calls for one object take, so that nobody else writes it meanwhile."""

_DAY: Final = timedelta(days=1)
_NOTIFICATIONS: Final = 3
_ATTEMPTS_SHOWN: Final = 5
_AT_ONCE: Final = 20
_COMPRESSION: Final = 1

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Objects that are this process's to send, with a slot of the rate limit for each."""

    rows: Sequence[ObjectRow]
    notifying: frozenset[str]
    """Serial numbers of those whose holder is notified."""
    first_slot: datetime


class ObjectDelivery:
    """Use cases of the worker about objects."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def send_due(self) -> int:
        """Send what is due, all merchants side by side; return how much was worked on."""
        worked = 0
        for platform in self._runtime.object_platforms.values():
            now = self._runtime.clock()

            def read(tx: Tx, name: str = platform.name, at: datetime = now) -> set[str]:
                due = wallet_objects.merchants_with_due(tx, name, at)
                return set(due) | set(wallet_classes.merchants_with_due(tx, name, at))

            merchants = await self._runtime.database.read(read)
            worked += sum(await asyncio.gather(*(self._send(platform, merchant) for merchant in merchants)))
        return worked

    async def seconds_until_due(self) -> float | None:
        """Return how long nothing is due, or None where nothing waits at all."""
        now, moments = self._runtime.clock(), list[datetime]()
        for name in self._runtime.object_platforms:

            def read(tx: Tx, platform: str = name) -> list[datetime | None]:
                return [wallet_objects.next_due_at(tx, platform, now), wallet_classes.next_due_at(tx, platform, now)]

            moments += [moment for moment in await self._runtime.database.read(read) if moment is not None]
        return max(0.0, (min(moments) - now).total_seconds()) if moments else None

    async def send_now(self, platform: ObjectPlatform, merchant_id: str, serial_number: str) -> Sent:
        """Bring one object up to date at once, for somebody who waits for it; class first."""
        await self._send_classes(platform, merchant_id)
        lease = Lease(self._runtime.instance, self._runtime.clock() + LEASE)
        row = await self._runtime.database.write(
            wallet_objects.claim_one, platform.name, serial_number, self._runtime.clock(), lease
        )
        if row is None:
            # Somebody else is writing it this moment; if it was there before, the link leads to it.
            return Sent(Verdict.RETRY, "somebody else is sending this card")
        sent = await self._send_object(
            platform, row, RateLimiter(self._runtime, merchant_id, platform.name), notify=False
        )
        if sent.lacks_class:
            await self._send_classes(platform, merchant_id, wanted=True)
            limiter = RateLimiter(self._runtime, merchant_id, platform.name)
            sent = await self._send_object(platform, row, limiter, notify=False)
        await self._settle(platform, merchant_id, [(row, sent)])
        return sent

    async def _send(self, platform: ObjectPlatform, merchant_id: str) -> int:
        classes = await self._send_classes(platform, merchant_id)
        batch = await self._claim(platform, merchant_id)
        if not batch.rows:
            return classes
        interval = self._runtime.call_interval
        limiters = [
            RateLimiter(self._runtime, merchant_id, platform.name, (batch.first_slot + place * interval,))
            for place in range(len(batch.rows))
        ]
        sent = await asyncio.gather(
            *(
                self._send_object(platform, row, limiter, notify=row.serial_number in batch.notifying)
                for row, limiter in zip(batch.rows, limiters, strict=True)
            )
        )
        await self._settle(platform, merchant_id, list(zip(batch.rows, sent, strict=True)))
        return classes + len(batch.rows)

    async def _claim(self, platform: ObjectPlatform, merchant_id: str) -> _Batch:
        """Lease what can be sent within about a second, so that whatever is more urgent comes soon after."""
        now, interval = self._runtime.clock(), self._runtime.call_interval
        limit = max(1, min(_AT_ONCE, timedelta(seconds=1) // interval)) if interval else _AT_ONCE
        lease = Lease(self._runtime.instance, now + LEASE)

        def write(tx: Tx) -> _Batch:
            rows = wallet_objects.claim(tx, platform.name, merchant_id, now, limit, lease)
            notifying = set[str]()
            for row in rows:
                recent = [moment for moment in row.notified if now - moment < _DAY]
                if row.notify and row.sent_hash not in {"", row.content_hash} and len(recent) < _NOTIFICATIONS:
                    wallet_objects.note_notified(tx, row, [*recent, now])
                    notifying.add(row.serial_number)
            changed = sum(row.content_hash != row.sent_hash for row in rows)
            first = rate_limits.reserve(tx, merchant_id, platform.name, now, changed, interval) if changed else now
            return _Batch(rows, frozenset(notifying), first)

        return await self._runtime.database.write(write)

    async def _send_object(
        self, platform: ObjectPlatform, row: ObjectRow, limiter: RateLimiter, *, notify: bool
    ) -> Sent:
        if row.document is None:
            return Sent(Verdict.RETRY, "not published yet")
        if row.content_hash == row.sent_hash:
            return Sent(Verdict.DONE, "unchanged")
        before = None if row.sent is None else zlib.decompress(row.sent)
        try:
            sent = await platform.send(
                row.merchant_id, zlib.decompress(row.document), before, limiter.wait, notify=notify
            )
        except SigningUnavailable as error:
            sent = Sent(Verdict.CHANNEL_FAILED, error.detail)
        if sent.is_too_fast:
            await limiter.slow_down(sent.retry_after_seconds)
        PUSHES.labels(platform.name, sent.verdict.value).inc()
        return sent

    async def _settle(
        self, platform: ObjectPlatform, merchant_id: str, attempts: Sequence[tuple[ObjectRow, Sent]]
    ) -> None:
        now = self._runtime.clock()

        def write(tx: Tx) -> None:
            channel = channels.channel(tx, merchant_id, platform.name)
            after = channel
            for row, sent in attempts:
                match sent.verdict:
                    case Verdict.DONE:
                        wallet_objects.settle_sent(tx, row, now, reason="")
                    case Verdict.CHANNEL_FAILED:
                        wallet_objects.settle_failed(tx, row, due=now, reason=sent.reason)
                        after = paused(after, now, sent.reason)
                    case Verdict.REFUSED:
                        log.error("object_refused", platform=platform.name, serial=row.serial_number, said=sent.reason)
                        wallet_objects.settle_failed(tx, row, due=None, reason=sent.reason)
                    case _:
                        due = now + self._pause(row, sent)
                        wallet_objects.settle_failed(tx, row, due=due, reason=sent.reason, attempts=row.attempts + 1)
            if any(sent.lacks_class for _, sent in attempts):
                wallet_classes.raise_due(tx, platform.name, merchant_id, now)
            if any(sent.verdict is Verdict.DONE and sent.reason != "unchanged" for _, sent in attempts):
                rate_limits.ease(tx, merchant_id, platform.name)
                if channel.pauses and after is channel:
                    channels.open_channel(tx, merchant_id, platform.name)
            if after is not channel:
                channels.store_channel(tx, after)
            tx.announce(TOPIC)

        await self._runtime.database.write(write)

    def _pause(self, row: ObjectRow, sent: Sent) -> timedelta:
        """Return how long an object is left alone that could not be sent."""
        if sent.lacks_class and row.attempts < _ATTEMPTS_SHOWN:
            return timedelta()
        pause = CALL_PAUSES.pause(row.attempts, self._runtime.jitter(), sent.retry_after_seconds)
        return timedelta(seconds=pause)

    async def _send_classes(self, platform: ObjectPlatform, merchant_id: str, *, wanted: bool = False) -> int:
        """Send the classes that are due; `wanted`: all of them, as the server lacks one."""
        now = self._runtime.clock()
        lease = Lease(self._runtime.instance, now + LEASE)

        def write(tx: Tx) -> list[ClassRow]:
            if wanted:
                wallet_classes.raise_due(tx, platform.name, merchant_id, now)
                wallet_classes.forget_sent(tx, platform.name, merchant_id)
            return wallet_classes.claim(tx, platform.name, merchant_id, now, lease)

        rows = await self._runtime.database.write(write)
        for row in rows:
            await self._send_class(platform, row)
        return len(rows)

    async def _send_class(self, platform: ObjectPlatform, row: ClassRow) -> None:
        limiter = RateLimiter(self._runtime, row.merchant_id, platform.name)
        try:
            program = ProgramShown(row.program_id, row.program_name, row.merchant_name)
            rendered = platform.render_class(row.merchant_id, row.template, program)
            if rendered.content_hash == row.sent_hash:
                await self._runtime.database.write(wallet_classes.settle_unchanged, row)
                return
            before = None if row.sent is None else zlib.decompress(row.sent)
            sent = await platform.send(row.merchant_id, rendered.document, before, limiter.wait, notify=False)
        except (SigningUnavailable, TemplateInvalid) as error:
            sent = Sent(Verdict.CHANNEL_FAILED, error.detail)
        if sent.verdict is Verdict.DONE:
            document, now = zlib.compress(rendered.document, _COMPRESSION), self._runtime.clock()
            await self._runtime.database.write(
                wallet_classes.settle_sent, row, document, rendered.content_hash, sent_at=now
            )
        else:
            await self._settle_failed_class(platform, row, sent)

    async def _settle_failed_class(self, platform: ObjectPlatform, row: ClassRow, sent: Sent) -> None:
        now = self._runtime.clock()
        if sent.verdict is Verdict.REFUSED:
            log.error("class_refused", platform=platform.name, program=row.program_id, said=sent.reason)

        def write(tx: Tx) -> None:
            if sent.verdict is Verdict.REFUSED:
                wallet_classes.settle_failed(tx, row, due=None, reason=sent.reason)
                return
            pause = CALL_PAUSES.pause(row.attempts, self._runtime.jitter(), sent.retry_after_seconds)
            due = now + timedelta(seconds=pause)
            wallet_classes.settle_failed(tx, row, due=due, reason=sent.reason, attempts=row.attempts + 1)
            if sent.verdict is Verdict.CHANNEL_FAILED:
                channel = channels.channel(tx, row.merchant_id, platform.name)
                channels.store_channel(tx, paused(channel, now, sent.reason))

        await self._runtime.database.write(write)
