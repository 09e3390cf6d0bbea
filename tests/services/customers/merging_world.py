"""The world of the machine of merges: a handful of customers, the oracle, and what must hold after each step.

The oracle knows what was credited and debited, which customers were merged into which, and to which card each key was
given; nothing of how walletd keeps that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.builders import PASS_TYPE, Shop, new_customer
from walletd.db.cards import cards
from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts
from walletd.domain.errors import CardKeyReplaced
from walletd.domain.ledger.balances import Balances
from walletd.services.ledger.balances import open_books

Result = TypeVar("Result")
CUSTOMERS = 4
WHO = st.integers(0, CUSTOMERS - 1)


@dataclass(slots=True)
class Oracle:
    """Who is whom, and whose key is which."""

    leads_to: list[int] = field(default_factory=lambda: list(range(CUSTOMERS)))
    owner: dict[str, int] = field(default_factory=dict)
    """Key → the card that it was given to."""
    active: list[str] = field(default_factory=list)
    """The key that each card's barcode shows while it goes on."""
    retired: set[str] = field(default_factory=set)

    def goes_on(self, who: int) -> bool:
        """Say whether a customer was not merged into another."""
        return self.leads_to[who] == who


class MergingWorld(RuleBasedStateMachine):
    """The customers with a card each, and what the oracle thinks of them."""

    runner: asyncio.Runner
    shop: Shop
    steps = 0
    """Over all examples: how often the invariants were looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.shop.clock
        self.moved = 0
        self.oracle = Oracle()
        self.revoked: set[int] = set()
        self.merges: list[tuple[str, int, list[int], str]] = []
        """Each with its survivor, who led where before, and the key that the survivor's card showed."""
        self.orders: list[tuple[int, str]] = []
        self.holds: dict[str, int] = {}
        self.installed: set[int] = set()
        self.erased: set[int] = set()
        self.cards: list[dict[str, Any]] = []
        for place in range(CUSTOMERS):
            self.cards.append(self.run(self.shop.card(customer=new_customer(last_name=f"Muster {place}"))))
        for place, card in enumerate(self.cards):
            self.oracle.owner[card["key"]] = place
            self.oracle.active.append(card["key"])

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something in the loop of the shop."""
        return self.runner.run(work)

    def key_of(self, who: int) -> str:
        """Return a key that leads to a customer: the oldest that was not retired."""
        living = self.oracle.leads_to[who]
        own = (key for key, owner in self.oracle.owner.items() if self.oracle.leads_to[owner] == living)
        return next(key for key in own if key not in self.oracle.retired)

    def refuses(self, who: int) -> bool:
        """Say whether the card that a customer leads to is revoked, or ended with its customer."""
        return self.oracle.leads_to[who] in self.revoked | self.erased

    def group(self, who: int) -> set[int]:
        """Return everybody who leads to the same customer."""
        living = self.oracle.leads_to[who]
        return {place for place, leads in enumerate(self.oracle.leads_to) if leads == living}

    async def phone(self, who: int, *, takes: bool) -> None:
        """Let a phone take a card, or remove it."""
        serial, device = self.cards[who]["serial_number"], f"device-{who}"
        if takes:
            await self.shop.register(serial, device)
        else:
            authorization = self.shop.authorization(serial)
            await self.shop.services.devices.unregister(PASS_TYPE, serial, device, authorization)

    @invariant()
    def no_value_is_made_or_lost(self) -> None:
        """I-08: what all accounts hold, and what expired, is what was credited less what was taken."""
        type(self).steps += 1
        figures = self.run(self.shop.runtime.database.read(self._balances))
        assert sum(item.total + item.reserved + item.expired for item in figures) == self.moved
        for item in figures:
            assert item.total == item.redeemable + item.locked - item.debt
            assert 0 in {item.debt, item.redeemable}
            assert item.redeemable >= 0

    @invariant()
    def every_key_leads_to_one_living_card(self) -> None:
        """I-06: in one step, to the customer that goes on, and the phone shows it; a retired one is known."""
        self.run(self.shop.runtime.database.read(self._check_keys))

    def _balances(self, tx: Tx) -> list[Balances]:
        names = [card["account_id"] for card in self.cards]
        states = accounts.by_id(tx, names, lock=False)
        return [book.balances() for book in open_books(tx, states.values(), self.clock.now).values()]

    def _check_keys(self, tx: Tx) -> None:
        merchant = self.shop.principal.merchant_id
        for key, owner in self.oracle.owner.items():
            found = cards.find_by_key(tx, merchant, key)
            assert found is not None
            assert (found[1] == "retired") == (key in self.oracle.retired), key
            living = self.cards[self.oracle.leads_to[owner]]
            if key not in self.oracle.retired:
                assert found[0].card.merged_into is None
                shown = (found[0].card.serial_number, found[0].customer.id)
                assert shown == (living["serial_number"], living["customer_id"])
        for place, card in enumerate(self.cards):
            shown_by = cards.find(tx, merchant, card["serial_number"])
            assert shown_by is not None
            assert shown_by.card.key == self.oracle.active[self.oracle.leads_to[place]]
            assert shown_by.account.id == self.cards[self.oracle.leads_to[place]]["account_id"]
            if self.oracle.goes_on(place):
                assert (shown_by.card.status == "revoked") == (place in self.revoked)
                assert (shown_by.card.status == "deleted") == (place in self.erased)

    @invariant()
    def nobody_who_was_erased_is_named(self) -> None:
        """I-14: neither the customer nor a card says who it was."""
        if self.erased:
            self.run(self.shop.runtime.database.read(self._check_erased))

    def _check_erased(self, tx: Tx) -> None:
        merchant = self.shop.principal.merchant_id
        for place in self.erased:
            gone = customers.find(tx, merchant, self.cards[place]["customer_id"])
            held = cards.find(tx, merchant, self.cards[place]["serial_number"])
            assert gone is not None
            assert held is not None
            assert (gone.details.last_name, held.card.holder_name, held.card.status) == (None, None, "deleted")

    def teardown(self) -> None:
        """The till's own way, for each key once at the end."""
        for key in self.oracle.owner:
            try:
                self.run(self.shop.services.cards.by_key(self.shop.principal, key))
            except CardKeyReplaced:
                assert key in self.oracle.retired
