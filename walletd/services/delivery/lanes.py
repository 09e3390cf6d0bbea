"""Lanes of deliveries: a merchant's way to a platform is paused where nothing can go through until it is mended."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from walletd.db.delivery.lanes import LaneRow
from walletd.telemetry import logger

_PAUSE_SECONDS: Final = 60
_PAUSE_LONGEST_SECONDS: Final = 3600

log = logger(__name__)


def paused(lane: LaneRow, now: int, reason: str) -> LaneRow:
    """Pause a lane, longer each time; its targets keep their attempts (P16)."""
    if lane.paused_until > now:
        return lane
    pause = min(_PAUSE_SECONDS * 2**lane.pauses, _PAUSE_LONGEST_SECONDS)
    log.error("delivery_lane_paused", platform=lane.platform, merchant=lane.merchant_id, reason=reason, seconds=pause)
    return replace(lane, paused_until=now + pause * 1000, reason=reason, pauses=lane.pauses + 1)
