"""The books: transactions and ledger entries, both appended only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Row,
    Select,
    SmallInteger,
    String,
    Table,
    Text,
    or_,
    select,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, moment, named, partial_index, reference, stored
from walletd.db.engine.bulk import insert_rows, one_of
from walletd.db.engine.pages import Listing, fetch_page, says
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.ledger.bookings.reversals import Reversed
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.pages import Page, PageRequest

transactions = Table(
    "transactions",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("serial_number", String(26)),
    Column("account_id", String(30), nullable=False),
    Column("type", String(16), nullable=False),
    Column("purchase_total", BigInteger),
    Column("terms", Text),
    Column("corrects", String(30)),
    Column("reference", Text),
    Column("reason", Text),
    Column("campaign", Text),
    Column("note_salt", String(32)),
    Column("actor", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    reference("accounts", "account_id"),
    partial_index("ix_transactions_corrects", "corrects", where="corrects IS NOT NULL"),
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
    Column("status", String(16), nullable=False, server_default="active"),
    Column("amount", BigInteger, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("currency", String(3)),
    Column("balance_after", BigInteger, nullable=False),
    Column("debt_after", BigInteger, nullable=False, server_default="0"),
    Column("lot_amount", BigInteger, nullable=False, server_default="0"),
    Column("locked_until", BigInteger),
    Column("valid_until", BigInteger),
    Column("turnover", BigInteger, nullable=False, server_default="0"),
    Column("carry_after", BigInteger, nullable=False, server_default="0"),
    Column("tier", Text),
    Column("member_until", BigInteger),
    Column("corrects", String(30)),
    Column("created_at", BigInteger, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("format", SmallInteger, nullable=False, server_default="1"),
    CheckConstraint("balance_after + debt_after >= 0", name="balance_covered"),
    CheckConstraint("debt_after >= 0", name="debt_not_negative"),
    reference("accounts", "account_id"),
    Index(None, "transaction_id"),
    partial_index("ix_ledger_entries_corrects", "corrects", where="corrects IS NOT NULL"),
)


_BY_ID = select(transactions).where(one_of(transactions.c.id, "transactions"))
_OF_TRANSACTIONS = (
    select(ledger_entries)
    .where(one_of(ledger_entries.c.transaction_id, "transactions"))
    .order_by(ledger_entries.c.sequence)
)
_REVERSALS = select(transactions.c.corrects, transactions.c.purchase_total, ledger_entries.c.amount).where(
    one_of(transactions.c.corrects, "transactions"),
    ledger_entries.c.transaction_id == transactions.c.id,
    ledger_entries.c.kind == "reversal",
)


def append(tx: Tx, merchant_of: Mapping[str, str], entries: Sequence[Entry]) -> None:
    """Append entries; `merchant_of` names the merchant of each account."""
    insert_rows(tx, ledger_entries, [_entry_row(merchant_of[entry.account_id], entry) for entry in entries])


def insert_transactions(tx: Tx, made: Sequence[Transaction]) -> None:
    """Store transactions."""
    insert_rows(
        tx,
        transactions,
        [
            {
                "id": item.id,
                "merchant_id": item.merchant_id,
                "serial_number": item.serial_number,
                "account_id": item.account_id,
                "type": item.type,
                "purchase_total": item.purchase_total,
                "terms": item.terms,
                "corrects": item.corrects,
                "reference": item.reference,
                "reason": item.reason,
                "campaign": item.campaign,
                "note_salt": item.note_salt,
                "actor": item.actor,
                "created_at": milliseconds(item.created_at),
            }
            for item in made
        ],
    )


def find_transaction(tx: Tx, merchant_id: str, transaction_id: str) -> tuple[Transaction, list[Entry]] | None:
    """Return a merchant's transaction with its entries."""
    found = by_id(tx, [transaction_id]).get(transaction_id)
    if found is None or found.merchant_id != merchant_id:
        return None
    return found, entries_of_transactions(tx, [transaction_id]).get(transaction_id, [])


def by_id(tx: Tx, transaction_ids: Collection[str]) -> dict[str, Transaction]:
    """Return transactions by id."""
    rows = tx.execute(_BY_ID, {"transactions": list(transaction_ids)})
    return {row.id: to_transaction(row) for row in rows}


def entries_of_transactions(tx: Tx, transaction_ids: Collection[str]) -> dict[str, list[Entry]]:
    """Return the entries of transactions, by the transaction and in order."""
    found: dict[str, list[Entry]] = {}
    for row in tx.execute(_OF_TRANSACTIONS, {"transactions": list(transaction_ids)}):
        found.setdefault(row.transaction_id, []).append(_entry(row))
    return found


def reversed_of(tx: Tx, transaction_ids: Collection[str]) -> dict[str, Reversed]:
    """Return what earlier reversals took back of transactions, for those that have any."""
    found: dict[str, Reversed] = {}
    for row in tx.execute(_REVERSALS, {"transactions": list(transaction_ids)}):
        part = Reversed(row.purchase_total or 0, abs(row.amount))
        found[row.corrects] = found.get(row.corrects, Reversed()).plus(part)
    return found


def page(
    tx: Tx, merchant_id: str, account_id: str, request: PageRequest, card: str | None = None
) -> Page[tuple[Entry, Transaction]]:
    """Return a page of an account's entries with their transactions, the newest first unless asked otherwise.

    With the serial number of a `card`, those that were booked by it.
    """
    query = with_transaction().where(
        ledger_entries.c.account_id == account_id, ledger_entries.c.merchant_id == merchant_id
    )
    if card is not None:
        query = query.where(transactions.c.serial_number == card)
    sorts = {"sequence": ledger_entries.c.sequence}
    listing = Listing(sorts, ledger_entries.c.id, to_pair, "-sequence", _said)
    return fetch_page(tx, query, request, listing)


def _said(text: str) -> ColumnElement[bool]:
    """Return the condition that a transaction has a text in its reference or campaign."""
    return or_(says(transactions.c.reference, text), says(transactions.c.campaign, text))


_OF_TRANSACTION = "of_"
_TRANSACTION_COLUMNS = tuple(column.label(f"{_OF_TRANSACTION}{column.name}") for column in transactions.c)


def with_transaction() -> Select[Any]:
    """Return the query for entries beside their transactions; one without the other is left out."""
    return select(ledger_entries, *_TRANSACTION_COLUMNS).join(
        transactions, transactions.c.id == ledger_entries.c.transaction_id
    )


def to_pair(row: Row[Any]) -> tuple[Entry, Transaction]:
    """Return the entry and the transaction of a row of `with_transaction`."""
    return _entry(row), to_transaction(row, _OF_TRANSACTION)


def to_transaction(row: Row[Any], prefix: str = "") -> Transaction:
    """Return the transaction of a row that has all columns of the table, their names behind a prefix."""
    values = named(row, transactions, prefix)
    return Transaction(**values | {"created_at": from_milliseconds(values["created_at"])})


def _entry_row(merchant_id: str, entry: Entry) -> dict[str, object]:
    return {
        "account_id": entry.account_id,
        "sequence": entry.sequence,
        "id": entry.id,
        "merchant_id": merchant_id,
        "transaction_id": entry.transaction_id,
        "merchant_account": entry.merchant_account,
        "kind": entry.kind,
        "status": entry.status,
        "amount": entry.amount,
        "unit": entry.unit,
        "currency": entry.currency,
        "balance_after": entry.balance_after,
        "debt_after": entry.debt_after,
        "lot_amount": entry.lot_amount,
        "locked_until": stored(entry.locked_until),
        "valid_until": stored(entry.valid_until),
        "turnover": entry.turnover,
        "carry_after": entry.carry_after,
        "tier": entry.tier,
        "member_until": stored(entry.member_until),
        "corrects": entry.corrects,
        "created_at": milliseconds(entry.created_at),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
        "format": entry.format,
    }


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        transaction_id=row.transaction_id,
        account_id=row.account_id,
        merchant_account=row.merchant_account,
        kind=row.kind,
        status=row.status,
        amount=row.amount,
        unit=row.unit,
        currency=row.currency,
        sequence=row.sequence,
        balance_after=row.balance_after,
        debt_after=row.debt_after,
        lot_amount=row.lot_amount,
        locked_until=moment(row.locked_until),
        valid_until=moment(row.valid_until),
        turnover=row.turnover,
        carry_after=row.carry_after,
        tier=row.tier,
        member_until=moment(row.member_until),
        corrects=row.corrects,
        created_at=from_milliseconds(row.created_at),
        previous_hash=row.previous_hash,
        hash=row.hash,
        format=row.format,
    )
