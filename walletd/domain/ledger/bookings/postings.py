"""Postings: what bookings, redemptions, reversals and time append to an account's book.

A book is advanced to its instant before anything is decided: reservations whose time is over are discarded, lots whose
validity is over expire, each in the order of its moment. So every command meets the exact state of its instant, and the
books do not depend on when somebody looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from operator import itemgetter

from walletd.domain.errors import AccountUnproved, BalanceLimit, InsufficientBalance
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.books import AccountBook, Effect, earlier, portions
from walletd.domain.ledger.entries import Entry, EntryStatus, Transaction
from walletd.domain.ledger.lots import Consumption, Lot, consumption_order, share
from walletd.domain.ledger.movements import Movement
from walletd.domain.ledger.redemptions import Redemption, RedemptionState


@dataclass(frozen=True, slots=True)
class Horizon:
    """The first moments after now at which time alone changes an account, None where there is none."""

    next_expiry: datetime | None = None
    next_unlock: datetime | None = None
    next_hold_end: datetime | None = None


def advance(book: AccountBook, begin: Callable[[], Transaction], horizon: Horizon) -> None:
    """Book what time did: discard redemptions, let debt be paid by what was unlocked, expire lots.

    Needs the redemptions and lots it is about.
    """
    begun = cache(lambda: book.begin(begin()))
    for moment, subject in sorted(_events(book), key=itemgetter(0)):
        book.moment = moment
        if subject is None:
            pay_debt(book, begun)
        elif isinstance(subject, Redemption):
            _return(book, subject, RedemptionState.DISCARDED, begun())
        elif book.lots[subject.id].free:  # else it paid a debt, or went with a reservation that came back too late
            _expire(book, subject.id, begun())
    book.moment = book.now
    due = earlier(earlier(horizon.next_expiry, horizon.next_unlock), horizon.next_hold_end)
    book.state = replace(book.state, due_at=due, next_expiry=horizon.next_expiry)


def post(
    book: AccountBook, transaction: Transaction, movement: Movement, *, limit: int = AMOUNT_MAX, fefo: bool = True
) -> Entry:
    """Append what a booking moves; `fefo=False` ties a debit to no lot (D-24).

    Raises InsufficientBalance, BalanceLimit, AccountUnproved.
    """
    if movement.amount >= 0:
        _check_limit(book, movement.amount, limit)
        paid = min(book.state.debt, movement.amount)
        effect = Effect(debt=-paid, lot_amount=movement.amount - paid)
    else:
        _check_redeemable(book, -movement.amount)
        if fefo:
            effect = Effect(book.take(-movement.amount, book.redeemable_lots()))
        else:
            effect = Effect(unallocated=-movement.amount)
    return book.append(book.begin(transaction), movement, effect)


def reserve(book: AccountBook, redemption: Redemption) -> Redemption:
    """Hold the amount of a redemption, of what ends first; raises InsufficientBalance, AccountUnproved."""
    _check_redeemable(book, redemption.amount)
    allocations = tuple(portions(redemption.amount, book.redeemable_lots()))
    for part in allocations:
        book.hold(part.lot_id, part.amount)
    held = replace(redemption, state=RedemptionState.RESERVED, allocations=allocations)
    book.note(held)
    book.state = replace(
        book.state,
        reserved=book.state.reserved + held.amount,
        due_at=earlier(book.state.due_at, held.expires_at),
    )
    return held


def capture(book: AccountBook, redemption: Redemption, transaction: Transaction, movement: Movement) -> Entry:
    """Take what a redemption holds, or a part of it; the rest goes back. Raises AccountUnproved."""
    _check_proved(book)
    book.begin(transaction)
    _release_hold(book, redemption)
    wanted, parts = -movement.amount, []
    for held in redemption.allocations:
        part = min(held.amount, wanted)
        if part:
            book.consume(held.lot_id, part)
            parts.append(Consumption(held.lot_id, part))
            wanted -= part
    entry = book.append(transaction, movement, Effect(tuple(parts)))
    book.note(
        replace(
            redemption,
            state=RedemptionState.CAPTURED,
            captured=-movement.amount,
            closed_at=book.now,
            transaction_id=transaction.id,
        )
    )
    _after_return(book, redemption, transaction)
    return entry


def release(book: AccountBook, redemption: Redemption, transaction: Transaction) -> None:
    """Give back what a redemption holds."""
    _return(book, redemption, RedemptionState.RELEASED, book.begin(transaction))


def reverse_credit(
    book: AccountBook, transaction: Transaction, original: Entry, movement: Movement, lot_id: str
) -> Entry:
    """Reverse a part of a credit: out of its own lot, what ends first, what is locked, and else as debt."""
    wanted = -movement.amount
    takeable = max(book.state.held - book.state.reserved - book.state.unallocated, 0)
    consumptions = book.take(min(wanted, takeable), _own_first(book, lot_id))
    debt = wanted - sum(part.amount for part in consumptions)
    return book.append(book.begin(transaction), movement, Effect(consumptions, debt=debt, corrects=original.id))


def reverse_debit(
    book: AccountBook,
    transaction: Transaction,
    original: Entry,
    parts: Sequence[Consumption],
    amount: int,
    grace: timedelta,
) -> Entry:
    """Reverse a part of a debit: debt first, then to the lots it came from, in proportion to `parts`.

    What belongs to a lot that expired comes back as a new lot that is valid for `grace`. Raises BalanceLimit.
    """
    _check_limit(book, amount, AMOUNT_MAX)
    paid = min(book.state.debt, amount)
    rest = amount - paid
    loose = 0 if parts else min(book.state.unallocated, rest)
    back, fresh = list[Consumption](), 0 if parts else rest - loose
    for part, portion in zip(parts, share(rest, [part.amount for part in parts]), strict=True):
        if book.lots[part.lot_id].has_ended(book.now):
            fresh += portion
        elif portion:
            book.consume(part.lot_id, -portion)
            back.append(Consumption(part.lot_id, -portion))
    movement = Movement(
        "reversal",
        amount,
        original.merchant_account,
        carry=book.state.carry,
        valid_until=book.now + grace if fresh and parts else None,
    )
    effect = Effect(tuple(back), fresh, -paid, -loose, corrects=original.id)
    return book.append(book.begin(transaction), movement, effect)


def reverse_debit_of_merged(
    book: AccountBook, transaction: Transaction, original: Entry, amount: int, valid_until: datetime | None
) -> Entry:
    """Reverse a part of a debit of an account that was merged into this one: debt first, the rest is a new lot.

    Raises BalanceLimit.
    """
    _check_limit(book, amount, AMOUNT_MAX)
    paid = min(book.state.debt, amount)
    movement = Movement("reversal", amount, original.merchant_account, carry=book.state.carry, valid_until=valid_until)
    effect = Effect(lot_amount=amount - paid, debt=-paid, corrects=original.id)
    return book.append(book.begin(transaction), movement, effect)


def pay_debt(book: AccountBook, begun: Callable[[], Transaction]) -> None:
    """Let debt be paid by what can be redeemed: both do not stand side by side (I-03)."""
    paying = min(book.state.debt, max(book.balances().redeemable, 0)) if book.state.debt else 0
    parts = book.take(paying, book.redeemable_lots()) if paying else ()
    if parts:
        effect = Effect(parts, debt=-sum(part.amount for part in parts))
        book.append(begun(), Movement("debt", 0, "redeemed"), effect)


def _events(book: AccountBook) -> list[tuple[datetime, Redemption | Lot | None]]:
    """Return what time did by now, each with its moment: what ended, and None for a lot that was unlocked.

    At the same moment reservations come first, by their age, and the ends of lots last, in consumption order.
    """
    stale = (item for item in book.redemptions.values() if item.has_expired(book.now))
    unlocks = _unlocks(book)
    ended = (lot for lot in book.lots.values() if lot.has_ended(book.now) and lot.remaining)
    return [
        *((item.expires_at, item) for item in sorted(stale, key=lambda item: (item.created_at, item.code))),
        *((moment, None) for moment in unlocks),
        *((lot.valid_until or book.now, lot) for lot in sorted(ended, key=consumption_order)),
    ]


def _unlocks(book: AccountBook) -> list[datetime]:
    """Return when lots were unlocked, where that may pay a debt: undoing a merge can leave one beside locked lots."""
    if not book.state.debt or book.state.last_unlock is None:
        return []
    moments = (lot.locked_until for lot in tuple(book.lots_in_order()))
    return [moment for moment in moments if moment is not None and moment <= book.now]


def _check_proved(book: AccountBook) -> None:
    if book.state.fault is not None:
        raise AccountUnproved


def _check_redeemable(book: AccountBook, amount: int) -> None:
    _check_proved(book)
    available = book.balances().redeemable
    if amount > available:
        raise InsufficientBalance(
            f"{available} can be redeemed now, {amount} were asked for.", available=available, requested=amount
        )


def _check_limit(book: AccountBook, amount: int, limit: int) -> None:
    if amount and book.state.balance + amount > limit:
        raise BalanceLimit(f"The account may hold {limit} at the most.", available=max(limit - book.state.balance, 0))


def _own_first(book: AccountBook, lot_id: str) -> Iterator[Lot]:
    own = [book.lots[lot_id]] if lot_id in book.lots else []
    locked = [lot for lot in book.lots.values() if lot.is_locked(book.now)]
    others = (lot for lot in chain(book.redeemable_lots(), locked) if lot.id != lot_id)
    return chain(own, others)


def _return(book: AccountBook, redemption: Redemption, state: RedemptionState, transaction: Transaction) -> None:
    """Put back what a redemption held; an entry that changes no balance keeps it in the history (I-04)."""
    _release_hold(book, redemption)
    book.append(transaction, Movement("redeem", -redemption.amount, "redeemed"), Effect(status=EntryStatus.DISCARDED))
    book.note(replace(redemption, state=state, closed_at=book.now, transaction_id=transaction.id))
    _after_return(book, redemption, transaction)


def _release_hold(book: AccountBook, redemption: Redemption) -> None:
    for held in redemption.allocations:
        book.hold(held.lot_id, -held.amount)
    book.state = replace(book.state, reserved=book.state.reserved - redemption.amount)


def _after_return(book: AccountBook, redemption: Redemption, transaction: Transaction) -> None:
    """Expire what came back too late, and let debt that arose meanwhile be paid by what came back (I-03)."""
    for held in redemption.allocations:
        lot = book.lots[held.lot_id]
        if lot.has_ended(book.moment) and lot.free:
            _expire(book, lot.id, transaction)
    pay_debt(book, lambda: transaction)


def _expire(book: AccountBook, lot_id: str, transaction: Transaction) -> None:
    free = book.lots[lot_id].free
    loose = min(book.state.unallocated, free)
    book.consume(lot_id, free)
    effect = Effect((Consumption(lot_id, free),), unallocated=-loose)
    book.append(transaction, Movement("expire", loose - free, "expired"), effect)
