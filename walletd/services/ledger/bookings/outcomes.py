"""Storing what a batch decided: set-based, one statement per table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from walletd.db.cards import rotating_codes
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts, lots, redemptions
from walletd.db.ledger import entries as ledger
from walletd.domain.delivery.publishing import BOOKED, CHANGED
from walletd.domain.ledger.bookings.batches import BatchContext
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.changes import AccountChanged
from walletd.domain.ledger.entries import EntryStatus
from walletd.domain.merchants.principals import walletd
from walletd.services.changes.recorder import Recorded, record_all

_ANNOUNCED: Final = frozenset({"earn", "manual_credit", "redeem", "reward", "visit", "coupon", "tier"})


def store(tx: Tx, context: BatchContext, recorded: Sequence[Recorded]) -> None:
    """Store all changed books, and record what commands did and which accounts have other figures."""
    changed = [book for book in context.books.values() if book.is_changed]
    if changed:
        store_books(tx, changed)
    if context.spent:
        rotating_codes.use(tx, context.spent)
    # Several commands may have changed one account, so none of them is named for it.
    accounts_changed = [(walletd(book.state.merchant_id), _change(book, context)) for book in changed]
    record_all(tx, context.now, [*recorded, *accounts_changed])


def _change(book: AccountBook, context: BatchContext) -> AccountChanged:
    urgency = BOOKED if _is_announced(book) else CHANGED
    return AccountChanged(book.state, urgency, watched=book.state.merchant_id in context.notified)


def _is_announced(book: AccountBook) -> bool:
    """Say whether the holder did something, so that it may be worth a notification; corrections are not."""
    return any(item.entry.kind in _ANNOUNCED and item.entry.status == EntryStatus.ACTIVE for item in book.appended)


def store_books(tx: Tx, books: Sequence[AccountBook]) -> None:
    """Store accounts that were read with `lock`, with what was appended to them; unchanged ones are left out."""
    if changed := [book for book in books if book.is_changed]:
        accounts.store(tx, [book.state for book in changed])
        store_appended(tx, changed)


def store_appended(tx: Tx, books: Sequence[AccountBook]) -> None:
    """Store the transactions, entries, lots and redemptions of changed accounts."""
    merchant_of = {book.state.id: book.state.merchant_id for book in books}
    if transactions := [item for book in books for item in book.transactions]:
        ledger.insert_transactions(tx, transactions)
    if entries := [item.entry for book in books for item in book.appended]:
        ledger.append(tx, merchant_of, entries)
    if made := [book.lots[lot_id] for book in books for lot_id in book.new_lots]:
        lots.insert(tx, merchant_of, made)
    if touched := [book.lots[lot_id] for book in books for lot_id in book.changed_lots]:
        lots.update(tx, touched)
    if consumptions := [row for book in books for row in _consumptions(book)]:
        lots.consume(tx, consumptions)
    _store_redemptions(tx, books)


def _consumptions(book: AccountBook) -> list[dict[str, object]]:
    return [
        {
            "account_id": book.state.id,
            "merchant_id": book.state.merchant_id,
            "entry_id": item.entry.id,
            "lot_id": part.lot_id,
            "place": place,
            "amount": part.amount,
        }
        for item in book.appended
        for place, part in enumerate(item.consumptions)
    ]


def _store_redemptions(tx: Tx, books: Sequence[AccountBook]) -> None:
    if made := [book.redemptions[code] for book in books for code in book.new_redemptions]:
        redemptions.insert(tx, made)
    if changed := [book.redemptions[code] for book in books for code in book.changed_redemptions]:
        redemptions.update(tx, changed)
