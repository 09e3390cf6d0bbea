"""Lanes of deliveries: a merchant's way to a platform is paused where nothing can go through until it is mended."""

from __future__ import annotations

from dataclasses import replace

from walletd.db.delivery.lanes import LaneRow
from walletd.domain.delivery.publishing import CHANNEL_PAUSES
from walletd.telemetry import logger

log = logger(__name__)


def paused(lane: LaneRow, now: int, reason: str) -> LaneRow:
    """Pause a lane, longer each time; its targets keep their attempts (P16)."""
    if lane.paused_until > now:
        return lane
    pause = int(CHANNEL_PAUSES.pause(lane.pauses, 0.0))
    log.error("delivery_lane_paused", platform=lane.platform, merchant=lane.merchant_id, reason=reason, seconds=pause)
    return replace(lane, paused_until=now + pause * 1000, reason=reason, pauses=lane.pauses + 1)
