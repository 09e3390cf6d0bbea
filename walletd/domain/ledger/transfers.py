"""Transfers between two accounts of a customer, and back: how a merge moves value without making or losing any.

Each lot goes over as a lot with the same lock and validity; debt, turnover and what is left of purchases go with it
(I-08). The other side of each entry is the merchant's account `merged`, which always sums up to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from walletd.domain.cards.programs import Program, tiers_of
from walletd.domain.customers.merges import JoinedAccounts, MovedLot, RedemptionOpen
from walletd.domain.errors import BalanceLimit
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.bookings.postings import pay_debt
from walletd.domain.ledger.books import AccountBook, Effect, portions
from walletd.domain.ledger.entries import Transaction
from walletd.domain.ledger.lots import Consumption, Lot
from walletd.domain.ledger.movements import Movement

_MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Transfer:
    """All that an account gives away: the lots as they were, with what of each goes over."""

    account_id: str
    lots: tuple[tuple[Lot, int], ...]
    debt: int
    turnover: int
    carry: int
    tier: str | None
    member_until: datetime | None

    @property
    def total(self) -> int:
        """Return what goes over in sum, less the debt."""
        return sum(amount for _, amount in self.lots) - self.debt


def give_away(book: AccountBook, transaction: Transaction) -> Transfer:
    """Empty the account into a transfer; raises RedemptionOpen."""
    _check_nothing_held(book)
    state = book.state
    lots = tuple(book.lots_in_order())
    tied = _tie(book.now, lots, state.unallocated)
    consumptions = book.take(sum(lot.free for lot in lots), iter(lots))
    book.begin(transaction)
    movement = Movement("merge_out", -state.balance, _MERGED, turnover=-state.turnover)
    book.append(transaction, movement, Effect(consumptions, debt=-state.debt, unallocated=-state.unallocated))
    going = tuple((lot, lot.remaining - tied.get(lot.id, 0)) for lot in lots)
    return Transfer(state.id, going, state.debt, state.turnover, state.carry, state.tier, state.member_until)


def take_over(
    book: AccountBook, transaction: Transaction, transfer: Transfer, program_id: str, tier: str | None
) -> tuple[JoinedAccounts, tuple[MovedLot, ...]]:
    """Take a transfer into the account; `tier` is the one that goes on. Raises BalanceLimit."""
    before = book.state
    if before.balance + sum(amount for _, amount in transfer.lots) > AMOUNT_MAX:
        raise BalanceLimit(f"Together the accounts hold more than {AMOUNT_MAX}.", available=AMOUNT_MAX)
    book.begin(transaction)
    moved = tuple(_take_lot(book, transaction, lot, amount) for lot, amount in transfer.lots)
    sources = _take_for_debt(book, transfer.debt)
    missing = transfer.debt - sum(part.amount for part in sources)
    until = max(filter(None, (before.member_until, transfer.member_until)), default=None)
    last = book.append(
        transaction,
        Movement(
            "merge",
            -transfer.debt,
            _MERGED,
            turnover=transfer.turnover,
            carry=before.carry + transfer.carry,
            tier=tier if tier != before.tier else None,
            member_until=until if until != before.member_until else None,
        ),
        Effect(sources, debt=missing),
    )
    joined = JoinedAccounts(
        program_id,
        transfer.account_id,
        before.id,
        transfer.total,
        transfer.debt,
        transfer.turnover,
        transfer.carry,
        last.id if transfer.debt else None,
        before.tier,
        book.state.tier,
        before.member_until,
        book.state.member_until,
    )
    return joined, moved


def give_back_parcel(
    book: AccountBook,
    transaction: Transaction,
    joined: JoinedAccounts,
    moved: Sequence[MovedLot],
    debt_sources: Sequence[Consumption],
    program: Program,
) -> Mapping[str, int]:
    """Undo `take_over` as far as it is still there; return by moved lot how much goes back. Raises RedemptionOpen."""
    _check_nothing_held(book)
    book.begin(transaction)
    if joined.debt:
        grace = timedelta(days=program.number("grace_days"))
        _return_debt(book, transaction, joined.debt, debt_sources, grace)
    back = _left_of(book, moved)
    parts = tuple(
        Consumption(part.to_lot, back[part.from_lot]) for part in moved if part.to_lot and back[part.from_lot]
    )
    for part in parts:
        book.consume(part.lot_id, part.amount)
    state = book.state
    went_up = state.tier != joined.tier_before and state.tier == joined.tier_after
    went_on = state.member_until != joined.member_until_before and state.member_until == joined.member_until_after
    # No entry can set no tier again, so the lowest stands for it.
    lowest = next((tier.name for tier in tiers_of(program)), None)
    movement = Movement(
        "merge_undo",
        -sum(part.amount for part in parts),
        _MERGED,
        turnover=-joined.turnover,
        carry=max(state.carry - joined.carry, 0),
        tier=(joined.tier_before or lowest) if went_up else None,
        member_until=joined.member_until_before if went_on else None,
    )
    book.append(transaction, movement, Effect(parts))
    paid = sum(part.paid for part in moved)
    if paid:
        _owe_again(book, transaction, paid)
    return {part.from_lot: back[part.from_lot] + part.paid for part in moved}


def take_home(
    book: AccountBook,
    transaction: Transaction,
    joined: JoinedAccounts,
    moved: Sequence[MovedLot],
    back: Mapping[str, int],
) -> None:
    """Put what comes back into the lots it came from, and what else was given away."""
    book.begin(transaction)
    tied = sum(part.tied for part in moved)
    parts = [Consumption(part.from_lot, -(back[part.from_lot] + part.tied)) for part in moved]
    kept = tuple(part for part in parts if part.amount)
    for part in kept:
        book.consume(part.lot_id, part.amount)
    movement = Movement(
        "merge_undo", sum(back.values()) - joined.debt, _MERGED, turnover=joined.turnover, carry=joined.carry
    )
    book.append(transaction, movement, Effect(kept, debt=joined.debt, unallocated=tied))
    pay_debt(book, lambda: transaction)


def _check_nothing_held(book: AccountBook) -> None:
    if book.state.reserved:
        raise RedemptionOpen(
            f"A till holds {book.state.reserved} of account {book.state.id}.", account_id=book.state.id
        )


def _tie(now: datetime, lots: Sequence[Lot], unallocated: int) -> dict[str, int]:
    """Say which lots stand for debits that were tied to none: those that can be redeemed first."""
    free = (lot for lot in lots if not lot.is_locked(now))
    locked = (lot for lot in lots if lot.is_locked(now))
    return {part.lot_id: part.amount for part in portions(unallocated, chain(free, locked))}


def _take_lot(book: AccountBook, transaction: Transaction, lot: Lot, amount: int) -> MovedLot:
    """Take one lot over with its lock and validity; debt is paid first."""
    tied = lot.remaining - amount
    if not amount:
        return MovedLot(lot.id, None, 0, tied)
    paid = min(book.state.debt, amount)
    movement = Movement(
        "merge",
        amount,
        _MERGED,
        carry=book.state.carry,
        locked_until=lot.locked_until if lot.is_locked(book.now) else None,
        valid_until=lot.valid_until,
    )
    entry = book.append(transaction, movement, Effect(debt=-paid, lot_amount=amount - paid))
    return MovedLot(lot.id, entry.id if amount > paid else None, amount, tied, paid)


def _left_of(book: AccountBook, moved: Sequence[MovedLot]) -> dict[str, int]:
    """Say how much of each lot is still there to go back; what debits tied to no lot stand for stays."""
    left, back = max(book.balances().redeemable, 0), dict[str, int]()
    for part in moved:
        lot = None if part.to_lot is None else book.lots.get(part.to_lot)
        going = 0 if lot is None else lot.free
        if lot is not None and not lot.is_locked(book.now):
            going = min(going, left)
            left -= going
        back[part.from_lot] = going
    return back


def _return_debt(
    book: AccountBook, transaction: Transaction, debt: int, sources: Sequence[Consumption], grace: timedelta
) -> None:
    """Give up a debt that was taken over: what was owed is not any more, what it took comes back."""
    owed = min(book.state.debt, debt)
    rest, back = debt - owed, list[Consumption]()
    for part in sources:
        portion = min(part.amount, rest)
        if portion and not book.lots[part.lot_id].has_ended(book.now):
            book.consume(part.lot_id, -portion)
            back.append(Consumption(part.lot_id, -portion))
            rest -= portion
    movement = Movement(
        "merge_undo", debt, _MERGED, carry=book.state.carry, valid_until=book.now + grace if rest else None
    )
    book.append(transaction, movement, Effect(tuple(back), lot_amount=rest, debt=-owed))


def _owe_again(book: AccountBook, transaction: Transaction, amount: int) -> None:
    """Take back what had paid a debt: out of what is there, else it is owed again."""
    parts = _take_for_debt(book, amount)
    movement = Movement("merge_undo", -amount, _MERGED, carry=book.state.carry)
    book.append(transaction, movement, Effect(parts, debt=amount - sum(part.amount for part in parts)))


def _take_for_debt(book: AccountBook, debt: int) -> tuple[Consumption, ...]:
    """Take what there is for a debt, locked lots last: debt is only what no lot is left for (D2.4)."""
    free = max(book.state.held - book.state.reserved - book.state.unallocated, 0)
    locked = (lot for lot in tuple(book.lots.values()) if lot.is_locked(book.now))
    return book.take(min(debt, free), chain(book.redeemable_lots(), locked))
