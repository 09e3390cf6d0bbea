"""Customers' accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    select,
    update,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, moment, partial_index, reference, stored
from walletd.db.engine.bulk import insert_rows, one_of, update_rows
from walletd.domain.calendar import milliseconds
from walletd.domain.ledger.balances import AccountState

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
    Column("expired", BigInteger, nullable=False, server_default="0"),
    Column("reserved", BigInteger, nullable=False, server_default="0"),
    Column("debt", BigInteger, nullable=False, server_default="0"),
    Column("unallocated", BigInteger, nullable=False, server_default="0"),
    Column("turnover", BigInteger, nullable=False, server_default="0"),
    Column("carry", BigInteger, nullable=False, server_default="0"),
    Column("tier", Text),
    Column("member_until", BigInteger),
    Column("due_at", BigInteger),
    Column("next_expiry", BigInteger),
    Column("last_unlock", BigInteger),
    Column("fault", Text),
    Column("sequence", BigInteger, nullable=False),
    Column("head_hash", String(64), nullable=False),
    Column("merged_into", String(30)),
    CheckConstraint("balance + debt >= 0", name="balance_covered"),
    CheckConstraint("debt >= 0 AND reserved >= 0 AND unallocated >= 0", name="parts_not_negative"),
    reference("programs", "program_id"),
    reference("customers", "customer_id"),
    UniqueConstraint("merchant_id", "id"),
    Index(None, "customer_id"),
    partial_index("ix_accounts_due", "due_at", where="due_at IS NOT NULL"),
    partial_index("ix_accounts_merged_into", "merged_into", where="merged_into IS NOT NULL"),
)

_BY_ID = select(accounts).where(one_of(accounts.c.id, "ids")).order_by(accounts.c.id)
_LOCKED = _BY_ID.with_for_update(key_share=True)
_DUE = (
    select(accounts.c.id, accounts.c.merchant_id)
    .where(accounts.c.due_at <= bindparam("now"))
    .order_by(accounts.c.due_at)
    .limit(bindparam("most"))
)
_MOMENTS = ("member_until", "due_at", "next_expiry", "last_unlock")
_FIELDS = [field.name for field in fields(AccountState)]
# Accounts are read by the hundred: by place they cost a third of what they do by name.
_PLACES = [list(accounts.c.keys()).index(name) for name in _FIELDS]
_MOMENT_PLACES = [_FIELDS.index(name) for name in _MOMENTS]


def insert(tx: Tx, made: Sequence[AccountState]) -> None:
    """Store new accounts."""
    names = ("id", "merchant_id", "program_id", "customer_id", "unit", "currency")
    rows = [{**{name: getattr(account, name) for name in names}, **_figures(account)} for account in made]
    insert_rows(tx, accounts, rows)


def store(tx: Tx, changed: Sequence[AccountState]) -> None:
    """Store accounts that were read with `lock`."""
    update_rows(tx, accounts, [{"id": account.id, **_figures(account)} for account in changed])


def find(tx: Tx, merchant_id: str, account_id: str) -> AccountState | None:
    """Return a merchant's account."""
    row = tx.execute(
        select(accounts).where(accounts.c.id == account_id, accounts.c.merchant_id == merchant_id)
    ).one_or_none()
    return None if row is None else to_account(row)


def by_id(tx: Tx, account_ids: Collection[str], *, lock: bool) -> dict[str, AccountState]:
    """Return accounts of any merchant by id; with `lock` they stay as read until commit, locked in order of the ids."""
    rows = tx.rows(_LOCKED if lock else _BY_ID, {"ids": sorted(account_ids)})
    return {row.id: to_account(row) for row in rows}


def ids_of_customers(tx: Tx, customer_ids: Collection[str]) -> list[str]:
    """Return the ids of customers' accounts that go on, in order; those that were merged into others are left out."""
    owned = accounts.c.customer_id.in_(list(customer_ids))
    query = select(accounts.c.id).where(owned, accounts.c.merged_into.is_(None))
    return sorted(tx.execute(query).scalars())


def destinations(tx: Tx, account_ids: Collection[str]) -> dict[str, str]:
    """Return where merged accounts lead, for those among these that were merged."""
    query = select(accounts.c.id, accounts.c.merged_into).where(
        accounts.c.id.in_(list(account_ids)), accounts.c.merged_into.is_not(None)
    )
    return {row.id: row.merged_into for row in tx.execute(query)}


def set_owner(tx: Tx, account_ids: Collection[str], customer_id: str) -> None:
    """Give accounts to a customer."""
    tx.execute(update(accounts).where(accounts.c.id.in_(list(account_ids))).values(customer_id=customer_id))


def set_merged(tx: Tx, account_id: str, into: str | None) -> tuple[str, ...]:
    """Let an account, and those that led to it, lead to another; None: it goes on by itself again.

    Returns the accounts that had led to it, which have to be led back by hand where it is undone.
    """
    forwarded: list[str] = []
    if into is not None:
        query = update(accounts).where(accounts.c.merged_into == account_id).values(merged_into=into)
        forwarded = list(tx.execute(query.returning(accounts.c.id)).scalars())
    tx.execute(update(accounts).where(accounts.c.id == account_id).values(merged_into=into))
    return tuple(sorted(forwarded))


def due(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str]]:
    """Return up to `limit` accounts, with their merchants, that time alone has changed; the longest due first."""
    return [(row.id, row.merchant_id) for row in tx.execute(_DUE, {"now": milliseconds(now), "most": limit})]


def ids_after(tx: Tx, account_id: str, limit: int) -> list[str]:
    """Return up to `limit` ids of accounts of all merchants that follow, in order."""
    query = select(accounts.c.id).where(accounts.c.id > account_id).order_by(accounts.c.id).limit(limit)
    return list(tx.execute(query).scalars())


def between(tx: Tx, first: str, last: str) -> list[AccountState]:
    """Return the accounts of a range of ids, in order of the ids."""
    query = select(accounts).where(accounts.c.id.between(first, last)).order_by(accounts.c.id)
    return [to_account(row) for row in tx.execute(query)]


def set_fault(tx: Tx, account_id: str, fault: str | None) -> None:
    """Note what the proof of an account found, or that it holds again."""
    tx.execute(update(accounts).where(accounts.c.id == account_id).values(fault=fault))


def with_faults(tx: Tx) -> dict[str, str]:
    """Return what the proof found wrong, by account."""
    query = select(accounts.c.id, accounts.c.fault).where(accounts.c.fault.is_not(None))
    return {row.id: row.fault for row in tx.execute(query)}


def to_account(row: Sequence[Any]) -> AccountState:
    """Return the account of a row that begins with the columns of the table, in their order."""
    values = [row[place] for place in _PLACES]
    for place in _MOMENT_PLACES:
        values[place] = moment(values[place])
    return AccountState(*values)


def _figures(account: AccountState) -> dict[str, object]:
    return {
        "balance": account.balance,
        "collected": account.collected,
        "expired": account.expired,
        "reserved": account.reserved,
        "debt": account.debt,
        "unallocated": account.unallocated,
        "turnover": account.turnover,
        "carry": account.carry,
        "tier": account.tier,
        "member_until": stored(account.member_until),
        "due_at": stored(account.due_at),
        "next_expiry": stored(account.next_expiry),
        "last_unlock": stored(account.last_unlock),
        "sequence": account.sequence,
        "head_hash": account.head_hash,
    }
