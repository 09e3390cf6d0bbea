"""How fast a merchant may call a wallet's server: one clock of turns, shared by all processes over the database."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, String, Table, text

from walletd.db.engine.base import Tx, metadata

wallet_paces = Table(
    "wallet_paces",
    metadata,
    Column("merchant_id", String(30), primary_key=True),
    Column("platform", String(16), primary_key=True),
    Column("next_at", BigInteger, nullable=False),
    Column("slowed", Integer, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
)

_TAKE: Final = text(
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


def take(tx: Tx, merchant_id: str, platform: str, now: int, turns: int, interval: int) -> int:
    """Take so many turns, `interval` apart; return when the first one is, in milliseconds."""
    span = turns * interval
    parameters = {"merchant": merchant_id, "platform": platform, "now": now, "span": span}
    end: int = tx.execute(_TAKE, parameters).scalar_one()
    return end - span


def slow(tx: Tx, merchant_id: str, platform: str, now: int, pause: int) -> None:
    """Give no turn for a while: the server wants fewer calls."""
    tx.execute(_SLOW, {"merchant": merchant_id, "platform": platform, "now": now, "pause": pause})


def slowed(tx: Tx, merchant_id: str, platform: str) -> int:
    """Return how often in a row the server wanted fewer calls."""
    query = text("SELECT slowed FROM wallet_paces WHERE merchant_id = :merchant AND platform = :platform")
    found: int | None = tx.execute(query, {"merchant": merchant_id, "platform": platform}).scalar_one_or_none()
    return found or 0


def ease(tx: Tx, merchant_id: str, platform: str) -> None:
    """Note that the server takes calls again."""
    tx.execute(_EASE, {"merchant": merchant_id, "platform": platform})
