"""Undoing a merge: value goes back as far as it is still there, cards and keys lead where they led before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from walletd.db.cards import moves, programs
from walletd.db.customers import customers, merges
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts, lots
from walletd.domain.cards.programs import Program
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.merges import (
    JoinedAccounts,
    Journal,
    Merge,
    MergeNotUndoable,
    MovedLot,
    all_origins,
    newer_consent,
    stricter,
)
from walletd.domain.identifiers import KeyState
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.lots import Consumption
from walletd.domain.ledger.transfers import give_back_parcel, take_home
from walletd.domain.merchants.principals import Principal
from walletd.services.customers.merges.moves import transaction_of
from walletd.services.ledger.balances import load_lots, open_books
from walletd.services.ledger.bookings.outcomes import store_books


@dataclass(frozen=True, slots=True)
class Separation:
    """Two accounts that were joined, and what each lot brings back."""

    joined: JoinedAccounts
    moved: Sequence[MovedLot]
    back: Mapping[str, int]

    @property
    def amount(self) -> int:
        """Return what goes back, less the debt that goes with it."""
        return sum(self.back.values()) - self.joined.debt


def check_undoable(tx: Tx, merge: Merge, now: datetime) -> None:
    """Raise MergeNotUndoable where the merge cannot be undone any more, and what stands against it."""
    merge.check_undoable(now)
    later = merges.built_on(tx, merge)
    if later is not None:
        raise MergeNotUndoable(f"The merge {later} came later; undo that one first.", merge_id=later)
    for customer_id in (merge.plan.identity_survivor, merge.plan.absorbed):
        customer = customers.find(tx, merge.merchant_id, customer_id)
        if customer is not None and customer.erased_at is not None:
            raise MergeNotUndoable("The customers of this merge were erased.")
    present = moves.present_keys(tx, [card.serial_number for card in merge.journal.cards])
    for card in merge.journal.cards:
        if present.get(card.serial_number) != card.key_after:
            raise MergeNotUndoable(
                f"The key of card {card.serial_number} was rewritten since.", serial_number=card.serial_number
            )
    before = {item.key for item in merge.journal.keys}
    for key in moves.keys_of(tx, merge.merchant_id, present):
        if key.state == KeyState.RETIRED and key.key in before:
            raise MergeNotUndoable(
                f"A key of card {key.serial_number} was retired since; undoing would bring it back.",
                serial_number=key.serial_number,
            )


def separate(
    tx: Tx, by: Principal, merge: Merge, now: datetime, *, lock: bool
) -> tuple[list[AccountBook], list[Separation]]:
    """Move back in memory what the merge joined; raises RedemptionOpen."""
    joined = merge.journal.joined
    account_ids = sorted({account_id for item in joined for account_id in (item.from_account, item.into_account)})
    states = accounts.by_id(tx, account_ids, lock=lock) if account_ids else {}
    books = open_books(tx, list(states.values()), now)
    known = programs.with_zones(tx, {item.program_id for item in joined}) if joined else {}
    separations = [
        _separate(tx, by, merge, item, (books[item.from_account], books[item.into_account], known[item.program_id][0]))
        for item in reversed(joined)
    ]
    return list(books.values()), separations


def put_back(tx: Tx, merge: Merge, books: Sequence[AccountBook]) -> None:
    """Store what was moved back, and let cards, keys, accounts and customers lead where they led before."""
    journal, plan = merge.journal, merge.plan
    store_books(tx, books)
    for item in journal.joined:
        accounts.set_merged(tx, item.from_account, None)
        for account_id in item.forwarded:
            accounts.set_merged(tx, account_id, item.from_account)
    if journal.owned:
        accounts.set_owner(tx, journal.owned, plan.absorbed)
        moves.give_cards_of(tx, journal.owned, plan.absorbed)
    moves.place_cards(tx, journal.cards)
    moves.place_keys(tx, merge.merchant_id, journal.keys)
    customers.set_merged(tx, plan.absorbed, None)
    for customer_id in journal.customers:
        customers.set_merged(tx, customer_id, plan.absorbed)
    _restore_flags(tx, merge)


def lock_customers(tx: Tx, merge: Merge) -> None:
    """Keep both customers as they are until commit, in the order in which a merge does."""
    for customer_id in sorted({merge.plan.identity_survivor, merge.plan.absorbed}):
        customers.find(tx, merge.merchant_id, customer_id, lock=True)


def _separate(
    tx: Tx, by: Principal, merge: Merge, item: JoinedAccounts, of: tuple[AccountBook, AccountBook, Program]
) -> Separation:
    home, taking, program = of
    moved = merges.lots_of(tx, merge.id, item.from_account)
    sources = _debt_sources(tx, item)
    wanted = {part.to_lot for part in moved if part.to_lot} | {part.from_lot for part in moved}
    books = {book.state.id: book for book in (home, taking)}
    load_lots(tx, books, wanted | {part.lot_id for part in sources})
    back = give_back_parcel(
        taking,
        transaction_of(by, "merge_undo", taking, home, merge.plan.reason),
        item,
        moved,
        sources,
        program,
    )
    take_home(home, transaction_of(by, "merge_undo", home, taking, merge.plan.reason), item, moved, back)
    return Separation(item, moved, back)


def _debt_sources(tx: Tx, item: JoinedAccounts) -> tuple[Consumption, ...]:
    """Return which lots of the surviving account paid a debt that it took over."""
    if item.debt_entry is None:
        return ()
    return lots.consumed_by(tx, item.into_account, item.debt_entry)


def _restore_flags(tx: Tx, merge: Merge) -> None:
    """Give the survivor the flags back that it had, unless somebody changed them since."""
    survivor = customers.find(tx, merge.merchant_id, merge.plan.identity_survivor)
    absorbed = customers.find(tx, merge.merchant_id, merge.plan.absorbed)
    if survivor is None or absorbed is None:
        return
    journal = merge.journal
    blocked, status = (
        journal.redeem_blocked or absorbed.redeem_blocked,
        stricter([journal.loyalty_status, absorbed.loyalty_status]),
    )
    restored = replace(
        survivor,
        redeem_blocked=journal.redeem_blocked if survivor.redeem_blocked == blocked else survivor.redeem_blocked,
        loyalty_status=journal.loyalty_status if survivor.loyalty_status == status else survivor.loyalty_status,
    )
    customers.change(tx, [_restored_person(restored, absorbed, journal)])


def _restored_person(survivor: Customer, absorbed: Customer, journal: Journal) -> Customer:
    """Return the survivor with the origins and the consent from before, where nobody changed them since."""
    origins, opt_in = survivor.details.origins, survivor.opt_in
    if journal.origins is not None and origins == all_origins(journal.origins, absorbed.details.origins):
        origins = journal.origins
    if journal.opt_in is not None and opt_in == newer_consent(journal.opt_in, absorbed.opt_in):
        opt_in = journal.opt_in
    return replace(survivor, opt_in=opt_in, details=replace(survivor.details, origins=origins))
