"""The books: transactions, ledger entries and the idempotency records that belong to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Row, String, Table, Text, func, select

from walletd.db.base import Tx, merchant_column, metadata, reference
from walletd.db.pages import fetch_page
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.ledger import Entry
from walletd.domain.pages import Page, PageRequest

transactions = Table(
    "transactions",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("serial_number", String(26), nullable=False),
    Column("account_id", String(30), nullable=False),
    Column("type", String(16), nullable=False),
    Column("purchase_total", BigInteger),
    Column("reference", Text),
    Column("reason", Text),
    Column("actor", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    reference("accounts", "account_id"),
)


ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("account_id", String(30), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),
    merchant_column(),
    Column("transaction_id", String(30), nullable=False),
    Column("merchant_account", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("currency", String(3)),
    Column("balance_after", BigInteger, nullable=False),
    Column("corrects", String(30)),
    Column("created_at", BigInteger, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    CheckConstraint("amount <> 0", name="amount_moves"),
    CheckConstraint("balance_after >= 0", name="balance_not_negative"),
    reference("accounts", "account_id"),
    Index(None, "transaction_id"),
)


_INSERT_ENTRY = ledger_entries.insert()
_INSERT_TRANSACTION = transactions.insert()


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A transaction as stored: what was asked for, by whom."""

    id: str
    merchant_id: str
    serial_number: str
    account_id: str
    type: str
    purchase_total: int | None
    reference: str | None
    reason: str | None
    actor: str
    created_at: datetime


def append(tx: Tx, merchant_id: str, entry: Entry) -> None:
    """Append an entry."""
    tx.execute(
        _INSERT_ENTRY,
        {
            "account_id": entry.account_id,
            "sequence": entry.sequence,
            "id": entry.id,
            "merchant_id": merchant_id,
            "transaction_id": entry.transaction_id,
            "merchant_account": entry.merchant_account,
            "kind": entry.kind,
            "amount": entry.amount,
            "unit": entry.unit,
            "currency": entry.currency,
            "balance_after": entry.balance_after,
            "created_at": milliseconds(entry.created_at),
            "previous_hash": entry.previous_hash,
            "hash": entry.hash,
        },
    )


def insert_transaction(tx: Tx, row: TransactionRow) -> None:
    """Store a transaction."""
    tx.execute(
        _INSERT_TRANSACTION,
        {
            "id": row.id,
            "merchant_id": row.merchant_id,
            "serial_number": row.serial_number,
            "account_id": row.account_id,
            "type": row.type,
            "purchase_total": row.purchase_total,
            "reference": row.reference,
            "reason": row.reason,
            "actor": row.actor,
            "created_at": milliseconds(row.created_at),
        },
    )


def find_transaction(tx: Tx, merchant_id: str, transaction_id: str) -> tuple[TransactionRow, list[Entry]] | None:
    """Return a merchant's transaction with its entries."""
    row = tx.execute(
        select(transactions).where(transactions.c.id == transaction_id, transactions.c.merchant_id == merchant_id)
    ).one_or_none()
    if row is None:
        return None
    found = TransactionRow(
        row.id,
        row.merchant_id,
        row.serial_number,
        row.account_id,
        row.type,
        row.purchase_total,
        row.reference,
        row.reason,
        row.actor,
        from_milliseconds(row.created_at),
    )
    query = select(ledger_entries).where(ledger_entries.c.transaction_id == transaction_id)
    return found, [_entry(entry) for entry in tx.execute(query.order_by(ledger_entries.c.sequence))]


def page(tx: Tx, merchant_id: str, account_id: str, request: PageRequest) -> Page[Entry]:
    """Return a page of an account's entries, the newest first unless asked otherwise."""
    query = select(ledger_entries).where(
        ledger_entries.c.account_id == account_id, ledger_entries.c.merchant_id == merchant_id
    )
    wanted = PageRequest(request.page_size, request.cursor, request.sort or "-sequence", request.search)
    sorts = {"sequence": ledger_entries.c.sequence}
    return fetch_page(tx, query, wanted, sorts=sorts, identifier=ledger_entries.c.id, to_item=_entry)


def entries_of(tx: Tx, account_id: str, after: int, limit: int) -> list[Entry]:
    """Return up to `limit` entries of an account in order, those after a sequence."""
    rows = tx.execute(
        select(ledger_entries)
        .where(ledger_entries.c.account_id == account_id, ledger_entries.c.sequence > after)
        .order_by(ledger_entries.c.sequence)
        .limit(limit)
    )
    return [_entry(row) for row in rows]


def totals(tx: Tx) -> Iterator[tuple[str, str, str | None, str, int]]:
    """Yield merchant, unit, currency, merchant's account and what flowed out of it, over all entries."""
    columns = (
        ledger_entries.c.merchant_id,
        ledger_entries.c.unit,
        ledger_entries.c.currency,
        ledger_entries.c.merchant_account,
    )
    for row in tx.execute(select(*columns, func.sum(ledger_entries.c.amount).label("amount")).group_by(*columns)):
        yield row.merchant_id, row.unit, row.currency, row.merchant_account, int(row.amount)


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.id,
        row.transaction_id,
        row.account_id,
        row.merchant_account,
        row.kind,
        row.amount,
        row.unit,
        row.currency,
        row.sequence,
        row.balance_after,
        from_milliseconds(row.created_at),
        row.previous_hash,
        row.hash,
    )
