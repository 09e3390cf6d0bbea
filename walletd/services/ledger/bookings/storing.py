"""Storing what a batch decided: set-based, one statement per table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from walletd.db.cards import rotating_codes
from walletd.db.delivery import publishing
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts, lots, redemptions
from walletd.db.ledger import entries as ledger
from walletd.db.merchants import audit
from walletd.db.merchants.audit import Deed
from walletd.domain.delivery.publishing import BOOKED, CHANGED
from walletd.domain.ledger.account_page import AccountPage
from walletd.domain.ledger.entries import ACTIVE
from walletd.services.ledger.bookings.loading import Desk
from walletd.services.outbox import webhook_events

_TOLD: Final = frozenset({"earn", "manual_credit", "redeem", "reward", "visit", "coupon", "tier"})


def store(tx: Tx, desk: Desk, deeds: Sequence[Deed]) -> list[str]:
    """Store all changed books and the deeds; return the serial numbers of cards that show something else now.

    Inside of `together` the list is filled at its end.
    """
    changed = [book for book in desk.books.values() if book.is_changed]
    if changed:
        accounts.store(tx, [book.state for book in changed])
        store_pages(tx, changed)
    if deeds:
        audit.record_all(tx, deeds, desk.now)
    if desk.spent:
        rotating_codes.use(tx, desk.spent)
    if not changed:
        return []
    if told := [book.state for book in changed if book.state.merchant_id in desk.told]:
        webhook_events.tell_accounts_changed(tx, told, desk.now)
    urgencies = {book.state.id: BOOKED if _is_told(book) else CHANGED for book in changed}
    return publishing.mark_each_dirty(tx, urgencies, desk.now)


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
