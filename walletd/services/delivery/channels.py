"""Channels of deliveries: a merchant's way to a platform is paused where nothing can go through until it is mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from walletd.db.delivery.channels import ChannelRow
from walletd.domain.delivery.publishing import CHANNEL_PAUSES
from walletd.telemetry import logger

log = logger(__name__)


def paused(channel: ChannelRow, now: datetime, reason: str) -> ChannelRow:
    """Pause a channel, longer each time; its targets keep their attempts (P16)."""
    if channel.paused_until is not None and channel.paused_until > now:
        return channel
    pause = int(CHANNEL_PAUSES.pause(channel.pauses, 0.0))
    log.error(
        "delivery_channel_paused", platform=channel.platform, merchant=channel.merchant_id, reason=reason, seconds=pause
    )
    return replace(channel, paused_until=now + timedelta(seconds=pause), reason=reason, pauses=channel.pauses + 1)
