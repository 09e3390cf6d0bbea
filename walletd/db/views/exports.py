"""Reading everything of a merchant page by page, in an order that a key gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, tuple_

from walletd.db.cards.programs import programs
from walletd.db.customers.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.ledger.accounts import accounts
from walletd.db.ledger.entries import ledger_entries, to_pair, with_transaction
from walletd.domain.ledger.entries import Entry, Transaction


@dataclass(frozen=True, slots=True)
class ExportedEntry:
    """An entry with what a reader outside needs beside it."""

    entry: Entry
    transaction: Transaction
    customer_number: int
    program_name: str


def entries_after(
    tx: Tx, merchant_id: str, program_id: str | None, place: tuple[str, int], limit: int
) -> list[ExportedEntry]:
    """Return the entries that follow one, named by account and sequence, in that order; of one program or of all."""
    joined: Select[Any] = (
        with_transaction()
        .join(accounts, accounts.c.id == ledger_entries.c.account_id)
        .join(customers, customers.c.id == accounts.c.customer_id)
        .join(programs, programs.c.id == accounts.c.program_id)
        .add_columns(customers.c.number.label("customer_number"), programs.c.name.label("program_name"))
    )
    key = tuple_(ledger_entries.c.account_id, ledger_entries.c.sequence)
    query = joined.where(ledger_entries.c.merchant_id == merchant_id, key > tuple_(*place))
    if program_id is not None:
        query = query.where(accounts.c.program_id == program_id)
    rows = tx.execute(query.order_by(ledger_entries.c.account_id, ledger_entries.c.sequence).limit(limit))
    return [ExportedEntry(*to_pair(row), row.customer_number, row.program_name) for row in rows]
