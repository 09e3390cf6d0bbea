"""Delivery targets: what each was notified of, what is published for it, and when it may be notified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    Row,
    ScalarSelect,
    String,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)

from walletd.db.delivery.channels import paused_merchants
from walletd.db.delivery.devices import apple_devices, apple_registrations
from walletd.db.delivery.publishing import published_passes
from walletd.db.engine.base import Tx, merchant_column, metadata, moment
from walletd.db.engine.leases import Lease, LeaseQueue
from walletd.domain.calendar import milliseconds
from walletd.domain.delivery.publishing import Throttle

delivery_targets = Table(
    "delivery_targets",
    metadata,
    Column("platform", String(16), primary_key=True),
    Column("topic", String(160), primary_key=True),
    Column("device", String(160), primary_key=True),
    merchant_column(),
    Column("published_sequence", BigInteger, nullable=False),
    Column("told_sequence", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("leased_by", String(64)),
    Column("leased_until", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reminders", Integer, nullable=False),
    Column("score", Double, nullable=False),
    Column("told_at", BigInteger),
    Column("rejected_at", BigInteger),
    Column("last_reason", Text, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    Index(None, "merchant_id", "platform", "due_at"),
)


@dataclass(frozen=True, slots=True)
class TargetKey:
    """A target: for Apple a device with a pass type."""

    platform: str
    topic: str
    device: str


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A target's state."""

    key: TargetKey
    merchant_id: str
    published_sequence: int
    notified_sequence: int
    attempts: int
    throttle: Throttle
    address: str
    passes: int
    rejected_at: datetime | None
    """When the platform rejected the address without a proof that it was the address's fault."""
    needs_notification: bool
    """Whether the target may lack something that is published; a phone may have fetched it before its turn came."""


QUEUE: Final = LeaseQueue(delivery_targets)
_KEY = tuple_(delivery_targets.c.platform, delivery_targets.c.topic, delivery_targets.c.device)
_ENSURE = text(
    "INSERT INTO delivery_targets (platform, topic, device, merchant_id, published_sequence, told_sequence,"
    " leased_until, attempts, reminders, score, last_reason)"
    " VALUES (:platform, :topic, :device, :merchant_id, :sequence, :sequence, 0, 0, 0, 0, '')"
    " ON CONFLICT (platform, topic, device) DO NOTHING"
)
_RAISE = (
    update(delivery_targets)
    .where(
        delivery_targets.c.platform == bindparam("target_platform"),
        delivery_targets.c.topic == bindparam("target_topic"),
        delivery_targets.c.device == bindparam("target_device"),
    )
    .values(
        published_sequence=bindparam("sequence"),
        due_at=func.coalesce(delivery_targets.c.due_at, bindparam("due")),
        reminders=0,
    )
)


def ensure(tx: Tx, key: TargetKey, merchant_id: str, sequence: int) -> None:
    """Store a target that needs to be notified of nothing up to the sequence, unless it is known already."""
    tx.execute(
        _ENSURE,
        {
            "platform": key.platform,
            "topic": key.topic,
            "device": key.device,
            "merchant_id": merchant_id,
            "sequence": sequence,
        },
    )


def _passes_on_target() -> ScalarSelect[int]:
    here = and_(
        apple_registrations.c.topic == delivery_targets.c.topic,
        apple_registrations.c.device == delivery_targets.c.device,
    )
    return (
        select(func.count()).select_from(apple_registrations).where(here).correlate(delivery_targets).scalar_subquery()
    )


def holds_outdated(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that the target holds a pass of which it is not known to have what is published."""
    same_card = and_(
        published_passes.c.serial_number == apple_registrations.c.serial_number,
        published_passes.c.platform == delivery_targets.c.platform,
    )
    return (
        select(literal(1))
        .select_from(apple_registrations.join(published_passes, same_card))
        .where(
            apple_registrations.c.topic == delivery_targets.c.topic,
            apple_registrations.c.device == delivery_targets.c.device,
            apple_registrations.c.fetched_hash != published_passes.c.content_hash,
            *conditions,
        )
        .correlate(delivery_targets)
        .exists()
    )


_NEEDS_NOTIFICATION = holds_outdated(
    or_(delivery_targets.c.reminders > 0, published_passes.c.sequence > delivery_targets.c.told_sequence)
)
TARGETS = select(
    delivery_targets,
    apple_devices.c.push_token,
    _passes_on_target().label("passes"),
    _NEEDS_NOTIFICATION.label("needs_notification"),
).select_from(
    delivery_targets.outerjoin(
        apple_devices,
        and_(
            apple_devices.c.topic == delivery_targets.c.topic,
            apple_devices.c.device == delivery_targets.c.device,
            apple_devices.c.scheme == "ApplePass",  # other wallets' tokens are none of APNs' (W3)
        ),
    )
)


def load(tx: Tx, keys: Sequence[TargetKey]) -> list[TargetRow]:
    """Return the targets with their address and the number of passes on them."""
    wanted = [(key.platform, key.topic, key.device) for key in keys]
    return [to_target(row) for row in tx.execute(TARGETS.where(_KEY.in_(wanted)))]


def raise_targets(tx: Tx, raised: Sequence[tuple[TargetKey, int, datetime]]) -> None:
    """Store for each target the newest published sequence and when it may be notified, unless it is due sooner."""
    if raised:
        tx.execute(
            _RAISE,
            [
                {
                    "target_platform": key.platform,
                    "target_topic": key.topic,
                    "target_device": key.device,
                    "sequence": sequence,
                    "due": milliseconds(due),
                }
                for key, sequence, due in raised
            ],
        )


def merchants_with_due(tx: Tx, platform: str, now: datetime) -> list[str]:
    """Return the merchants that have a due target and an open channel."""
    return QUEUE.owners_with_due(tx, now, *_of_open_channels(platform, now))


def next_due_at(tx: Tx, platform: str, now: datetime) -> datetime | None:
    """Return when the next target with an open channel can be claimed."""
    return QUEUE.next_due(tx, now, *_of_open_channels(platform, now))


def claim(tx: Tx, platform: str, merchant_id: str, now: datetime, limit: int, lease: Lease) -> list[TargetRow]:
    """Lease up to `limit` due targets of a merchant; nobody else gets them until the lease ends."""
    mine = (delivery_targets.c.platform == platform, delivery_targets.c.merchant_id == merchant_id)
    keys = [TargetKey(row.platform, row.topic, row.device) for row in QUEUE.claim(tx, now, limit, lease, *mine)]
    return load(tx, keys) if keys else []


def is_target(key: TargetKey) -> tuple[Any, ...]:
    """Return the conditions that single out one target."""
    return (
        delivery_targets.c.platform == key.platform,
        delivery_targets.c.topic == key.topic,
        delivery_targets.c.device == key.device,
    )


def _of_open_channels(platform: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        delivery_targets.c.platform == platform,
        delivery_targets.c.merchant_id.not_in(paused_merchants(platform, now)),
    )


def to_target(row: Row[Any]) -> TargetRow:
    """Return the target of a row of `TARGETS`."""
    return TargetRow(
        key=TargetKey(row.platform, row.topic, row.device),
        merchant_id=row.merchant_id,
        published_sequence=row.published_sequence,
        notified_sequence=row.told_sequence,
        attempts=row.attempts,
        throttle=Throttle(row.score, moment(row.told_at)),
        address=row.push_token or "",
        passes=int(row.passes),
        rejected_at=moment(row.rejected_at),
        needs_notification=bool(row.needs_notification),
    )


def forget(tx: Tx, key: TargetKey) -> None:
    """Forget a target that does not exist any more."""
    tx.execute(delete(delivery_targets).where(*is_target(key)))
