"""The proof of the books: every account worked out again from its entries, the first difference named.

It is the second half of each invariant: `books` asserts it before writing, this after reading (D2.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from walletd.domain.calendar import rfc3339
from walletd.domain.errors import LedgerUnproved
from walletd.domain.ledger.balances import AccountState
from walletd.domain.ledger.books import follow
from walletd.domain.ledger.entries import GENESIS_HASH, MERCHANT_ACCOUNTS, Entry, EntryStatus, Transaction, entry_hash
from walletd.domain.ledger.lots import Consumption

_PROVED = ("balance", "collected", "expired", "debt", "unallocated", "turnover", "carry", "tier", "member_until")


@dataclass(frozen=True, slots=True)
class Proof:
    """How far an account is worked out: the state that follows from its entries, and what its lots hold together."""

    state: AccountState
    held: int = 0


def begin(stored: AccountState) -> Proof:
    """Return the proof of an account before its first entry."""
    empty = replace(
        stored,
        balance=0,
        collected=0,
        expired=0,
        debt=0,
        unallocated=0,
        turnover=0,
        carry=0,
        tier=None,
        member_until=None,
        sequence=0,
        head_hash=GENESIS_HASH,
    )
    return Proof(empty)


def go_on(proof: Proof, entry: Entry, transaction: Transaction, consumptions: Sequence[Consumption]) -> Proof:
    """Return the proof after an entry that was read back; raises LedgerUnproved with the first thing that differs."""
    before = proof.state
    fault = _fault(before, entry, transaction, consumptions)
    taken = sum(part.amount for part in consumptions)
    held = proof.held + lot_amount(entry) - taken
    unallocated = held - entry.balance_after - entry.debt_after
    if fault is None and unallocated < 0:
        fault = f"after entry {entry.id} the lots hold {held}, less than balance and debt say"
    if fault is not None:
        raise LedgerUnproved(f"Account {before.id}: {fault}.", account_id=before.id, entry_id=entry.id)
    return Proof(follow(before, entry, unallocated), held)


def check_end(proof: Proof, stored: AccountState) -> None:
    """Raise LedgerUnproved where what is stored of the account does not follow from its entries."""
    proved = proof.state
    fault = None
    if (proved.sequence, proved.head_hash) != (stored.sequence, stored.head_hash):
        fault = f"stored are {stored.sequence} entries, found are {proved.sequence} that lead elsewhere"
    for name in _PROVED:
        if fault is None and getattr(proved, name) != getattr(stored, name):
            fault = f"stored is {name} {getattr(stored, name)}, its entries give {getattr(proved, name)}"
    if fault is not None:
        raise LedgerUnproved(f"Account {stored.id}: {fault}.", account_id=stored.id)


def lot_amount(entry: Entry) -> int:
    """Return what of an entry became a lot; the first format did not say it, there it was every credit."""
    return entry.lot_amount if entry.format >= 2 else max(entry.amount, 0)


def _fault(
    before: AccountState, entry: Entry, transaction: Transaction, consumptions: Sequence[Consumption]
) -> str | None:
    moved = entry.amount if entry.status == EntryStatus.ACTIVE else 0
    left = before.balance + moved
    findings = (
        (entry.sequence != before.sequence + 1, f"has sequence {entry.sequence}, expected {before.sequence + 1}"),
        (entry.previous_hash != before.head_hash, "does not continue the chain"),
        (entry.balance_after != left, f"leaves {entry.balance_after}, expected {left}"),
        ((entry.unit, entry.currency) != (before.unit, before.currency), "is in another unit"),
        (
            (transaction.account_id, transaction.merchant_id) != (before.id, before.merchant_id),
            "belongs to a transaction of another account",
        ),
        (entry.status not in {EntryStatus.ACTIVE, EntryStatus.DISCARDED}, f"has the status {entry.status}"),
        (entry.merchant_account not in MERCHANT_ACCOUNTS, f"moves to {entry.merchant_account}"),
        (
            entry.debt_after < 0 or entry.balance_after + entry.debt_after < 0,
            "leaves a balance that no debt accounts for",
        ),
        (
            entry.hash != _expected_hash(entry, transaction, consumptions),
            "or its transaction was changed after it was written",
        ),
    )
    return next((f"entry {entry.id} {finding}" for found, finding in findings if found), None)


def _expected_hash(entry: Entry, transaction: Transaction, consumptions: Sequence[Consumption]) -> str:
    return entry_hash(entry, consumptions, transaction.content()) if entry.format >= 2 else _first_format(entry)


def _first_format(entry: Entry) -> str:
    content = "\x1f".join(
        (
            entry.previous_hash,
            entry.id,
            entry.transaction_id,
            entry.account_id,
            entry.merchant_account,
            entry.kind,
            str(entry.amount),
            entry.unit,
            entry.currency or "",
            str(entry.sequence),
            str(entry.balance_after),
            rfc3339(entry.created_at),
        )
    )
    return hashlib.sha256(content.encode()).hexdigest()
