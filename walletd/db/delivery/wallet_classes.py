"""Classes at wallets that keep cards on their own servers: one per program, what it was told and when it is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)

from walletd.db.cards.programs import programs
from walletd.db.engine.base import Lease, Tx, merchant_column, metadata, reference
from walletd.db.merchants.merchants import merchants


def target_columns() -> tuple[Column[Any], ...]:
    """Return the columns of whatever is brought to a document: what it was told, when it is due, who is at it."""
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

_ENSURE: Final = text(
    "INSERT INTO wallet_classes (platform, program_id, merchant_id, told_hash, due_at, leased_until, attempts,"
    " last_reason, created_at)"
    " SELECT :platform, id, merchant_id, '', :now, 0, 0, '', :now FROM programs WHERE merchant_id = :merchant"
    " ON CONFLICT (platform, program_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0"
)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class with what it is made of; instants in milliseconds."""

    platform: str
    program_id: str
    merchant_id: str
    program_name: str
    merchant_name: str
    template: str
    told: bytes | None
    told_hash: str
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


def want_all(tx: Tx, platform: str, merchant_id: str, now: int) -> None:
    """Make the classes of all programs of a merchant due, those that are not there yet too."""
    tx.execute(_ENSURE, {"platform": platform, "merchant": merchant_id, "now": now})


def claim(tx: Tx, platform: str, merchant_id: str, now: int, lease: Lease) -> list[ClassRow]:
    """Lease a merchant's due classes."""
    names = tx.execute(
        update(wallet_classes)
        .where(
            wallet_classes.c.platform == platform,
            wallet_classes.c.merchant_id == merchant_id,
            wallet_classes.c.due_at <= now,
            or_(wallet_classes.c.leased_until == 0, wallet_classes.c.leased_until < now),
        )
        .values(leased_by=lease.holder, leased_until=lease.until)
        .returning(wallet_classes.c.program_id)
    ).scalars()
    return _named(tx, platform, list(names))


def of_merchant(tx: Tx, platform: str, merchant_id: str) -> list[ClassRow]:
    """Return all classes of a merchant."""
    query = _ROWS.where(wallet_classes.c.platform == platform, wallet_classes.c.merchant_id == merchant_id)
    return [_row(row) for row in tx.execute(query.order_by(wallet_classes.c.program_id))]


def settle(tx: Tx, row: ClassRow, outcome: Mapping[str, object]) -> None:
    """Store what became of a class and give its lease back; `outcome` names columns."""
    tx.execute(
        update(wallet_classes)
        .where(wallet_classes.c.platform == row.platform, wallet_classes.c.program_id == row.program_id)
        .values(leased_by=None, leased_until=0, **outcome)
    )


def forget_told(tx: Tx, platform: str, merchant_id: str) -> None:
    """Forget what the classes of a merchant were told: the server does not have them."""
    tx.execute(
        update(wallet_classes)
        .where(wallet_classes.c.platform == platform, wallet_classes.c.merchant_id == merchant_id)
        .values(told=None, told_hash="")
    )


def merchants_with_due(tx: Tx, platform: str, now: int) -> list[str]:
    """Return the merchants that have a due class."""
    query = select(wallet_classes.c.merchant_id).where(
        wallet_classes.c.platform == platform, wallet_classes.c.due_at <= now
    )
    return list(tx.execute(query.distinct()).scalars())


def next_due_at(tx: Tx, platform: str) -> int | None:
    """Return when the next class is due."""
    query = select(func.min(wallet_classes.c.due_at)).where(wallet_classes.c.platform == bindparam("platform"))
    moment: int | None = tx.execute(query, {"platform": platform}).scalar_one()
    return moment


def release_all(tx: Tx) -> None:
    """End every lease: for the start of a process that is the only one."""
    tx.execute(update(wallet_classes).where(wallet_classes.c.leased_until > 0).values(leased_by=None, leased_until=0))


def _named(tx: Tx, platform: str, program_ids: list[str]) -> list[ClassRow]:
    if not program_ids:
        return []
    query = _ROWS.where(wallet_classes.c.platform == platform, wallet_classes.c.program_id.in_(program_ids))
    return [_row(row) for row in tx.execute(query)]


def _row(row: Row[Any]) -> ClassRow:
    return ClassRow(
        row.platform,
        row.program_id,
        row.merchant_id,
        row.program_name,
        row.merchant_name,
        row.template,
        row.told,
        row.told_hash,
        row.attempts,
        row.last_reason,
    )
