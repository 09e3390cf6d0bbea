"""The ledger's pure core: what a booking does to an account, and the chain that proves it.

An entry moves a whole number of one unit between a customer's account and one of the merchant's own accounts, so the
sum over all accounts of a unit is zero by construction (architecture.md 6). Nothing here reads a clock or a database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from walletd.domain.balances import AMOUNT_MAX, AccountState
from walletd.domain.calendar import rfc3339
from walletd.domain.errors import AmountInvalid, BalanceLimit, InsufficientBalance, LedgerUnproved, OperationNotAllowed
from walletd.domain.programs import Program, invalid

GENESIS_HASH: Final = "0" * 64
TYPES: Final = ("credit", "debit", "purchase")
COLLECTING: Final = frozenset({"earn", "manual_credit", "import"})
"""Kinds of entries that count as collected (domain.md 2.4)."""

MERCHANT_ACCOUNTS: Final = ("issued", "redeemed", "expired", "imported", "stored_value")
"""The merchant's own accounts, the other side of every entry; one each per unit and currency."""


@dataclass(frozen=True, slots=True)
class Booking:
    """What a till or back end asks to book on a card."""

    card: str
    type: str
    amount: int | None = None
    purchase_total: int | None = None
    reference: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """A decided change of one account: positive amounts come in from the merchant's account, negative ones go out."""

    kind: str
    amount: int
    merchant_account: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One appended line of the ledger, as stored."""

    id: str
    transaction_id: str
    account_id: str
    merchant_account: str
    kind: str
    amount: int
    unit: str
    currency: str | None
    sequence: int
    balance_after: int
    created_at: datetime
    previous_hash: str
    hash: str


def decide(program: Program, booking: Booking) -> Movement | None:
    """Return what the booking moves by the simple rule of the program's kind, or None where it moves nothing.

    Raises AmountInvalid, OperationNotAllowed, ValidationFailed.
    """
    if booking.type == "purchase":
        if booking.amount is not None:
            raise invalid("/amount", "is worked out from purchase_total for a purchase; leave it out")
        total = _checked_amount(booking.purchase_total, "/purchase_total")
        return _earned(program, total)
    if booking.purchase_total is not None:
        raise invalid("/purchase_total", "belongs to transactions of type purchase")
    amount = _checked_amount(booking.amount, "/amount")
    stored_value = program.kind == "gift"
    if booking.type == "credit":
        return Movement("manual_credit", amount, "stored_value" if stored_value else "issued")
    if booking.type == "debit":
        return Movement("manual_debit", -amount, "stored_value" if stored_value else "redeemed")
    raise invalid("/type", f"must be one of {', '.join(TYPES)}")


def opening(program: Program) -> Movement | None:
    """Return what a new card of this kind starts with: the visits of a pack, the coupon itself, else nothing."""
    if program.kind == "multipass":
        return Movement("opening", _number(program, "pack"), "issued")
    if program.kind == "coupon":
        return Movement("opening", 1, "issued")
    return None


def append(
    account: AccountState, movement: Movement, *, entry_id: str, transaction_id: str, now: datetime
) -> tuple[Entry, AccountState]:
    """Return the next entry of the account's chain, and the account after it.

    Raises InsufficientBalance, BalanceLimit.
    """
    balance = account.balance + movement.amount
    if balance < 0:
        raise InsufficientBalance(
            f"The account holds {account.balance}, {-movement.amount} were asked for.",
            available=account.balance,
            requested=-movement.amount,
        )
    if balance > AMOUNT_MAX:
        raise BalanceLimit(f"An account holds {AMOUNT_MAX} at the most.", available=AMOUNT_MAX - account.balance)
    entry = Entry(
        id=entry_id,
        transaction_id=transaction_id,
        account_id=account.id,
        merchant_account=movement.merchant_account,
        kind=movement.kind,
        amount=movement.amount,
        unit=account.unit,
        currency=account.currency,
        sequence=account.sequence + 1,
        balance_after=balance,
        created_at=now,
        previous_hash=account.head_hash,
        hash="",
    )
    entry = replace(entry, hash=entry_hash(entry))
    collected = account.collected + (movement.amount if movement.kind in COLLECTING and movement.amount > 0 else 0)
    changed = replace(account, balance=balance, collected=collected, sequence=entry.sequence, head_hash=entry.hash)
    return entry, changed


def entry_hash(entry: Entry) -> str:
    """Return SHA-256 over the previous hash and every stored figure of the entry, in hex (domain.md I-24)."""
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


def check_next(account: AccountState, entry: Entry) -> AccountState:
    """Return the account after an entry that was read back; raises LedgerUnproved with the first thing that differs."""
    fault = None
    if entry.sequence != account.sequence + 1:
        fault = f"entry {entry.id} has sequence {entry.sequence}, expected {account.sequence + 1}"
    elif entry.previous_hash != account.head_hash:
        fault = f"entry {entry.id} does not continue the chain"
    elif entry.balance_after != account.balance + entry.amount:
        fault = f"entry {entry.id} leaves {entry.balance_after}, expected {account.balance + entry.amount}"
    elif entry.hash != entry_hash(entry):
        fault = f"entry {entry.id} was changed after it was written"
    elif entry.balance_after < 0:
        fault = f"entry {entry.id} leaves a negative balance"
    if fault is not None:
        raise LedgerUnproved(f"Account {account.id}: {fault}.", account_id=account.id, entry_id=entry.id)
    collected = account.collected + (entry.amount if entry.kind in COLLECTING and entry.amount > 0 else 0)
    return replace(
        account, balance=entry.balance_after, collected=collected, sequence=entry.sequence, head_hash=entry.hash
    )


def request_hash(request: Mapping[str, object]) -> str:
    """Return SHA-256 over the canonical JSON of a request, in hex: equal requests, equal hash."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _checked_amount(amount: int | None, pointer: str) -> int:
    if amount is None or isinstance(amount, bool) or not 1 <= amount <= AMOUNT_MAX:
        raise AmountInvalid(errors=[{"pointer": pointer, "detail": f"must be a whole number from 1 to {AMOUNT_MAX}"}])
    return amount


def _number(program: Program, rule: str) -> int:
    value = program.rules[rule]
    if not isinstance(value, int):
        raise TypeError(rule)
    return value


def _per_point(program: Program, total: int) -> int:
    return total // _number(program, "cents_per_point")


_EARNING: Final[Mapping[str, Callable[[Program, int], int]]] = {
    "loyalty": _per_point,
    "reward": _per_point,
    "stamp": lambda program, _total: _number(program, "stamps_per_purchase"),
    "cashback": lambda program, total: total * _number(program, "rate") // 10_000,
    "discount": lambda _program, total: total,
    "membership": lambda program, _total: _number(program, "visits_per_purchase"),
}


def _earned(program: Program, total: int) -> Movement | None:
    rule = _EARNING.get(program.kind)
    if rule is None:
        raise OperationNotAllowed(
            f"A {program.kind} card earns nothing from a purchase; use credit or debit.",
            errors=[{"pointer": "/type", "detail": f"purchase is unknown to {program.kind} cards"}],
        )
    earned = rule(program, total)
    return Movement("earn", earned, "issued") if earned else None
