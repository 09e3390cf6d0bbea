"""Classes at wallets that keep cards on their own servers: one per program, what was sent of it and when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    select,
    text,
    update,
)

from walletd.db.cards.programs import programs
from walletd.db.engine.base import Tx, merchant_column, metadata, reference, stored
from walletd.db.engine.leases import Lease, LeaseQueue
from walletd.db.merchants.merchants import merchants
from walletd.domain.calendar import milliseconds


def target_columns() -> tuple[Column[Any], ...]:
    """Return the columns of whatever is brought to a document: what was sent of it, when it is due, who is at it."""
    return (
        merchant_column(),
        Column("told", LargeBinary),
        Column("told_hash", String(64), nullable=False),
        Column("told_at", BigInteger),
        Column("due_at", BigInteger),
        Column("leased_by", String(64)),
        Column("leased_until", BigInteger, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("last_reason", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )


wallet_classes = Table(
    "wallet_classes",
    metadata,
    Column("platform", String(16), primary_key=True),
    Column("program_id", String(30), primary_key=True),
    *target_columns(),
    reference("programs", "program_id"),
)

QUEUE: Final = LeaseQueue(wallet_classes)
_SETTLED: Final = {"due_at": None, "attempts": 0, "last_reason": ""}

_ENSURE: Final = text(
    "INSERT INTO wallet_classes (platform, program_id, merchant_id, told_hash, due_at, leased_until, attempts,"
    " last_reason, created_at)"
    " SELECT :platform, id, merchant_id, '', :now, 0, 0, '', :now FROM programs WHERE merchant_id = :merchant"
    " ON CONFLICT (platform, program_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0"
)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class with what it is made of."""

    platform: str
    program_id: str
    merchant_id: str
    program_name: str
    merchant_name: str
    template: str
    sent: bytes | None
    sent_hash: str
    attempts: int
    last_reason: str


_ROWS = (
    select(
        wallet_classes,
        programs.c.name.label("program_name"),
        programs.c.template,
        merchants.c.name.label("merchant_name"),
    )
    .join(programs, programs.c.id == wallet_classes.c.program_id)
    .join(merchants, merchants.c.id == wallet_classes.c.merchant_id)
)


def raise_due(tx: Tx, platform: str, merchant_id: str, now: datetime) -> None:
    """Make the classes of all programs of a merchant due, those that are not there yet too."""
    tx.execute(_ENSURE, {"platform": platform, "merchant": merchant_id, "now": milliseconds(now)})


def claim(tx: Tx, platform: str, merchant_id: str, now: datetime, lease: Lease) -> list[ClassRow]:
    """Lease a merchant's due classes."""
    mine = (wallet_classes.c.platform == platform, wallet_classes.c.merchant_id == merchant_id)
    return _named(tx, platform, [row.program_id for row in QUEUE.claim_whole(tx, now, lease, *mine)])


def of_merchant(tx: Tx, platform: str, merchant_id: str) -> list[ClassRow]:
    """Return all classes of a merchant."""
    query = _ROWS.where(wallet_classes.c.platform == platform, wallet_classes.c.merchant_id == merchant_id)
    return [_row(row) for row in tx.execute(query.order_by(wallet_classes.c.program_id))]


def settle_unchanged(tx: Tx, row: ClassRow) -> None:
    """Note that a class is at the server as it should be."""
    QUEUE.settle(tx, _SETTLED, *_is(row))


def settle_sent(tx: Tx, row: ClassRow, document: bytes, content_hash: str, sent_at: datetime) -> None:
    """Note that the server has the document of a class."""
    sent = {"told": document, "told_hash": content_hash, "told_at": milliseconds(sent_at)}
    QUEUE.settle(tx, {**_SETTLED, **sent}, *_is(row))


def settle_failed(tx: Tx, row: ClassRow, *, due: datetime | None, reason: str, attempts: int | None = None) -> None:
    """Give a class back that could not be sent; it is due again at `due`, or never where that is None.

    Its attempts stay as they are stored unless they are given.
    """
    counted = {} if attempts is None else {"attempts": attempts}
    QUEUE.settle(tx, {"due_at": stored(due), "last_reason": reason, **counted}, *_is(row))


def forget_sent(tx: Tx, platform: str, merchant_id: str) -> None:
    """Forget what was sent of the classes of a merchant: the server does not have them."""
    tx.execute(
        update(wallet_classes)
        .where(wallet_classes.c.platform == platform, wallet_classes.c.merchant_id == merchant_id)
        .values(told=None, told_hash="")
    )


def merchants_with_due(tx: Tx, platform: str, now: datetime) -> list[str]:
    """Return the merchants that have a due class."""
    return QUEUE.owners_with_due(tx, now, wallet_classes.c.platform == platform)


def next_due_at(tx: Tx, platform: str, now: datetime) -> datetime | None:
    """Return when the next class can be claimed."""
    return QUEUE.next_due(tx, now, wallet_classes.c.platform == platform)


def _is(row: ClassRow) -> tuple[ColumnElement[bool], ...]:
    return wallet_classes.c.platform == row.platform, wallet_classes.c.program_id == row.program_id


def _named(tx: Tx, platform: str, program_ids: list[str]) -> list[ClassRow]:
    if not program_ids:
        return []
    query = _ROWS.where(wallet_classes.c.platform == platform, wallet_classes.c.program_id.in_(program_ids))
    return [_row(row) for row in tx.execute(query)]


def _row(row: Row[Any]) -> ClassRow:
    return ClassRow(
        platform=row.platform,
        program_id=row.program_id,
        merchant_id=row.merchant_id,
        program_name=row.program_name,
        merchant_name=row.merchant_name,
        template=row.template,
        sent=row.told,
        sent_hash=row.told_hash,
        attempts=row.attempts,
        last_reason=row.last_reason,
    )
