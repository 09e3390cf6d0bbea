"""Checkpoints of the ledger and the heads that each of them covers, both appended only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, Row, String, Table, bindparam, func, select

from walletd.db.engine.base import Tx, metadata
from walletd.db.ledger.accounts import accounts
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.ledger.checkpoints import Checkpoint, Head, SignedCheckpoint

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created_at", BigInteger, nullable=False),
    Column("accounts", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("heads_digest", String(64), nullable=False),
    Column("previous_digest", String(64), nullable=False),
    Column("signature", String(88), nullable=False),
)
checkpoint_heads = Table(
    "checkpoint_heads",
    metadata,
    Column("account_id", String(30), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("number", Integer, nullable=False, index=True),
    Column("hash", String(64), nullable=False),
    Column("new", BigInteger, nullable=False),
)

_PAGE: Final = 500
_ANCHORED = (
    select(func.coalesce(func.max(checkpoint_heads.c.sequence), 0))
    .where(checkpoint_heads.c.account_id == accounts.c.id)
    .correlate(accounts)
    .scalar_subquery()
)
_CHANGED = (
    select(accounts.c.id, accounts.c.sequence, accounts.c.head_hash, _ANCHORED.label("anchored"))
    .where(accounts.c.id > bindparam("first"), accounts.c.id <= bindparam("last"), accounts.c.sequence > _ANCHORED)
    .order_by(accounts.c.id)
)


def changed_heads(tx: Tx, after: str, last: str) -> list[Head]:
    """Return the heads of the accounts of a range of ids that have entries no checkpoint covers, in order."""
    return [
        Head(account_id=row.id, sequence=row.sequence, hash=row.head_hash, new=row.sequence - row.anchored)
        for row in tx.execute(_CHANGED, {"first": after, "last": last})
    ]


def newest(tx: Tx) -> SignedCheckpoint | None:
    """Return the newest checkpoint."""
    row = tx.execute(select(checkpoints).order_by(checkpoints.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else _checkpoint(row)


def insert(tx: Tx, signed: SignedCheckpoint, heads: Sequence[Head]) -> None:
    """Store a checkpoint with its heads; raises Conflict where another process took its number."""
    values = asdict(signed.checkpoint) | {"created_at": milliseconds(signed.checkpoint.created_at)}
    tx.execute(checkpoints.insert(), values | {"signature": signed.signature})
    tx.execute(checkpoint_heads.insert(), [asdict(head) | {"number": signed.checkpoint.number} for head in heads])


def after(tx: Tx, number: int) -> list[SignedCheckpoint]:
    """Return the checkpoints that follow a number, in order, a page of them."""
    query = select(checkpoints).where(checkpoints.c.number > number).order_by(checkpoints.c.number).limit(_PAGE)
    return [_checkpoint(row) for row in tx.execute(query)]


def heads_of(tx: Tx, number: int) -> Iterator[Head]:
    """Yield the heads that a checkpoint covers, in order of their account."""
    query = select(checkpoint_heads).where(checkpoint_heads.c.number == number).order_by(checkpoint_heads.c.account_id)
    for row in tx.execute(query):
        yield Head(account_id=row.account_id, sequence=row.sequence, hash=row.hash, new=row.new)


def _checkpoint(row: Row[Any]) -> SignedCheckpoint:
    return SignedCheckpoint(
        Checkpoint(
            number=row.number,
            created_at=from_milliseconds(row.created_at),
            accounts=row.accounts,
            entries=row.entries,
            heads_digest=row.heads_digest,
            previous_digest=row.previous_digest,
        ),
        row.signature,
    )
