"""Exact balances: books of accounts, advanced in memory to the instant at which they are read.

Look-ups, statements, faces and bookings all read balances here, so all of them say the same at every boundary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain

from walletd.db.engine.base import Tx
from walletd.db.ledger import lots, redemptions
from walletd.domain.identifiers import new_id
from walletd.domain.ledger.balances import EXPIRING_SOON, AccountState
from walletd.domain.ledger.bookings.postings import Horizon, advance
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.entries import Transaction
from walletd.domain.ledger.lots import Lot

TIME = "walletd"
"""The actor of what time alone does."""


def open_books(
    tx: Tx, states: Collection[AccountState], now: datetime, *, with_next_end: bool = False
) -> dict[str, AccountBook]:
    """Return a book for each account, advanced to now in memory; it shows the exact balances whether stored or not.

    `with_next_end` reads what ends next also where that is more than 30 days away.
    """
    soon = now + EXPIRING_SOON
    ending = [state.id for state in states if state.next_expiry is not None and state.next_expiry <= soon]
    locked = [state.id for state in states if state.last_unlock is not None and state.last_unlock > now]
    near: dict[str, list[Lot]] = {}
    later = [state.id for state in states if with_next_end and state.next_expiry is not None]
    found = {lot.id: lot for lot in chain(lots.ending_soon(tx, ending, now), lots.locked(tx, locked, now))}
    found |= {lot.id: lot for lot in lots.ending_next(tx, later, now)}
    for lot in found.values():
        near.setdefault(lot.account_id, []).append(lot)
    books = {
        state.id: AccountBook(
            state, near.get(state.id, ()), now, partial(new_id, "ent", now), lots.in_consumption_order(tx, state.id)
        )
        for state in states
    }
    _advance(tx, books, [book for book in books.values() if book.is_due])
    return books


def _advance(tx: Tx, books: Mapping[str, AccountBook], due: Sequence[AccountBook]) -> None:
    if not due:
        return
    ids, now = [book.state.id for book in due], due[0].now
    for redemption in redemptions.stale(tx, ids, now):
        books[redemption.account_id].redemptions[redemption.code] = redemption
    held = (part.lot_id for book in due for item in book.redemptions.values() for part in item.allocations)
    load_lots(tx, books, held)
    ends, unlocks = lots.next_ends(tx, ids, now), lots.next_unlocks(tx, ids, now)
    hold_ends = redemptions.next_ends(tx, ids, now)
    for book in due:
        account_id = book.state.id
        horizon = Horizon(ends.get(account_id), unlocks.get(account_id), hold_ends.get(account_id))
        advance(book, partial(time_transaction, book.state, now), horizon)


def time_transaction(account: AccountState, now: datetime) -> Transaction:
    """Return a transaction of what time did to an account."""
    return Transaction(new_id("txn", now), account.merchant_id, account.id, None, "expiry", TIME, now)


def load_lots(tx: Tx, books: Mapping[str, AccountBook], lot_ids: Iterable[str]) -> None:
    """Put lots, open or not, into the books of their accounts.

    Lots of an account without a book are left out: a moved lot that was spent before it could move on stayed there.
    """
    for lot in lots.by_id(tx, sorted(set(lot_ids))):
        if lot.account_id in books:
            books[lot.account_id].lots.setdefault(lot.id, lot)
