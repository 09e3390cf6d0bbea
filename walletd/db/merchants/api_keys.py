"""API keys: only the hash of the secret is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKeyConstraint, Row, String, Table, Text, select, update

from walletd.db.engine.base import Tx, merchant_column, metadata
from walletd.domain.calendar import from_milliseconds, milliseconds

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("name", Text, nullable=False),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
)


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key as stored."""

    id: str
    merchant_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def insert(tx: Tx, row: ApiKeyRow, secret_hash: str) -> None:
    """Store a new key."""
    tx.execute(
        api_keys.insert(),
        {
            "id": row.id,
            "merchant_id": row.merchant_id,
            "name": row.name,
            "secret_hash": secret_hash,
            "scopes": list(row.scopes),
            "created_at": milliseconds(row.created_at),
        },
    )


def find(tx: Tx, secret_hash: str) -> ApiKeyRow | None:
    """Return the key with this hash of its secret, unless it is revoked."""
    row = tx.execute(
        select(api_keys).where(api_keys.c.secret_hash == secret_hash, api_keys.c.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else _row(row)


def of_merchant(tx: Tx, merchant_id: str) -> list[ApiKeyRow]:
    """Return all keys of a merchant, revoked ones too."""
    rows = tx.execute(select(api_keys).where(api_keys.c.merchant_id == merchant_id).order_by(api_keys.c.id))
    return [_row(row) for row in rows]


def revoke(tx: Tx, merchant_id: str, key_id: str, now: datetime) -> bool:
    """Revoke a key; False where the merchant has no such living key."""
    changed = tx.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.merchant_id == merchant_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=milliseconds(now))
    )
    return changed.rowcount == 1


def _row(row: Row[Any]) -> ApiKeyRow:
    return ApiKeyRow(
        id=row.id,
        merchant_id=row.merchant_id,
        name=row.name,
        scopes=tuple(row.scopes),
        created_at=from_milliseconds(row.created_at),
        revoked_at=None if row.revoked_at is None else from_milliseconds(row.revoked_at),
    )
