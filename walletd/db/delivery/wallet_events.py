"""Events from wallets' servers: each nonce once, kept as long as it could come again (G4.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Index, String, Table, text

from walletd.db.engine.base import Tx, metadata
from walletd.domain.calendar import milliseconds

wallet_events = Table(
    "wallet_events",
    metadata,
    Column("platform", String(16), primary_key=True),
    Column("nonce", String(200), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

_TAKE: Final = text(
    "INSERT INTO wallet_events (platform, nonce, expires_at) VALUES (:platform, :nonce, :expires)"
    " ON CONFLICT (platform, nonce) DO NOTHING"
)
_PURGE: Final = text(
    "DELETE FROM wallet_events WHERE (platform, nonce) IN"
    " (SELECT platform, nonce FROM wallet_events WHERE expires_at < :before LIMIT :limit)"
)


def take(tx: Tx, platform: str, nonce: str, expires_at: datetime) -> bool:
    """Note a nonce; False where it came before."""
    expires = milliseconds(expires_at)
    return tx.execute(_TAKE, {"platform": platform, "nonce": nonce, "expires": expires}).rowcount == 1


def purge(tx: Tx, before: datetime, limit: int) -> int:
    """Forget up to `limit` nonces that ended before an instant; return how many."""
    return tx.execute(_PURGE, {"before": milliseconds(before), "limit": limit}).rowcount
