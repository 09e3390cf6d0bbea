"""How often a merchant may call a wallet's server: slots, each for one call, given out to all processes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, String, Table, text

from walletd.db.engine.base import Tx, metadata
from walletd.domain.calendar import from_milliseconds, milliseconds

wallet_rate_limits = Table(
    "wallet_paces",
    metadata,
    Column("merchant_id", String(30), primary_key=True),
    Column("platform", String(16), primary_key=True),
    Column("next_at", BigInteger, nullable=False),
    Column("slowed", Integer, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
)

_RESERVE: Final = text(
    "INSERT INTO wallet_paces (merchant_id, platform, next_at, slowed)"
    " VALUES (:merchant, :platform, :now + :span, 0)"
    " ON CONFLICT (merchant_id, platform) DO UPDATE SET next_at ="
    " CASE WHEN wallet_paces.next_at > :now THEN wallet_paces.next_at ELSE :now END + :span"
    " RETURNING next_at"
)
_SLOW: Final = text(
    "UPDATE wallet_paces SET slowed = CASE WHEN slowed < 6 THEN slowed + 1 ELSE 6 END, next_at ="
    " CASE WHEN next_at > :now + :pause THEN next_at ELSE :now + :pause END"
    " WHERE merchant_id = :merchant AND platform = :platform RETURNING slowed"
)
_EASE: Final = text(
    "UPDATE wallet_paces SET slowed = 0 WHERE merchant_id = :merchant AND platform = :platform AND slowed > 0"
)


def reserve(tx: Tx, merchant_id: str, platform: str, now: datetime, slots: int, interval: timedelta) -> datetime:
    """Reserve so many slots, `interval` apart; return when the first one is."""
    span = slots * interval
    parameters = {"merchant": merchant_id, "platform": platform, "now": milliseconds(now), "span": _length(span)}
    return from_milliseconds(tx.execute(_RESERVE, parameters).scalar_one()) - span


def slow(tx: Tx, merchant_id: str, platform: str, now: datetime, pause: timedelta) -> None:
    """Give no slot for a while: the server wants fewer calls."""
    tx.execute(
        _SLOW, {"merchant": merchant_id, "platform": platform, "now": milliseconds(now), "pause": _length(pause)}
    )


def slowed(tx: Tx, merchant_id: str, platform: str) -> int:
    """Return how often in a row the server wanted fewer calls."""
    query = text("SELECT slowed FROM wallet_paces WHERE merchant_id = :merchant AND platform = :platform")
    found: int | None = tx.execute(query, {"merchant": merchant_id, "platform": platform}).scalar_one_or_none()
    return found or 0


def ease(tx: Tx, merchant_id: str, platform: str) -> None:
    """Note that the server takes calls again."""
    tx.execute(_EASE, {"merchant": merchant_id, "platform": platform})


def _length(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
