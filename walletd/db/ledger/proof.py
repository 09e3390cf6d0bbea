"""Reading the books for their proof: entries in order with all they stand for, and what contradicts itself in SQL.

Everything is asked for a range of account ids, so that memory stays bounded whatever the size of the books.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, select, text, tuple_

from walletd.db.engine.base import Tx
from walletd.db.ledger.accounts import accounts
from walletd.db.ledger.entries import ledger_entries, to_pair, with_transaction
from walletd.db.ledger.lots import lot_consumptions, lots
from walletd.db.ledger.redemptions import redemptions
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.ledger.lots import Consumption
from walletd.domain.ledger.redemptions import RedemptionState

_PAGE: Final = 2000

_RANGE = ledger_entries.c.account_id.between(bindparam("first"), bindparam("last"))
_AFTER = tuple_(ledger_entries.c.account_id, ledger_entries.c.sequence) > tuple_(
    bindparam("account"), bindparam("after")
)
_ENTRIES = (
    with_transaction()
    .where(_RANGE, _AFTER)
    .order_by(ledger_entries.c.account_id, ledger_entries.c.sequence)
    .limit(_PAGE)
)
_CONSUMPTIONS = (
    select(lot_consumptions)
    .join(
        ledger_entries,
        (ledger_entries.c.account_id == lot_consumptions.c.account_id)
        & (ledger_entries.c.id == lot_consumptions.c.entry_id),
    )
    .where(
        _AFTER,
        tuple_(ledger_entries.c.account_id, ledger_entries.c.sequence)
        <= tuple_(bindparam("last_account"), bindparam("last_sequence")),
    )
    .order_by(lot_consumptions.c.entry_id, lot_consumptions.c.place)
)

_CONTRADICTIONS: Final[Mapping[str, str]] = {
    "lot {subject} is not what its entry credited": (
        "SELECT e.account_id, e.id AS subject FROM ledger_entries e LEFT JOIN lots l ON l.id = e.id"
        " WHERE e.account_id BETWEEN :first AND :last AND ("
        "CASE WHEN e.format >= 2 THEN e.lot_amount WHEN e.amount > 0 THEN e.amount ELSE 0 END <> COALESCE(l.amount, 0)"
        " OR (l.id IS NOT NULL AND (l.account_id <> e.account_id OR l.merchant_id <> e.merchant_id"
        " OR l.sequence <> e.sequence OR COALESCE(l.locked_until, -1) <> COALESCE(e.locked_until, -1)"
        " OR COALESCE(l.valid_until, -1) <> COALESCE(e.valid_until, -1)"
        " OR l.consumption_order <> COALESCE(l.valid_until, 4611686018427387904))))"
    ),
    "lot {subject} belongs to no entry": (
        "SELECT l.account_id, l.id AS subject FROM lots l LEFT JOIN ledger_entries e ON e.id = l.id"
        " WHERE l.account_id BETWEEN :first AND :last AND e.id IS NULL"
    ),
    "lot {subject} holds something else than was left of it": (
        "SELECT l.account_id, l.id AS subject FROM lots l LEFT JOIN"
        " (SELECT lot_id, SUM(amount) AS taken FROM lot_consumptions"
        " WHERE account_id BETWEEN :first AND :last GROUP BY lot_id) c ON c.lot_id = l.id"
        " WHERE l.account_id BETWEEN :first AND :last AND l.amount - COALESCE(c.taken, 0) <> l.remaining"
    ),
    "something was taken by entry {subject}, or out of a lot, that is not there": (
        "SELECT c.account_id, c.entry_id AS subject FROM lot_consumptions c"
        " LEFT JOIN ledger_entries e ON e.id = c.entry_id AND e.account_id = c.account_id"
        " LEFT JOIN lots l ON l.id = c.lot_id AND l.account_id = c.account_id"
        " WHERE c.account_id BETWEEN :first AND :last"
        " AND (e.id IS NULL OR l.id IS NULL OR c.merchant_id <> e.merchant_id)"
    ),
    "entry {subject} was there at the time of a checkpoint, and is gone or changed": (
        "SELECT h.account_id, h.sequence AS subject FROM checkpoint_heads h LEFT JOIN ledger_entries e"
        " ON e.account_id = h.account_id AND e.sequence = h.sequence"
        " WHERE h.account_id BETWEEN :first AND :last AND (e.hash IS NULL OR e.hash <> h.hash)"
    ),
    "account {subject} leads to another account than its entries say": (
        "SELECT a.id AS account_id, a.id AS subject FROM accounts a"
        " LEFT JOIN (SELECT account_id, MAX(sequence) AS sequence FROM ledger_entries"
        " WHERE account_id BETWEEN :first AND :last AND kind IN ('merge_out', 'merge_undo') GROUP BY account_id) m"
        " ON m.account_id = a.id"
        " LEFT JOIN ledger_entries e ON e.account_id = a.id AND e.sequence = m.sequence AND e.kind = 'merge_out'"
        " LEFT JOIN transactions t ON t.id = e.transaction_id LEFT JOIN accounts b ON b.id = t.reference"
        " WHERE a.id BETWEEN :first AND :last"
        " AND COALESCE(a.merged_into, '') <> COALESCE(b.merged_into, t.reference, '')"
    ),
    "entry {subject} belongs to another merchant than its account": (
        "SELECT e.account_id, e.id AS subject FROM ledger_entries e JOIN accounts a ON a.id = e.account_id"
        " WHERE e.account_id BETWEEN :first AND :last AND e.merchant_id <> a.merchant_id"
    ),
}
_ORPHANS: Final = (
    "SELECT e.account_id, e.id AS subject FROM ledger_entries e LEFT JOIN accounts a ON a.id = e.account_id"
    " WHERE a.id IS NULL LIMIT 1"
)
_VANISHED: Final = (
    "SELECT h.account_id, h.account_id AS subject FROM checkpoint_heads h"
    " LEFT JOIN accounts a ON a.id = h.account_id WHERE a.id IS NULL LIMIT 1"
)
_IDLE: Final = (
    "SELECT t.account_id, t.id AS subject FROM transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id"
    " WHERE e.id IS NULL AND t.created_at >= (SELECT MIN(created_at) FROM ledger_entries WHERE format >= 2) LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the books that contradicts something else."""

    account_id: str
    detail: str


Line = tuple[Entry, Transaction, tuple[Consumption, ...]]


def lines(tx: Tx, first: str, last: str) -> Iterator[list[Line]]:
    """Yield the entries of a range of accounts in order, page by page, each with its transaction and consumptions.

    An entry whose transaction is gone is left out, which leaves a gap in its account's sequence.
    """
    account, after = first, 0
    while True:
        place = {"account": account, "after": after}
        pairs = [to_pair(row) for row in tx.execute(_ENTRIES, {**place, "first": first, "last": last})]
        if not pairs:
            return
        end = pairs[-1][0]
        taken: dict[str, list[Consumption]] = {}
        for row in tx.execute(_CONSUMPTIONS, {**place, "last_account": end.account_id, "last_sequence": end.sequence}):
            taken.setdefault(row.entry_id, []).append(Consumption(row.lot_id, row.amount))
        yield [(entry, transaction, tuple(taken.get(entry.id, ()))) for entry, transaction in pairs]
        account, after = end.account_id, end.sequence


def contradictions(tx: Tx, first: str, last: str) -> list[Fault]:
    """Return what the lots of a range of accounts say that their entries do not."""
    found = [
        Fault(row.account_id, sentence.format(subject=row.subject))
        for sentence, query in _CONTRADICTIONS.items()
        for row in tx.execute(text(query), {"first": first, "last": last})
    ]
    return found + _wrong_reservations(tx, first, last)


def strays(tx: Tx) -> list[Fault]:
    """Return an entry without an account, an account that vanished, a transaction without an entry, where there are."""
    sentences = {
        "entry {subject} belongs to no account": _ORPHANS,
        "account {subject} was there at the time of a checkpoint, and is gone": _VANISHED,
        "transaction {subject} has no entry": _IDLE,
    }
    return [
        Fault(row.account_id, sentence.format(subject=row.subject))
        for sentence, query in sentences.items()
        for row in tx.execute(text(query))
    ]


def expected_entries(tx: Tx) -> int:
    """Return how many entries the accounts say there are."""
    return int(tx.execute(select(func.coalesce(func.sum(accounts.c.sequence), 0))).scalar_one())


def _wrong_reservations(tx: Tx, first: str, last: str) -> list[Fault]:
    """Compare what lots and accounts say is reserved with the open redemptions."""
    of_lot: dict[tuple[str, str], int] = {}
    of_account: dict[str, int] = {}
    open_ones = select(redemptions).where(
        redemptions.c.account_id.between(first, last), redemptions.c.state == RedemptionState.RESERVED
    )
    for row in tx.execute(open_ones):
        of_account[row.account_id] = of_account.get(row.account_id, 0) + row.amount
        for lot_id, amount in row.allocations:
            of_lot[row.account_id, lot_id] = of_lot.get((row.account_id, lot_id), 0) + amount
    held_lots = select(lots.c.account_id, lots.c.id, lots.c.reserved).where(
        lots.c.account_id.between(first, last), lots.c.reserved != 0
    )
    held_accounts = select(accounts.c.id, accounts.c.reserved).where(
        accounts.c.id.between(first, last), accounts.c.reserved != 0
    )
    stored_lots = {(row.account_id, row.id): row.reserved for row in tx.execute(held_lots)}
    stored_accounts = {row.id: row.reserved for row in tx.execute(held_accounts)}
    wrong = [key for key in of_lot.keys() | stored_lots.keys() if of_lot.get(key) != stored_lots.get(key)]
    faults = [Fault(account, f"lot {lot} is reserved for no open redemption, or not wholly") for account, lot in wrong]
    return faults + [
        Fault(account, "what is reserved is not what the open redemptions hold")
        for account in of_account.keys() | stored_accounts.keys()
        if of_account.get(account) != stored_accounts.get(account)
    ]
