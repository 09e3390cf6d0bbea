"""Lots and what consumed them: rows and the few ways in which a booking reads them.

`consumption_order` is the end of the validity, or a number beyond all times for a lot that never ends, so that one
index gives the lots of an account in the order in which they are consumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Row,
    String,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    text,
    tuple_,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, moment, partial_index, reference, stored
from walletd.db.engine.bulk import insert_rows, one_of, update_rows
from walletd.domain.calendar import milliseconds
from walletd.domain.ledger.balances import EXPIRING_SOON
from walletd.domain.ledger.entries import Entry
from walletd.domain.ledger.lots import Consumption, Lot

_NEVER: Final = 2**62
_PAGE: Final = 64

lots = Table(
    "lots",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("account_id", String(30), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("locked_until", BigInteger),
    Column("valid_until", BigInteger),
    Column("consumption_order", BigInteger, nullable=False),
    Column("noticed_at", BigInteger),
    CheckConstraint("remaining >= 0 AND remaining <= amount", name="remaining_within_amount"),
    CheckConstraint("reserved >= 0 AND reserved <= remaining", name="reserved_within_remaining"),
    reference("accounts", "account_id"),
    partial_index("ix_lots_open", "account_id", "consumption_order", "sequence", where="remaining > 0"),
    partial_index(
        "ix_lots_to_notice", "valid_until", where="remaining > 0 AND valid_until IS NOT NULL AND noticed_at IS NULL"
    ),
    partial_index("ix_lots_locked", "account_id", "locked_until", where="remaining > 0 AND locked_until IS NOT NULL"),
)

lot_consumptions = Table(
    "lot_consumptions",
    metadata,
    Column("account_id", String(30), primary_key=True),
    Column("entry_id", String(30), primary_key=True),
    Column("lot_id", String(30), primary_key=True),
    merchant_column(),
    Column("place", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount <> 0", name="amount_consumes"),
    reference("accounts", "account_id"),
)

_ACCOUNTS = one_of(lots.c.account_id, "accounts")
# Written out, not bound: an engine uses an index of the open lots only where it sees that no other is asked for.
_OPEN = lots.c.remaining > literal_column("0")
_ENDING = select(lots).where(_ACCOUNTS, _OPEN, lots.c.consumption_order <= bindparam("horizon"))
_LOCKED = select(lots).where(_ACCOUNTS, _OPEN, lots.c.locked_until > bindparam("now"))
_BY_ID = select(lots).where(one_of(lots.c.id, "ids"))
_FIRST_PAGE = (
    select(lots)
    .where(lots.c.account_id == bindparam("account"), _OPEN)
    .order_by(lots.c.consumption_order, lots.c.sequence)
    .limit(_PAGE)
)
_NEXT_PAGE = _FIRST_PAGE.where(
    tuple_(lots.c.consumption_order, lots.c.sequence) > tuple_(bindparam("order"), bindparam("after"))
)
_NEXT_END = (
    select(lots.c.account_id, func.min(lots.c.consumption_order).label("at"))
    .where(_ACCOUNTS, _OPEN, lots.c.consumption_order > bindparam("now"), lots.c.consumption_order < _NEVER)
    .group_by(lots.c.account_id)
)
_NEXT_UNLOCK = (
    select(lots.c.account_id, func.min(lots.c.locked_until).label("at"))
    .where(_ACCOUNTS, _OPEN, lots.c.locked_until > bindparam("now"))
    .group_by(lots.c.account_id)
)
_NEXT = _NEXT_END.subquery("next")
_ENDING_NEXT = (
    select(lots)
    .join(_NEXT, (_NEXT.c.account_id == lots.c.account_id) & (_NEXT.c.at == lots.c.consumption_order))
    .where(_OPEN)
)
_NET = text(
    "SELECT lot_id, min(place) AS place, sum(amount) AS amount FROM lot_consumptions"
    " WHERE account_id = :account AND entry_id IN"
    " (SELECT id FROM ledger_entries WHERE id = :entry OR (corrects = :entry AND kind = 'reversal'))"
    " GROUP BY lot_id ORDER BY min(place)"
)
_NOTICE = text(
    "UPDATE lots SET noticed_at = :now WHERE id IN (SELECT id FROM lots WHERE remaining > 0"
    " AND valid_until IS NOT NULL AND noticed_at IS NULL AND valid_until > :now AND valid_until <= :horizon"
    " LIMIT :limit)"
    " RETURNING account_id, merchant_id"
)


def ending_soon(tx: Tx, account_ids: Sequence[str], now: datetime) -> list[Lot]:
    """Return the open lots of accounts that have ended or end within 30 days."""
    if not account_ids:
        return []
    parameters = {"accounts": list(account_ids), "horizon": milliseconds(now + EXPIRING_SOON)}
    return [to_lot(row) for row in tx.rows(_ENDING, parameters)]


def ending_next(tx: Tx, account_ids: Sequence[str], now: datetime) -> list[Lot]:
    """Return those open lots of accounts that end next after now."""
    if not account_ids:
        return []
    rows = tx.execute(_ENDING_NEXT, {"accounts": list(account_ids), "now": milliseconds(now)})
    return [to_lot(row) for row in rows]


def locked(tx: Tx, account_ids: Sequence[str], now: datetime) -> list[Lot]:
    """Return the open lots of accounts that are locked now."""
    if not account_ids:
        return []
    return [to_lot(row) for row in tx.rows(_LOCKED, {"accounts": list(account_ids), "now": milliseconds(now)})]


def by_id(tx: Tx, lot_ids: Sequence[str]) -> list[Lot]:
    """Return lots, open or not."""
    if not lot_ids:
        return []
    return [to_lot(row) for row in tx.rows(_BY_ID, {"ids": list(lot_ids)})]


def in_consumption_order(tx: Tx, account_id: str) -> Iterator[list[Lot]]:
    """Yield the open lots of an account, those that end first first, page by page as they are asked for."""
    rows = tx.execute(_FIRST_PAGE, {"account": account_id}).all()
    while rows:
        yield [to_lot(row) for row in rows]
        last = rows[-1]
        if len(rows) < _PAGE:
            return
        rows = tx.execute(
            _NEXT_PAGE, {"account": account_id, "order": last.consumption_order, "after": last.sequence}
        ).all()


def next_ends(tx: Tx, account_ids: Sequence[str], now: datetime) -> dict[str, datetime | None]:
    """Return when the next open lot of each account ends after now."""
    return _moments(tx, _NEXT_END, account_ids, now)


def next_unlocks(tx: Tx, account_ids: Sequence[str], now: datetime) -> dict[str, datetime | None]:
    """Return when the next open lot of each account is unlocked after now."""
    return _moments(tx, _NEXT_UNLOCK, account_ids, now)


def net_consumptions(tx: Tx, entry: Entry) -> tuple[Consumption, ...]:
    """Return what an entry took of which lots, less what its reversals gave back."""
    rows = tx.execute(_NET, {"account": entry.account_id, "entry": entry.id})
    return tuple(Consumption(row.lot_id, int(row.amount)) for row in rows if row.amount)


def consumed_by(tx: Tx, account_id: str, entry_id: str) -> tuple[Consumption, ...]:
    """Return what an entry took of which lots, in order."""
    query = (
        select(lot_consumptions)
        .where(lot_consumptions.c.account_id == account_id, lot_consumptions.c.entry_id == entry_id)
        .order_by(lot_consumptions.c.place)
    )
    return tuple(Consumption(row.lot_id, row.amount) for row in tx.execute(query))


def insert(tx: Tx, merchant_of: dict[str, str], made: Sequence[Lot]) -> None:
    """Store new lots."""
    insert_rows(
        tx,
        lots,
        [
            {
                "id": lot.id,
                "merchant_id": merchant_of[lot.account_id],
                "account_id": lot.account_id,
                "sequence": lot.sequence,
                "amount": lot.amount,
                "remaining": lot.remaining,
                "reserved": lot.reserved,
                "locked_until": stored(lot.locked_until),
                "valid_until": stored(lot.valid_until),
                "consumption_order": _NEVER if lot.valid_until is None else milliseconds(lot.valid_until),
            }
            for lot in made
        ],
    )


def update(tx: Tx, changed: Sequence[Lot]) -> None:
    """Store what is left of lots, and what of it is reserved."""
    rows = [{"id": lot.id, "remaining": lot.remaining, "reserved": lot.reserved} for lot in changed]
    update_rows(tx, lots, rows)


def consume(tx: Tx, rows: Sequence[dict[str, object]]) -> None:
    """Append consumptions: rows of account_id, merchant_id, entry_id, lot_id, place, amount."""
    insert_rows(tx, lot_consumptions, rows)


def notice(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str]]:
    """Note of up to `limit` lots that their end within 30 days is shown; return their accounts and merchants."""
    parameters = {"now": milliseconds(now), "horizon": milliseconds(now + EXPIRING_SOON), "limit": limit}
    return [(row.account_id, row.merchant_id) for row in tx.execute(_NOTICE, parameters)]


def to_lot(row: Row[Any]) -> Lot:
    """Return the lot of a row that has all columns of the table."""
    return Lot(
        row.id,
        row.account_id,
        row.sequence,
        row.amount,
        row.remaining,
        row.reserved,
        moment(row.locked_until),
        moment(row.valid_until),
    )


def _moments(tx: Tx, query: Any, account_ids: Sequence[str], now: datetime) -> dict[str, datetime | None]:
    rows = tx.execute(query, {"accounts": list(account_ids), "now": milliseconds(now)})
    return {row.account_id: moment(row.at) for row in rows}
