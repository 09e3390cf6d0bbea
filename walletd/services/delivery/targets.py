"""Delivering: due targets are leased, notified with no transaction open, and settled.

A crash anywhere loses nothing: a target that was not settled is still due when its lease ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from walletd.db.cards import cards
from walletd.db.delivery import (
    channels,
    devices,
    phones,
    publish_counters,
    publishing,
    reminders,
    settlements,
)
from walletd.db.delivery import (
    targets as deliveries,
)
from walletd.db.delivery.channels import ChannelRow
from walletd.db.delivery.phones import PhoneRow
from walletd.db.delivery.publishing import PublishedPass
from walletd.db.delivery.targets import TargetRow
from walletd.db.engine.base import Tx
from walletd.db.engine.leases import Lease
from walletd.domain.delivery.publishing import (
    PUSH_PAUSES,
    REFUSED_PAUSES,
    REMINDER_LIMIT,
    REMINDER_PAUSES,
    PhoneState,
    after_push,
    due_at,
    update_tag,
)
from walletd.domain.errors import NotFound, SigningUnavailable
from walletd.domain.merchants.principals import Principal
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.services.delivery import card_status
from walletd.services.delivery.channels import paused
from walletd.services.runtime import Runtime
from walletd.telemetry import PUSHES, logger
from walletd.wallets import PushPlatform

_AT_ONCE: Final = 500
_PATIENCE_SECONDS: Final = 20
_LEASE: Final = timedelta(seconds=30)
"""Longer than anybody waits for a platform, so that nothing is notified twice at once."""
MASS_REJECTION: Final = 5
_STALE_AFTER: Final = timedelta(minutes=10)
_DEVICE_SHOWN: Final = 8

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class PhoneDelivery:
    """How far one phone has come with one card; tags as the phone knows them."""

    device: str
    wallet: str
    state: PhoneState
    published: str | None
    accepted: str | None
    listed: str | None
    fetched: str | None
    due_at: datetime | None
    last_reason: str
    registered_at: datetime


class Deliveries:
    """Use cases about delivery targets."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def deliver_due(self) -> int:
        """Tell what is due, all merchants side by side; return how many targets were worked on."""
        worked = 0
        for platform in self._runtime.platforms.values():
            now = self._runtime.clock()
            merchants = await self._runtime.database.read(
                deliveries.merchants_with_due,
                platform.name,
                now,
            )
            worked += sum(await asyncio.gather(*(self._deliver(platform, merchant) for merchant in merchants)))
        return worked

    async def seconds_until_due(self) -> float | None:
        """Return how long nothing is due, or None where nothing waits at all."""
        moments = [
            await self._runtime.database.read(
                deliveries.next_due_at,
                platform.name,
                self._runtime.clock(),
            )
            for platform in self._runtime.platforms.values()
        ]
        waiting = [moment for moment in moments if moment is not None]
        return max(0.0, (min(waiting) - self._runtime.clock()).total_seconds()) if waiting else None

    async def remind_stale(self) -> int:
        """Make targets due once more that were notified but did not fetch (N12); return how many."""
        now = self._runtime.clock()

        def write(tx: Tx) -> int:
            reminded = 0
            for count in range(REMINDER_LIMIT):
                before = now - timedelta(seconds=REMINDER_PAUSES.pause(count, self._runtime.jitter()))
                for target in reminders.stale(tx, notified_before=before, reminders=count, limit=_AT_ONCE):
                    reminders.remind(
                        tx, target.key, due_at(self._runtime.schedule, target.throttle, now, target.passes)
                    )
                    reminded += 1
            if reminded:
                tx.announce("deliver")
            return reminded

        return await self._runtime.database.write(write)

    async def of_card(self, by: Principal, serial_number: str) -> tuple[PhoneDelivery, ...]:
        """Return how far each phone has come with a card; raises NotFound."""

        def read(tx: Tx) -> tuple[PhoneDelivery, ...] | None:
            if cards.find(tx, by.merchant_id, serial_number) is None:
                return None
            published = publishing.published(tx, "apple", [serial_number]).get(serial_number)
            epoch, now = publish_counters.counter(tx, by.merchant_id).epoch, self._runtime.clock()
            return tuple(_phone(row, epoch, published, now) for row in phones.phones_of_card(tx, serial_number))

        found = await self._runtime.database.read(read)
        if found is None:
            raise NotFound("There is no card with this serial number.")
        return found

    async def _deliver(self, platform: PushPlatform, merchant_id: str) -> int:
        now = self._runtime.clock()
        lease = Lease(self._runtime.instance, now + _LEASE)
        targets = await self._runtime.database.write(deliveries.claim, platform.name, merchant_id, now, _AT_ONCE, lease)
        if not targets:
            return 0
        lacking = [target for target in targets if target.needs_notification and target.address]
        outcomes = await self._notify(platform, merchant_id, lacking)

        def settle(tx: Tx) -> None:
            now = self._runtime.clock()
            for target in targets:
                if target not in lacking:
                    settlements.settle_known(tx, target, now)
            self._settle(tx, platform, merchant_id, list(zip(lacking, outcomes, strict=True)), now)

        await self._runtime.database.write(settle)
        return len(targets)

    async def _notify(self, platform: PushPlatform, merchant_id: str, targets: Sequence[TargetRow]) -> list[Attempt]:
        if not targets:
            return []
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                outcomes = await platform.deliver(merchant_id, [target.address for target in targets])
        except SigningUnavailable as error:
            outcomes = [Attempt(Verdict.CHANNEL_FAILED, error.detail)] * len(targets)
        except TimeoutError:
            outcomes = [Attempt(Verdict.RETRY, "Timeout")] * len(targets)
        for outcome in outcomes:
            PUSHES.labels(platform.name, outcome.verdict.value).inc()
        return outcomes

    def _settle(
        self,
        tx: Tx,
        platform: PushPlatform,
        merchant_id: str,
        attempts: Sequence[tuple[TargetRow, Attempt]],
        now: datetime,
    ) -> None:
        before = channels.channel(tx, merchant_id, platform.name)
        after = before
        if any(outcome.verdict is Verdict.DONE for _, outcome in attempts):
            after = replace(before, paused_until=None, reason="", pauses=0, accepted_at=now, rejections=0)
        for target, outcome in attempts:
            match outcome.verdict:
                case Verdict.DONE:
                    throttle = after_push(target.throttle, now, target.passes)
                    settlements.settle_notified(
                        tx, target, throttle, due_at(self._runtime.schedule, throttle, now, target.passes)
                    )
                case Verdict.GONE:
                    self._drop(tx, target, outcome, now)
                case Verdict.REFUSED:
                    after = self._settle_rejected(tx, target, outcome, after, now)
                case Verdict.RETRY:
                    self._settle_retry(tx, target, outcome, now)
                case Verdict.CHANNEL_FAILED:
                    settlements.settle_failed(tx, target, due=now, reason=outcome.reason, attempts=target.attempts)
                    after = paused(after, now, outcome.reason)
        if after != before:
            if before.rejections < MASS_REJECTION <= after.rejections:
                log.error("mass_rejection", platform=platform.name, merchant=merchant_id, reason=after.reason)
            channels.store_channel(tx, after)
        tx.announce("deliver")

    def _settle_retry(self, tx: Tx, target: TargetRow, outcome: Attempt, now: datetime) -> None:
        pause = PUSH_PAUSES.pause(target.attempts, self._runtime.jitter(), outcome.retry_after_seconds)
        due = now + timedelta(seconds=pause)
        settlements.settle_failed(tx, target, due=due, reason=outcome.reason, attempts=target.attempts + 1)

    def _settle_rejected(
        self, tx: Tx, target: TargetRow, outcome: Attempt, channel: ChannelRow, now: datetime
    ) -> ChannelRow:
        """Drop a phone that Apple does not know, once it is proved that the fault is the phone's and not ours.

        The proof is a push that was accepted at the same time, or between this rejection and an earlier one. Without
        it the phone stays: a wrong host, certificate or topic rejects everybody (A3).
        """
        accepted_at, rejected_at = channel.accepted_at, target.rejected_at
        if accepted_at is not None and (accepted_at == now or (rejected_at is not None and accepted_at > rejected_at)):
            self._drop(tx, target, outcome, now)
            return channel
        due = now + timedelta(seconds=REFUSED_PAUSES.pause(target.attempts, 0.0))
        settlements.settle_rejected(tx, target, due=due, reason=outcome.reason, now=now)
        reason = f"{outcome.reason} for all phones since the last push that was accepted: look at certificate and host"
        return replace(channel, rejections=channel.rejections + 1, reason=reason)

    def _drop(self, tx: Tx, target: TargetRow, outcome: Attempt, now: datetime) -> None:
        """Forget a phone for its pass type, unless it registered again after the platform gave it up (A3)."""
        key, since = target.key, outcome.gone_since
        serial_numbers = devices.remove_device(tx, key.topic, key.device, push_token=target.address, not_after=since)
        if serial_numbers is None:
            self._settle_retry(tx, target, outcome, now)
            return
        deliveries.forget(tx, key)
        for serial_number in serial_numbers:
            card_status.note_removed(tx, target.merchant_id, serial_number, now)
        tx.invalidate(serial_numbers)


def _phone(row: PhoneRow, epoch: int, published: PublishedPass | None, now: datetime) -> PhoneDelivery:
    sequence, content_hash = (0, "") if published is None else (published.sequence, published.content_hash)

    def tag(value: int) -> str | None:
        return update_tag(epoch, value) if value else None

    state = PhoneState.CURRENT
    if row.due_at is not None:
        state = PhoneState.WAITING
    elif row.fetched_sequence < sequence and row.fetched_hash != content_hash and row.notified_at is not None:
        state = PhoneState.STALE if now - row.notified_at > _STALE_AFTER else PhoneState.ANNOUNCED
    return PhoneDelivery(
        device=row.device[:_DEVICE_SHOWN] + "…",
        wallet=row.scheme,
        state=state,
        published=tag(sequence),
        accepted=None if row.notified_at is None else tag(min(row.notified_sequence, sequence)),
        listed=tag(row.listed_sequence),
        fetched=tag(row.fetched_sequence),
        due_at=row.due_at,
        last_reason=row.last_reason,
        registered_at=row.registered_at,
    )
