"""Customers' accounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Row,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    select,
    update,
)

from walletd.db.base import Tx, merchant_column, metadata, reference
from walletd.domain.balances import AccountState

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("program_id", String(30), nullable=False),
    Column("customer_id", String(30), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("currency", String(3)),
    Column("balance", BigInteger, nullable=False),
    Column("collected", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("head_hash", String(64), nullable=False),
    CheckConstraint("balance >= 0", name="balance_not_negative"),
    reference("programs", "program_id"),
    reference("customers", "customer_id"),
    UniqueConstraint("merchant_id", "id"),
)


_STORE = (
    update(accounts)
    .where(accounts.c.id == bindparam("account"), accounts.c.sequence == bindparam("sequence_before"))
    .values(
        balance=bindparam("new_balance"),
        collected=bindparam("new_collected"),
        sequence=bindparam("new_sequence"),
        head_hash=bindparam("new_head_hash"),
    )
)


def insert(tx: Tx, account: AccountState) -> None:
    """Store a new account."""
    tx.execute(
        accounts.insert(),
        {
            "id": account.id,
            "merchant_id": account.merchant_id,
            "program_id": account.program_id,
            "customer_id": account.customer_id,
            "unit": account.unit,
            "currency": account.currency,
            "balance": account.balance,
            "collected": account.collected,
            "sequence": account.sequence,
            "head_hash": account.head_hash,
        },
    )


def store(tx: Tx, account: AccountState) -> None:
    """Store an account after one more entry; the sequence it had before guards against a lost lock."""
    changed = tx.execute(
        _STORE,
        {
            "account": account.id,
            "sequence_before": account.sequence - 1,
            "new_balance": account.balance,
            "new_collected": account.collected,
            "new_sequence": account.sequence,
            "new_head_hash": account.head_hash,
        },
    )
    if changed.rowcount != 1:
        message = f"account {account.id} was changed without its lock"
        raise RuntimeError(message)


def find(tx: Tx, merchant_id: str, account_id: str) -> AccountState | None:
    """Return a merchant's account."""
    row = tx.execute(
        select(accounts).where(accounts.c.id == account_id, accounts.c.merchant_id == merchant_id)
    ).one_or_none()
    return None if row is None else to_account(row)


def after(tx: Tx, account_id: str, limit: int) -> list[AccountState]:
    """Return up to `limit` accounts of all merchants whose ids follow, in order of the ids."""
    rows = tx.execute(select(accounts).where(accounts.c.id > account_id).order_by(accounts.c.id).limit(limit))
    return [to_account(row) for row in rows]


def to_account(row: Row[Any]) -> AccountState:
    """Return the account of a row that has all columns of the table."""
    return AccountState(
        row.id,
        row.merchant_id,
        row.program_id,
        row.customer_id,
        row.unit,
        row.currency,
        row.balance,
        row.collected,
        row.sequence,
        row.head_hash,
    )
