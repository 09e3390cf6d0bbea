"""What happened between a customer and the shop: ledger entries of the accounts, and entries of the audit log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select, tuple_

from walletd.db.cards.cards import cards
from walletd.db.engine.base import Tx
from walletd.db.ledger.accounts import accounts
from walletd.db.ledger.entries import ledger_entries, to_pair, transactions, with_transaction
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.errors import CursorInvalid
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.merchants.audit import MOVES
from walletd.domain.pages import decode_cursor, encode_cursor


def position_of(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the moment and the id that a cursor names, None without one; raises CursorInvalid."""
    match decode_cursor(cursor, 2):
        case None:
            return None
        case (int(at), str(row_id)):
            try:
                return from_milliseconds(at), row_id
            except OverflowError as error:
                raise CursorInvalid from error
    raise CursorInvalid


def cursor_at(at: datetime, row_id: str) -> str:
    """Return the cursor that names what happened at a moment, by its id."""
    return encode_cursor(milliseconds(at), row_id)


def accounts_of(tx: Tx, customer_ids: Collection[str]) -> list[str]:
    """Return the accounts of customers."""
    query = select(accounts.c.id).where(accounts.c.customer_id.in_(list(customer_ids)))
    return sorted(tx.execute(query).scalars())


def cards_of(tx: Tx, customer_ids: Collection[str]) -> list[str]:
    """Return the serial numbers of the cards of customers."""
    query = select(cards.c.serial_number).where(cards.c.customer_id.in_(list(customer_ids)))
    return sorted(tx.execute(query).scalars())


def entries(
    tx: Tx, account_ids: Sequence[str], before: tuple[datetime, str] | None, limit: int
) -> list[tuple[Entry, Transaction]]:
    """Return the newest entries of each account, up to `limit` of each; `before` is the moment and id to go on from."""
    found = list[tuple[Entry, Transaction]]()
    for account_id in account_ids:
        query = with_transaction().where(ledger_entries.c.account_id == account_id)
        if before is not None:
            at, entry_id = before
            query = query.where(
                tuple_(ledger_entries.c.created_at, ledger_entries.c.id) < tuple_(milliseconds(at), entry_id)
            )
        rows = tx.execute(query.order_by(ledger_entries.c.sequence.desc()).limit(limit))
        found += [to_pair(row) for row in rows]
    return found


def count_entries(tx: Tx, account_ids: Collection[str]) -> int:
    """Return how many entries accounts have, which their sequence counts."""
    query = select(func.coalesce(func.sum(accounts.c.sequence), 0)).where(accounts.c.id.in_(list(account_ids)))
    return int(tx.execute(query).scalar_one())


def total_turnover(tx: Tx, account_ids: Collection[str]) -> int:
    """Return what was bought on accounts and not taken back; a merged account gave its turnover away."""
    query = select(func.coalesce(func.sum(accounts.c.turnover), 0)).where(accounts.c.id.in_(list(account_ids)))
    return int(tx.execute(query).scalar_one())


def newest(tx: Tx, account_ids: Sequence[str], *, bought: bool, but_by: Collection[str]) -> tuple[datetime, int] | None:
    """Return moment and turnover of the newest entry: of those with turnover, or of all that others booked."""
    found = list[tuple[datetime, int]]()
    for account_id in account_ids:
        query = (
            select(ledger_entries.c.created_at, ledger_entries.c.turnover)
            .join(transactions, transactions.c.id == ledger_entries.c.transaction_id)
            .where(
                ledger_entries.c.account_id == account_id,
                transactions.c.type.not_in(MOVES),
                ledger_entries.c.turnover != 0 if bought else transactions.c.actor.not_in(list(but_by)),
            )
            .order_by(ledger_entries.c.sequence.desc())
            .limit(1)
        )
        row = tx.execute(query).first()
        if row is not None:
            found.append((from_milliseconds(row.created_at), row.turnover))
    return max(found, default=None)
