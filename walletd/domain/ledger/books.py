"""An account's book: pure decisions that turn commands into entries, lots and reservations.

A book is settled to its instant before anything is decided: reservations whose time is over are discarded, lots whose
validity is over expire. So every command meets the exact state of its instant, whether or not the scheduler ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from walletd.domain.errors import AccountUnproved, BalanceLimit, InsufficientBalance
from walletd.domain.ledger.account_page import Effect, earlier
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.bookings import Movement
from walletd.domain.ledger.entries import DISCARDED, Entry, Transaction
from walletd.domain.ledger.lots import Consumption, Lot, consumption_order, share
from walletd.domain.ledger.redemptions import CAPTURED, RELEASED, RESERVED, Redemption
from walletd.domain.ledger.redemptions import DISCARDED as TIMED_OUT
from walletd.domain.ledger.transfers import TransferPage


@dataclass(frozen=True, slots=True)
class Horizon:
    """The first moments after now at which time alone changes an account, None where there is none."""

    next_expiry: datetime | None = None
    next_unlock: datetime | None = None
    next_hold_end: datetime | None = None


class AccountBook(TransferPage):
    """One account and what can be done with it; all or nothing of each command is kept in it."""

    @property
    def is_due(self) -> bool:
        """Say whether time has done something to the account that is not booked yet."""
        return self.state.due_at is not None and self.state.due_at <= self.now

    def settle(self, begin: Callable[[], Transaction], horizon: Horizon) -> None:
        """Book what time did: discard redemptions, expire lots. Needs the redemptions and lots it is about."""
        stale = [item for item in self.redemptions.values() if item.has_expired(self.now)]
        ended = [lot for lot in self.lots.values() if lot.has_ended(self.now) and lot.free]
        if stale or ended:
            transaction = self._begin(begin())
            for redemption in sorted(stale, key=lambda item: (item.created_at, item.code)):
                self._return(redemption, TIMED_OUT, transaction)
            for lot in sorted(ended, key=consumption_order):
                if self.lots[lot.id].free:  # else it went with a reservation that came back too late
                    self._expire(lot.id, transaction)
        due = earlier(earlier(horizon.next_expiry, horizon.next_unlock), horizon.next_hold_end)
        self.state = replace(self.state, due_at=due, next_expiry=horizon.next_expiry)

    def post(
        self, transaction: Transaction, movement: Movement, *, limit: int = AMOUNT_MAX, fefo: bool = True
    ) -> Entry:
        """Append what a booking moves; `fefo=False` ties a debit to no lot (D-24).

        Raises InsufficientBalance, BalanceLimit, AccountUnproved.
        """
        if movement.amount >= 0:
            self._check_limit(movement.amount, limit)
            paid = min(self.state.debt, movement.amount)
            effect = Effect(debt=-paid, lot_amount=movement.amount - paid)
        else:
            self._check_redeemable(-movement.amount)
            if fefo:
                effect = Effect(self._take(-movement.amount, self._redeemable()))
            else:
                effect = Effect(unallocated=-movement.amount)
        return self._append(self._begin(transaction), movement, effect)

    def reserve(self, redemption: Redemption) -> Redemption:
        """Hold the amount of a redemption, of what ends first; raises InsufficientBalance, AccountUnproved."""
        self._check_redeemable(redemption.amount)
        allocations = tuple(self._portions(redemption.amount, self._redeemable()))
        for part in allocations:
            self._hold(part.lot_id, part.amount)
        held = replace(redemption, state=RESERVED, allocations=allocations)
        self._note(held)
        self.state = replace(
            self.state,
            reserved=self.state.reserved + held.amount,
            due_at=earlier(self.state.due_at, held.expires_at),
        )
        return held

    def capture(self, redemption: Redemption, transaction: Transaction, movement: Movement) -> Entry:
        """Take what a redemption holds, or a part of it; the rest goes back. Raises AccountUnproved."""
        self._check_proved()
        self._begin(transaction)
        self._release_hold(redemption)
        wanted, parts = -movement.amount, []
        for held in redemption.allocations:
            part = min(held.amount, wanted)
            if part:
                self._consume(held.lot_id, part)
                parts.append(Consumption(held.lot_id, part))
                wanted -= part
        entry = self._append(transaction, movement, Effect(tuple(parts)))
        self._note(
            replace(
                redemption,
                state=CAPTURED,
                captured=-movement.amount,
                closed_at=self.now,
                transaction_id=transaction.id,
            )
        )
        self._after_return(redemption, transaction)
        return entry

    def release(self, redemption: Redemption, transaction: Transaction) -> None:
        """Give back what a redemption holds."""
        self._return(redemption, RELEASED, self._begin(transaction))

    def take_back(self, transaction: Transaction, original: Entry, movement: Movement, lot_id: str) -> Entry:
        """Reverse a part of a credit: out of its own lot, what ends first, what is locked, and else as debt."""
        wanted = -movement.amount
        takeable = max(self.state.held - self.state.reserved - self.state.unallocated, 0)
        consumptions = self._take(min(wanted, takeable), self._own_first(lot_id))
        debt = wanted - sum(part.amount for part in consumptions)
        return self._append(self._begin(transaction), movement, Effect(consumptions, debt=debt, corrects=original.id))

    def give_back(
        self, transaction: Transaction, original: Entry, parts: Sequence[Consumption], amount: int, grace: timedelta
    ) -> Entry:
        """Reverse a part of a debit: debt first, then to the lots it came from, in proportion to `parts`.

        What belongs to a lot that expired comes back as a new lot that is valid for `grace`. Raises BalanceLimit.
        """
        self._check_limit(amount, AMOUNT_MAX)
        paid = min(self.state.debt, amount)
        rest = amount - paid
        loose = 0 if parts else min(self.state.unallocated, rest)
        back, fresh = list[Consumption](), 0 if parts else rest - loose
        for part, portion in zip(parts, share(rest, [part.amount for part in parts]), strict=True):
            if self.lots[part.lot_id].has_ended(self.now):
                fresh += portion
            elif portion:
                self._consume(part.lot_id, -portion)
                back.append(Consumption(part.lot_id, -portion))
        movement = Movement(
            "reversal",
            amount,
            original.merchant_account,
            carry=self.state.carry,
            valid_until=self.now + grace if fresh and parts else None,
        )
        effect = Effect(tuple(back), fresh, -paid, -loose, corrects=original.id)
        return self._append(self._begin(transaction), movement, effect)

    def give_back_elsewhere(
        self, transaction: Transaction, original: Entry, amount: int, valid_until: datetime | None
    ) -> Entry:
        """Reverse a part of a debit of an account that was merged into this one: debt first, the rest is a new lot.

        Raises BalanceLimit.
        """
        self._check_limit(amount, AMOUNT_MAX)
        paid = min(self.state.debt, amount)
        movement = Movement(
            "reversal", amount, original.merchant_account, carry=self.state.carry, valid_until=valid_until
        )
        effect = Effect(lot_amount=amount - paid, debt=-paid, corrects=original.id)
        return self._append(self._begin(transaction), movement, effect)

    def _begin(self, transaction: Transaction) -> Transaction:
        self.transactions.append(transaction)
        return transaction

    def _check_proved(self) -> None:
        if self.state.fault is not None:
            raise AccountUnproved

    def _check_redeemable(self, amount: int) -> None:
        self._check_proved()
        available = self.balances().redeemable
        if amount > available:
            raise InsufficientBalance(
                f"{available} can be redeemed now, {amount} were asked for.", available=available, requested=amount
            )

    def _check_limit(self, amount: int, limit: int) -> None:
        if amount and self.state.balance + amount > limit:
            raise BalanceLimit(
                f"The account may hold {limit} at the most.", available=max(limit - self.state.balance, 0)
            )

    def _own_first(self, lot_id: str) -> Iterator[Lot]:
        own = [self.lots[lot_id]] if lot_id in self.lots else []
        locked = [lot for lot in self.lots.values() if lot.is_locked(self.now)]
        others = (lot for lot in chain(self._redeemable(), locked) if lot.id != lot_id)
        return chain(own, others)

    def _return(self, redemption: Redemption, state: str, transaction: Transaction) -> None:
        """Put back what a redemption held; an entry that changes no balance keeps it in the history (I-04)."""
        self._release_hold(redemption)
        self._append(transaction, Movement("redeem", -redemption.amount, "redeemed"), Effect(status=DISCARDED))
        self._note(replace(redemption, state=state, closed_at=self.now, transaction_id=transaction.id))
        self._after_return(redemption, transaction)

    def _release_hold(self, redemption: Redemption) -> None:
        for held in redemption.allocations:
            self._hold(held.lot_id, -held.amount)
        self.state = replace(self.state, reserved=self.state.reserved - redemption.amount)

    def _after_return(self, redemption: Redemption, transaction: Transaction) -> None:
        """Expire what came back too late, and let debt that arose meanwhile be paid by what came back (I-03)."""
        for held in redemption.allocations:
            lot = self.lots[held.lot_id]
            if lot.has_ended(self.now) and lot.free:
                self._expire(lot.id, transaction)
        self._pay_debt(transaction)

    def _expire(self, lot_id: str, transaction: Transaction) -> None:
        free = self.lots[lot_id].free
        loose = min(self.state.unallocated, free)
        self._consume(lot_id, free)
        effect = Effect((Consumption(lot_id, free),), unallocated=-loose)
        self._append(transaction, Movement("expire", loose - free, "expired"), effect)
