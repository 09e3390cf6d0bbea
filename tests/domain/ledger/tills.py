"""A till at one account in memory: what goes before a command, and what a refusal must leave as it was."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.domain.ledger.test_ledger import NOW, a_book, a_program, a_transaction, an_account
from walletd.domain.cards.cards import BookableCard, CardStatus
from walletd.domain.cards.rotating_codes import RotatingCode, RotatingCodeRefused
from walletd.domain.customers.customers import LoyaltyStatus
from walletd.domain.errors import WalletdError
from walletd.domain.identifiers import KeyState
from walletd.domain.ledger.bookings import postings
from walletd.domain.ledger.bookings.batches import BatchContext
from walletd.domain.ledger.bookings.commands import Book, Capture, Release, Reverse, Work
from walletd.domain.ledger.bookings.decisions import Decision, decide
from walletd.domain.ledger.bookings.reversals import Original, Reversed
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.entries import EntryStatus
from walletd.domain.ledger.movements import Booking
from walletd.domain.merchants.principals import Principal, PrincipalKind

BY = Principal("mer_1", PrincipalKind.API_KEY, "key_1", "Till")
CARD = BookableCard("card", "mer_1", "acc_1", CardStatus.ISSUED, LoyaltyStatus.ACTIVE, redeem_blocked=False)
SCANNED = RotatingCode("card", 1_795_339_800, "12345678")

Step = Work | timedelta | dict[str, object]
"""A command, time that passes, or fields of the card or the account that change by other means."""


class Till:
    """A till at one card and its account; each command is a batch of its own, prepared as it is from the store."""

    def __init__(self, kind: str = "loyalty", **rules: object) -> None:
        self.program = a_program(kind, **rules)
        self.card, self.now = CARD, NOW
        self.book = a_book(replace(an_account(), unit=self.program.unit, currency=self.program.currency))
        self.subjects: list[str] = []
        self.originals: dict[str, Original] = {}

    def batch(self) -> BatchContext:
        """Return the context of a batch now, the account advanced to it."""
        before, self.book = self.book, a_book(self.book.state, tuple(self.book.lots.values()), self.now)
        self.book.redemptions |= before.redemptions
        postings.advance(self.book, lambda: replace(a_transaction("expiry"), created_at=self.now), postings.Horizon())
        return BatchContext(
            self.now,
            books={"acc_1": self.book},
            programs={"prg_1": (self.program, ZoneInfo("Europe/Berlin"))},
            cards={
                ("mer_1", "card"): (self.card, KeyState.ACTIVE),
                ("mer_1", "old key"): (self.card, KeyState.RETIRED),
                ("mer_1", "scanned"): (self.card, KeyState.ACTIVE),
                ("mer_1", "forged"): (self.card, KeyState.ACTIVE),
            },
            originals=dict(self.originals),
            redemptions={("mer_1", code): "acc_1" for code in self.book.redemptions},
            codes={("mer_1", "scanned"): SCANNED},
            refused={("mer_1", "forged"): RotatingCodeRefused()},
        )

    def meant(self, work: Work) -> Work:
        """Return a command that names what an earlier one made by its place, 1 the first, with the real name."""
        match work:
            case Capture(place) | Release(place) if place.isdigit():
                return replace(work, code=self.subjects[int(place) - 1])
            case Reverse(place) if place.isdigit():
                return replace(work, transaction_id=self.subjects[int(place) - 1])
        return work

    def do(self, work: Work) -> Decision:
        """Do a command in a batch of its own."""
        context = self.batch()
        decision = decide(context, BY, self.meant(work))
        self.subjects.append(decision.subject)
        self.originals = context.originals
        for transaction in self.book.transactions:
            of = (item for item in self.book.appended if item.entry.transaction_id == transaction.id)
            item = next((item for item in of if item.entry.status == EntryStatus.ACTIVE), None)
            parts = () if item is None else item.consumptions
            original = Original(transaction, None if item is None else item.entry, parts, Reversed())
            self.originals.setdefault(transaction.id, original)
        return decision

    def after(self, *history: Step) -> Till:
        """Go through a history, step by step."""
        for step in history:
            if isinstance(step, timedelta):
                self.now += step
            elif isinstance(step, dict):
                of_card = {field.name for field in fields(BookableCard)} & step.keys()
                self.card = replace(self.card, **{name: step[name] for name in of_card})  # type: ignore[arg-type] # a table names any field
                of_account: dict[str, Any] = {name: step[name] for name in step.keys() - of_card}
                self.book.state = replace(self.book.state, **of_account)
            else:
                self.do(step)
        return self


def moved(book: AccountBook) -> list[tuple[str, int, int]]:
    """Return what a batch appended: kind, amount and the balance after it."""
    return [(item.entry.kind, item.entry.amount, item.entry.balance_after) for item in book.appended]


def seen(context: BatchContext) -> list[object]:
    """Return a copy of all that a command can change."""
    books = [
        (book.state, dict(book.lots), dict(book.redemptions), list(book.transactions), list(book.appended))
        for book in context.books.values()
    ]
    noted = [
        [*book.new_lots, *book.changed_lots, *book.new_redemptions, *book.changed_redemptions]
        for book in context.books.values()
    ]
    return [books, noted, dict(context.originals), dict(context.redemptions), set(context.used), dict(context.spent)]


def check_refused(context: BatchContext, work: Work, refusal: type[WalletdError], by: Principal = BY) -> WalletdError:
    """Check that a command is refused by exactly this error and changes nothing; return the error."""
    before = seen(context)
    with pytest.raises(refusal) as refused:
        decide(context, by, work)
    assert refused.type is refusal
    assert seen(context) == before
    return refused.value


def book(kind_of: str, amount: int | None = None, *, card: str = "card", **more: Any) -> Book:
    """Return the command to book on the card."""
    return Book(Booking(card, kind_of, amount, **more))
