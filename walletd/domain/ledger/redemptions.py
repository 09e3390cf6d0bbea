"""Redemptions: a reservation of exactly 15 minutes that is captured, released or discarded (D2.3.6, D-22)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from walletd.domain.errors import HoldClosed, HoldExceeded, HoldExpired
from walletd.domain.ledger.lots import Consumption

HOLD: Final = timedelta(minutes=15)


class RedemptionState(StrEnum):
    """What became of an amount that was held for a till; `discarded` is one whose time was over."""

    RESERVED = "reserved"
    CAPTURED = "captured"
    RELEASED = "released"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Redemption:
    """An amount of an account that is held for a till."""

    code: str
    merchant_id: str
    account_id: str
    serial_number: str
    amount: int
    state: RedemptionState
    allocations: tuple[Consumption, ...]
    """What of which lot is held."""
    reference: str | None
    created_at: datetime
    captured: int = 0
    closed_at: datetime | None = None
    transaction_id: str | None = None
    """The transaction that captured it."""

    @property
    def expires_at(self) -> datetime:
        """Return the first instant at which it can no longer be captured."""
        return self.created_at + HOLD

    def has_expired(self, now: datetime) -> bool:
        """Say whether it is open but past its time, whether or not that was booked yet."""
        return self.state == RedemptionState.RESERVED and self.expires_at <= now


def check_capture(redemption: Redemption, amount: int, now: datetime) -> None:
    """Raise HoldExpired, HoldClosed or HoldExceeded where this much cannot be captured now (B13)."""
    _check_open(redemption, now)
    if amount > redemption.amount:
        raise HoldExceeded(held=redemption.amount, requested=amount)


def check_release(redemption: Redemption, now: datetime) -> None:
    """Raise HoldExpired or HoldClosed where there is nothing to release."""
    _check_open(redemption, now)


def _check_open(redemption: Redemption, now: datetime) -> None:
    if redemption.state == RedemptionState.DISCARDED or redemption.has_expired(now):
        raise HoldExpired
    if redemption.state != RedemptionState.RESERVED:
        raise HoldClosed(state=redemption.state)
