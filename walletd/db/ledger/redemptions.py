"""Redemptions: what is held for a till, and until when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Row,
    String,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
    select,
)

from walletd.db.engine.base import Tx, metadata, moment, partial_index, reference, stored
from walletd.db.engine.bulk import insert_rows, one_of, one_of_rows, update_rows
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.ledger.lots import Consumption
from walletd.domain.ledger.redemptions import HOLD, Redemption, RedemptionState

redemptions = Table(
    "redemptions",
    metadata,
    Column("merchant_id", String(30), primary_key=True),
    Column("code", String(16), primary_key=True),
    Column("account_id", String(30), nullable=False),
    Column("serial_number", String(26), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("allocations", JSON, nullable=False),
    Column("reference", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("transaction_id", String(30)),
    reference("accounts", "account_id"),
    partial_index("ix_redemptions_open", "account_id", "created_at", where="state = 'reserved'"),
)

_OF_ACCOUNTS = one_of(redemptions.c.account_id, "accounts")
_IS_OPEN = redemptions.c.state == literal_column(f"'{RedemptionState.RESERVED}'")
_BY_CODES = select(redemptions).where(one_of_rows([redemptions.c.merchant_id, redemptions.c.code], "places"))
_STALE = select(redemptions).where(_OF_ACCOUNTS, _IS_OPEN, redemptions.c.created_at <= bindparam("held_since"))
_NEXT_END = (
    select(redemptions.c.account_id, func.min(redemptions.c.created_at).label("since"))
    .where(_OF_ACCOUNTS, _IS_OPEN, redemptions.c.created_at > bindparam("held_since"))
    .group_by(redemptions.c.account_id)
)


def find(tx: Tx, merchant_id: str, code: str) -> Redemption | None:
    """Return a merchant's redemption."""
    return by_code(tx, {(merchant_id, code)}).get((merchant_id, code))


def by_code(tx: Tx, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], Redemption]:
    """Return the redemptions with these merchants and codes."""
    rows = tx.execute(_BY_CODES, {"places": places})
    return {(row.merchant_id, row.code): _redemption(row) for row in rows}


def stale(tx: Tx, account_ids: Sequence[str], now: datetime) -> list[Redemption]:
    """Return the open redemptions of accounts whose time is over."""
    rows = tx.execute(_STALE, _held_since(account_ids, now))
    return [_redemption(row) for row in rows]


def next_ends(tx: Tx, account_ids: Sequence[str], now: datetime) -> dict[str, datetime]:
    """Return when the next open redemption of each account ends after now."""
    rows = tx.execute(_NEXT_END, _held_since(account_ids, now))
    return {row.account_id: from_milliseconds(row.since) + HOLD for row in rows}


def insert(tx: Tx, made: Sequence[Redemption]) -> None:
    """Store new redemptions."""
    insert_rows(
        tx,
        redemptions,
        [
            {
                "merchant_id": item.merchant_id,
                "code": item.code,
                "account_id": item.account_id,
                "serial_number": item.serial_number,
                "amount": item.amount,
                "captured": item.captured,
                "state": item.state,
                "allocations": [[part.lot_id, part.amount] for part in item.allocations],
                "reference": item.reference,
                "created_at": milliseconds(item.created_at),
                "closed_at": stored(item.closed_at),
                "transaction_id": item.transaction_id,
            }
            for item in made
        ],
    )


def update(tx: Tx, changed: Sequence[Redemption]) -> None:
    """Store the state of redemptions."""
    update_rows(
        tx,
        redemptions,
        [
            {
                "merchant_id": item.merchant_id,
                "code": item.code,
                "state": item.state,
                "captured": item.captured,
                "closed_at": stored(item.closed_at),
                "transaction_id": item.transaction_id,
            }
            for item in changed
        ],
    )


def _redemption(row: Row[Any]) -> Redemption:
    return Redemption(
        code=row.code,
        merchant_id=row.merchant_id,
        account_id=row.account_id,
        serial_number=row.serial_number,
        amount=row.amount,
        state=RedemptionState(row.state),
        allocations=tuple(Consumption(lot_id, amount) for lot_id, amount in row.allocations),
        reference=row.reference,
        created_at=from_milliseconds(row.created_at),
        captured=row.captured,
        closed_at=moment(row.closed_at),
        transaction_id=row.transaction_id,
    )


def _held_since(account_ids: Sequence[str], now: datetime) -> dict[str, object]:
    """Return the parameters that tell the redemptions whose time is over from those that still run."""
    return {"accounts": list(account_ids), "held_since": milliseconds(now - HOLD)}
