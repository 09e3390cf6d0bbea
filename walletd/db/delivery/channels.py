"""Channels: whether a merchant's way to a platform is open. In their columns 0 is an instant that never was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, Select, String, Table, Text, select, text

from walletd.db.engine.base import Tx, metadata, moment, stored
from walletd.domain.calendar import milliseconds

delivery_channels = Table(
    "delivery_lanes",
    metadata,
    Column("merchant_id", String(30), primary_key=True),
    Column("platform", String(16), primary_key=True),
    Column("paused_until", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("pauses", Integer, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("rejections", Integer, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
)


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A merchant's way to one platform: open, or paused until a moment for a reason."""

    merchant_id: str
    platform: str
    paused_until: datetime | None = None
    reason: str = ""
    pauses: int = 0
    accepted_at: datetime | None = None
    """When the platform last accepted anything: what proves that host and certificate are right."""
    rejections: int = 0
    """Addresses that were rejected since."""


def channels(tx: Tx) -> list[ChannelRow]:
    """Return all channels that ever had trouble."""
    return [
        ChannelRow(
            merchant_id=row.merchant_id,
            platform=row.platform,
            paused_until=moment(row.paused_until or None),
            reason=row.reason,
            pauses=row.pauses,
            accepted_at=moment(row.accepted_at or None),
            rejections=row.rejections,
        )
        for row in tx.execute(select(delivery_channels))
    ]


_STORE_CHANNEL = text(
    "INSERT INTO delivery_lanes (merchant_id, platform, paused_until, reason, pauses, accepted_at, rejections)"
    " VALUES (:merchant_id, :platform, :paused_until, :reason, :pauses, :accepted_at, :rejections)"
    " ON CONFLICT (merchant_id, platform) DO UPDATE SET paused_until = excluded.paused_until,"
    " reason = excluded.reason, pauses = excluded.pauses, accepted_at = excluded.accepted_at,"
    " rejections = excluded.rejections"
)


def channel(tx: Tx, merchant_id: str, platform: str) -> ChannelRow:
    """Return a merchant's channel to a platform; an open one where it never had trouble."""
    for row in channels(tx):
        if (row.merchant_id, row.platform) == (merchant_id, platform):
            return row
    return ChannelRow(merchant_id, platform)


def open_channel(tx: Tx, merchant_id: str, platform: str) -> None:
    """Open a channel at once: what it was paused for was mended."""
    store_channel(tx, ChannelRow(merchant_id, platform))


def store_channel(tx: Tx, row: ChannelRow) -> None:
    """Store a channel."""
    tx.execute(
        _STORE_CHANNEL,
        {
            "merchant_id": row.merchant_id,
            "platform": row.platform,
            "paused_until": stored(row.paused_until) or 0,
            "reason": row.reason,
            "pauses": row.pauses,
            "accepted_at": stored(row.accepted_at) or 0,
            "rejections": row.rejections,
        },
    )


def paused_merchants(platform: str, at: datetime) -> Select[tuple[str]]:
    """Return the query of the merchants whose channel to a platform is paused at an instant."""
    return select(delivery_channels.c.merchant_id).where(
        delivery_channels.c.platform == platform, delivery_channels.c.paused_until > milliseconds(at)
    )
