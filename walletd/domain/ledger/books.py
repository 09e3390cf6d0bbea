"""An account's book: an account in memory, the lots that matter now, and the few steps that all bookings are made of.

The steps keep what they changed until it is stored; `postings` and `transfers` are made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from walletd.domain.ledger.balances import AccountState, Balances, balances_at
from walletd.domain.ledger.entries import COLLECTING, Entry, EntryStatus, Transaction, entry_hash
from walletd.domain.ledger.lots import Consumption, Lot, consumption_order
from walletd.domain.ledger.movements import Movement
from walletd.domain.ledger.redemptions import Redemption

_BEFORE_ALL: Final = (datetime.min.replace(tzinfo=UTC), 0)
_CARRYING: Final = frozenset({"earn", "reversal", "merge", "merge_out", "merge_undo"})


@dataclass(frozen=True, slots=True)
class Appended:
    """A new entry with what it took of which lot."""

    entry: Entry
    consumptions: tuple[Consumption, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """What an entry does beside its amount: changes of debt and of what is tied to no lot, and the lot it makes."""

    consumptions: tuple[Consumption, ...] = ()
    lot_amount: int = 0
    debt: int = 0
    unallocated: int = 0
    status: EntryStatus = EntryStatus.ACTIVE
    corrects: str | None = None


_NO_EFFECT: Final = Effect()


class AccountBook:
    """One account in memory, at one instant.

    `now` is the instant at which all of it is booked. `moment` is the one by which lots are judged: the same, but for
    what time did before, which is made up for moment by moment.
    """

    def __init__(
        self,
        state: AccountState,
        lots: Iterable[Lot],
        now: datetime,
        new_id: Callable[[], str],
        more: Iterator[Sequence[Lot]] | None = None,
    ) -> None:
        """Take the lots that are locked or end within 30 days; `more` reads all open ones in consumption order."""
        self.state = state
        self.now = now
        self.moment = now
        self.lots = {lot.id: lot for lot in lots}
        self.redemptions: dict[str, Redemption] = {}
        self.transactions: list[Transaction] = []
        self.appended: list[Appended] = []
        self.new_lots: dict[str, None] = {}
        self.changed_lots: dict[str, None] = {}
        self.new_redemptions: dict[str, None] = {}
        self.changed_redemptions: dict[str, None] = {}
        self._before = state
        self._new_id = new_id
        self._more = more or iter(())
        self._read_up_to: tuple[datetime, int] | None = _BEFORE_ALL

    @property
    def is_changed(self) -> bool:
        """Say whether there is something to store."""
        return self.state is not self._before

    @property
    def is_due(self) -> bool:
        """Say whether time has done something to the account that is not booked yet."""
        return self.state.due_at is not None and self.state.due_at <= self.now

    def balances(self) -> Balances:
        """Return the balances at the moment."""
        return balances_at(self.state, self.lots.values(), self.moment)

    def begin(self, transaction: Transaction) -> Transaction:
        """Note a transaction whose entries follow."""
        self.transactions.append(transaction)
        return transaction

    def append(self, transaction: Transaction, movement: Movement, effect: Effect = _NO_EFFECT) -> Entry:
        """Append an entry of a transaction that was begun, and open the lot that it makes."""
        before = self.state
        moved = movement.amount if effect.status == EntryStatus.ACTIVE else 0
        entry = Entry(
            id=self._new_id(),
            transaction_id=transaction.id,
            account_id=before.id,
            merchant_account=movement.merchant_account,
            kind=movement.kind,
            status=effect.status,
            amount=movement.amount,
            unit=before.unit,
            currency=before.currency,
            sequence=before.sequence + 1,
            balance_after=before.balance + moved,
            debt_after=before.debt + effect.debt,
            lot_amount=effect.lot_amount,
            locked_until=movement.locked_until,
            valid_until=movement.valid_until,
            turnover=movement.turnover,
            carry_after=movement.carry if movement.kind in _CARRYING else before.carry,
            tier=movement.tier,
            member_until=movement.member_until,
            corrects=effect.corrects,
            created_at=self.now,
            previous_hash=before.head_hash,
            hash="",
        )
        # Nobody has seen it yet, and to copy all its fields takes longer than to work out the hash.
        object.__setattr__(entry, "hash", entry_hash(entry, effect.consumptions, transaction.content()))
        self.appended.append(Appended(entry, effect.consumptions))
        self.state = follow(before, entry, before.unallocated + effect.unallocated)
        if effect.lot_amount:
            self._open_lot(entry)
        return entry

    def _open_lot(self, entry: Entry) -> None:
        amount = entry.lot_amount
        lot = Lot(entry.id, entry.account_id, entry.sequence, amount, amount, 0, entry.locked_until, entry.valid_until)
        self.lots[lot.id] = lot
        self.new_lots[lot.id] = None
        self._expect(lot)

    def _expect(self, lot: Lot) -> None:
        """Note when time alone will change what a lot is worth."""
        if lot.locked_until is None and lot.valid_until is None:
            return
        state, due, last_unlock = self.state, self.state.due_at, self.state.last_unlock
        if lot.locked_until is not None and lot.is_locked(self.now):
            due = earlier(due, lot.locked_until)
            last_unlock = max(last_unlock or self.now, lot.locked_until)
        self.state = replace(
            state,
            due_at=earlier(due, lot.valid_until),
            next_expiry=earlier(state.next_expiry, lot.valid_until),
            last_unlock=last_unlock,
        )

    def lots_in_order(self) -> Iterator[Lot]:
        """Yield the open lots in consumption order, reading on page by page only as far as they are needed."""
        done = set[str]()
        while True:
            for lot in sorted(self.lots.values(), key=consumption_order):
                if self._read_up_to is not None and consumption_order(lot) > self._read_up_to:
                    break
                if lot.id not in done:
                    done.add(lot.id)
                    if lot.free:
                        yield lot
            if self._read_up_to is None:
                return
            page = next(self._more, None)
            for lot in page or ():
                self.lots.setdefault(lot.id, lot)
            self._read_up_to = consumption_order(page[-1]) if page else None

    def redeemable_lots(self) -> Iterator[Lot]:
        """Yield the lots that can be redeemed at the moment, in consumption order."""
        return (lot for lot in self.lots_in_order() if lot.is_redeemable(self.moment))

    def take(self, amount: int, sources: Iterator[Lot]) -> tuple[Consumption, ...]:
        """Take an amount out of lots, each as far as it goes."""
        parts = tuple(portions(amount, sources))
        for part in parts:
            self.consume(part.lot_id, part.amount)
        return parts

    def consume(self, lot_id: str, amount: int) -> None:
        """Take an amount out of a lot; below zero: give it back."""
        lot = self.lots[lot_id]
        self._change(replace(lot, remaining=lot.remaining - amount))
        if amount < 0:
            self._expect(lot)

    def hold(self, lot_id: str, amount: int) -> None:
        """Reserve an amount of a lot; below zero: release it."""
        lot = self.lots[lot_id]
        self._change(replace(lot, reserved=lot.reserved + amount))

    def _change(self, lot: Lot) -> None:
        self.lots[lot.id] = lot
        if lot.id not in self.new_lots:
            self.changed_lots[lot.id] = None

    def note(self, redemption: Redemption) -> None:
        """Keep a new or changed redemption."""
        if redemption.code not in self.redemptions:
            self.new_redemptions[redemption.code] = None
        elif redemption.code not in self.new_redemptions:
            self.changed_redemptions[redemption.code] = None
        self.redemptions[redemption.code] = redemption


def portions(amount: int, sources: Iterator[Lot]) -> Iterator[Consumption]:
    """Split an amount over what is free of lots, in their order, each as far as it goes."""
    while amount > 0 and (lot := next(sources, None)) is not None:
        part = min(lot.free, amount)
        if part:
            amount -= part
            yield Consumption(lot.id, part)


def follow(before: AccountState, entry: Entry, unallocated: int) -> AccountState:
    """Return the account after an entry; what the nightly proof works out is worked out by the same steps."""
    moved = entry.amount if entry.status == EntryStatus.ACTIVE else 0
    return replace(
        before,
        balance=entry.balance_after,
        debt=entry.debt_after,
        unallocated=unallocated,
        sequence=entry.sequence,
        head_hash=entry.hash,
        collected=before.collected + (moved if entry.kind in COLLECTING and moved > 0 else 0),
        expired=before.expired - (moved if entry.kind == "expire" else 0),
        turnover=before.turnover + entry.turnover,
        carry=entry.carry_after,
        tier=entry.tier or before.tier,
        member_until=entry.member_until or before.member_until,
    )


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the earlier of two moments, of which either may not be there."""
    if one is None or other is None:
        return one or other
    return min(one, other)
