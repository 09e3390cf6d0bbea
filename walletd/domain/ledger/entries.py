"""The books: transactions, the entries they append, and the hash chain that proves them.

An entry moves a whole number of one unit between a customer's account and one of the merchant's own accounts, so the
sum over all accounts of a unit is zero by construction. Nothing here reads a clock or a database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from walletd.domain.calendar import milliseconds
from walletd.domain.ledger.lots import Consumption

GENESIS_HASH: Final = "0" * 64
FORMAT: Final = 2
"""How the hash of a new entry is made; entries of format 1 know neither lots nor turnover."""

COLLECTING: Final = frozenset({"earn", "manual_credit", "import"})
"""Kinds of entries that count as collected (D2.4)."""

MERCHANT_ACCOUNTS: Final = ("issued", "redeemed", "expired", "imported", "stored_value", "merged")
"""The merchant's own accounts, the other side of every entry; one each per unit and currency. `merged` sums to zero."""


class EntryStatus(StrEnum):
    """Whether an entry moved its amount: a discarded one only says that a redemption was not captured in time."""

    ACTIVE = "active"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Transaction:
    """What was asked for, by whom; its entries say what that moved."""

    id: str
    merchant_id: str
    account_id: str
    serial_number: str | None
    """The card it was booked on; None for what time did."""
    type: str
    actor: str
    created_at: datetime
    purchase_total: int | None = None
    terms: str | None = None
    corrects: str | None = None
    """The transaction that this one reverses."""
    reference: str | None = None
    reason: str | None = None
    campaign: str | None = None
    note_salt: str | None = None
    """Random, so that nobody can guess an erased text from its digest; None without texts."""

    def content(self) -> str:
        """Return what the hashes of its entries cover. Texts, which may name a person, count by a salted digest."""
        return "\x1f".join(
            (
                self.id,
                self.serial_number or "",
                self.type,
                _text(self.purchase_total),
                self.terms or "",
                self.corrects or "",
                self.actor,
                str(milliseconds(self.created_at)),
                self._note_digest(),
            )
        )

    def _note_digest(self) -> str:
        texts = (self.reference, self.reason, self.campaign)
        if self.note_salt is None and texts == (None, None, None):
            return ""
        return hashlib.sha256(json.dumps([self.note_salt, *texts]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One appended line of the ledger, as stored."""

    id: str
    transaction_id: str
    account_id: str
    merchant_account: str
    kind: str
    status: str
    """An `EntryStatus` where walletd wrote it; as stored, for the proof has to name any other one."""
    """`active`, or `discarded`: a reservation that came to nothing, which changes no balance (I-04)."""
    amount: int
    unit: str
    currency: str | None
    sequence: int
    balance_after: int
    debt_after: int
    lot_amount: int
    """What of the amount became a lot."""
    locked_until: datetime | None
    valid_until: datetime | None
    turnover: int
    carry_after: int
    tier: str | None
    member_until: datetime | None
    corrects: str | None
    created_at: datetime
    previous_hash: str
    hash: str
    format: int = FORMAT


def entry_hash(entry: Entry, consumptions: Sequence[Consumption], transaction_content: str) -> str:
    """Return SHA-256 over the previous hash and all that the entry stands for, in hex (I-24)."""
    content = "\x1f".join(
        (
            entry.previous_hash,
            entry.id,
            transaction_content,
            entry.account_id,
            entry.merchant_account,
            entry.kind,
            entry.status,
            str(entry.amount),
            entry.unit,
            entry.currency or "",
            str(entry.sequence),
            str(entry.balance_after),
            str(entry.debt_after),
            str(entry.lot_amount),
            _instant(entry.locked_until),
            _instant(entry.valid_until),
            str(entry.turnover),
            str(entry.carry_after),
            entry.tier or "",
            _instant(entry.member_until),
            entry.corrects or "",
            str(milliseconds(entry.created_at)),
            str(entry.format),
            ",".join(f"{part.lot_id}:{part.amount}" for part in consumptions),
        )
    )
    return hashlib.sha256(content.encode()).hexdigest()


def request_hash(request: Mapping[str, object]) -> str:
    """Return SHA-256 over the canonical JSON of a request, in hex: equal requests, equal hash."""
    return hashlib.sha256(_canonical(request).encode("utf-8", "surrogatepass")).hexdigest()


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _instant(moment: datetime | None) -> str:
    return "" if moment is None else str(milliseconds(moment))
