"""Storing what a batch decided: set-based, one statement per table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from walletd.db.cards import rotating_codes
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts, lots, redemptions
from walletd.db.ledger import entries as ledger
from walletd.domain.delivery.publishing import BOOKED, CHANGED
from walletd.domain.ledger.account_page import AccountPage
from walletd.domain.ledger.changes import AccountChanged
from walletd.domain.ledger.entries import ACTIVE
from walletd.domain.merchants.principals import walletd
from walletd.services.changes.recorder import Recorded, record_all
from walletd.services.ledger.bookings.loading import Desk

_TOLD: Final = frozenset({"earn", "manual_credit", "redeem", "reward", "visit", "coupon", "tier"})


def store(tx: Tx, desk: Desk, recorded: Sequence[Recorded]) -> None:
    """Store all changed books, and record what commands did and which accounts have other figures."""
    changed = [book for book in desk.books.values() if book.is_changed]
    if changed:
        accounts.store(tx, [book.state for book in changed])
        store_pages(tx, changed)
    if desk.spent:
        rotating_codes.use(tx, desk.spent)
    # Several commands may have changed one account, so none of them is named for it.
    accounts_changed = [(walletd(book.state.merchant_id), _change(book, desk)) for book in changed]
    record_all(tx, desk.now, [*recorded, *accounts_changed])


def _change(page: AccountPage, desk: Desk) -> AccountChanged:
    urgency = BOOKED if _is_told(page) else CHANGED
    return AccountChanged(page.state, urgency, watched=page.state.merchant_id in desk.told)


def _is_told(page: AccountPage) -> bool:
    """Say whether the holder did something, so that it may be worth a notification; corrections are not."""
    return any(item.entry.kind in _TOLD and item.entry.status == ACTIVE for item in page.appended)


def store_pages(tx: Tx, pages: Sequence[AccountPage]) -> None:
    """Store the transactions, entries, lots and redemptions of changed accounts."""
    merchant_of = {page.state.id: page.state.merchant_id for page in pages}
    if transactions := [item for page in pages for item in page.transactions]:
        ledger.insert_transactions(tx, transactions)
    if entries := [item.entry for page in pages for item in page.appended]:
        ledger.append(tx, merchant_of, entries)
    if made := [page.lots[lot_id] for page in pages for lot_id in page.new_lots]:
        lots.insert(tx, merchant_of, made)
    if touched := [page.lots[lot_id] for page in pages for lot_id in page.changed_lots]:
        lots.update(tx, touched)
    if consumptions := [row for page in pages for row in _consumptions(page)]:
        lots.consume(tx, consumptions)
    _store_redemptions(tx, pages)


def _consumptions(page: AccountPage) -> list[dict[str, object]]:
    return [
        {
            "account_id": page.state.id,
            "merchant_id": page.state.merchant_id,
            "entry_id": item.entry.id,
            "lot_id": part.lot_id,
            "place": place,
            "amount": part.amount,
        }
        for item in page.appended
        for place, part in enumerate(item.consumptions)
    ]


def _store_redemptions(tx: Tx, pages: Sequence[AccountPage]) -> None:
    if made := [page.redemptions[code] for page in pages for code in page.new_redemptions]:
        redemptions.insert(tx, made)
    if changed := [page.redemptions[code] for page in pages for code in page.changed_redemptions]:
        redemptions.update(tx, changed)
