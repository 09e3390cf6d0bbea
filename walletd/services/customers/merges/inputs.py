"""What a merge is decided on: both customers, their accounts side by side, and what stands against it.

The same input is shown as a preview and decided on, so that a merge does what its preview said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from walletd.db.cards import moves, programs
from walletd.db.customers import customers
from walletd.db.engine.base import RetryTransaction, Tx
from walletd.db.ledger import accounts
from walletd.domain.cards.cards import Card, CardStatus
from walletd.domain.cards.kinds import DESCRIPTIONS
from walletd.domain.cards.programs import Program
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.merges import MergePlan, RedemptionOpen
from walletd.domain.errors import AccountUnproved, CardIsRevoked, CurrencyMismatch, NotFound, WalletdError
from walletd.domain.ledger.books import AccountBook
from walletd.services.customers.customers import check_goes_on
from walletd.services.ledger.balances import open_books

_MONEY_KINDS: Final = frozenset({"cashback", "gift"})


@dataclass(frozen=True, slots=True)
class Side:
    """One account with its cards, the oldest first."""

    book: AccountBook
    program: Program
    cards: tuple[Card, ...]

    @property
    def main_card(self) -> Card | None:
        """Return the card whose key stands for the account: the oldest that is neither deleted nor merged."""
        living = (card for card in self.cards if card.status != CardStatus.DELETED and card.merged_into is None)
        return next(living, None)


@dataclass(frozen=True, slots=True)
class Pair:
    """An account of the absorbed customer, and the one it is joined with; None: it only changes its owner."""

    giving: Side
    taking: Side | None


@dataclass(frozen=True, slots=True)
class MergeInput:
    """Both customers with all their accounts, advanced to now in memory."""

    plan: MergePlan
    survivor: Customer
    absorbed: Customer
    pairs: tuple[Pair, ...]
    sides: tuple[Side, ...]

    def conflicts(self) -> Iterator[WalletdError]:
        """Yield everything that stands against the merge."""
        for kind in sorted(_MONEY_KINDS):
            states = (side.book.state for side in self.sides if side.program.kind == kind)
            currencies = {state.currency for state in states if state.currency is not None}
            if len(currencies) > 1:
                names = " and ".join(sorted(currencies))
                detail = f"The customers hold {kind} accounts in {names}; spend or pay out one of them first."
                yield CurrencyMismatch(detail, errors=[{"pointer": "/absorbed", "detail": f"holds {names}"}])
        for pair in self.pairs:
            if pair.taking is None:
                continue
            for side in (pair.giving, pair.taking):
                yield from _conflicts_of(side, is_given=side is pair.giving)


def read_merge_input(tx: Tx, merchant_id: str, plan: MergePlan, now: datetime, *, lock: bool) -> MergeInput:
    """Read both customers and their accounts; with `lock` they stay so until commit. Raises NotFound, CardMerged."""
    both = sorted({plan.identity_survivor, plan.absorbed})
    found = {customer_id: customers.find(tx, merchant_id, customer_id, lock=lock) for customer_id in both}
    survivor = _customer(found, plan.identity_survivor)
    absorbed = _customer(found, plan.absorbed)
    account_ids = accounts.ids_of_customers(tx, [survivor.id, absorbed.id])
    states = accounts.by_id(tx, account_ids, lock=lock) if account_ids else {}
    if lock and account_ids != accounts.ids_of_customers(tx, [survivor.id, absorbed.id]):
        raise RetryTransaction
    books = open_books(tx, list(states.values()), now)
    cards = moves.of_accounts(tx, account_ids)
    known = programs.with_zones(tx, {state.program_id for state in states.values()}) if states else {}
    sides = tuple(
        Side(books[account_id], known[state.program_id][0], tuple(cards.get(account_id, ())))
        for account_id, state in sorted(states.items())
    )
    return MergeInput(plan, survivor, absorbed, _pairs(sides, survivor.id, absorbed.id), sides)


def _customer(found: Mapping[str, Customer | None], customer_id: str) -> Customer:
    customer = found[customer_id]
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    check_goes_on(customer)
    return customer


def _pairs(sides: Sequence[Side], survivor: str, absorbed: str) -> tuple[Pair, ...]:
    taking = dict[str, Side]()
    for side in sides:
        if (
            side.book.state.customer_id == survivor
            and side.main_card
            and not DESCRIPTIONS[side.program.kind].instrument
        ):
            taking.setdefault(side.program.id, side)
    return tuple(Pair(side, taking.get(side.program.id)) for side in sides if side.book.state.customer_id == absorbed)


def _conflicts_of(side: Side, *, is_given: bool) -> Iterator[WalletdError]:
    state, card = side.book.state, side.main_card
    if is_given and state.reserved:
        yield RedemptionOpen(f"A till holds {state.reserved} of account {state.id}.", account_id=state.id)
    if state.fault is not None:
        yield AccountUnproved(f"The proof of account {state.id} failed.", account_id=state.id)
    if card is not None and card.status == CardStatus.REVOKED:
        yield CardIsRevoked(
            f"The card {card.serial_number} is revoked; reinstate it first.", serial_number=card.serial_number
        )
