"""A handful of customers who are merged, parted, given new keys, blocked and booked on in any order, and an oracle.

The oracle knows what was credited and debited, which customers were merged into which, and to which card each key was
given; nothing of how walletd keeps that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.builders import Shop, next_key
from walletd.db import accounts, cards
from walletd.db.base import Tx
from walletd.domain.balances import Balances
from walletd.domain.errors import CardKeyReplaced, CardKeyTaken, CardRevoked, HoldExpired, InsufficientBalance
from walletd.domain.key_rewrites import REDIRECT, RETIRE, Rewrite, RewritePlan
from walletd.domain.merging import CardMerged, MergeNotUndoable, RedemptionOpen
from walletd.services.booking.loading import open_books

Result = TypeVar("Result")
CUSTOMERS = 4
WHO = st.integers(0, CUSTOMERS - 1)
AMOUNTS = st.integers(1, 60)
DAYS = st.none() | st.integers(1, 45)


@dataclass(slots=True)
class Oracle:
    """Who is whom, and whose key is which."""

    leads_to: list[int] = field(default_factory=lambda: list(range(CUSTOMERS)))
    owner: dict[str, int] = field(default_factory=dict)
    """Key → the card that it was given to."""
    active: list[str] = field(default_factory=list)
    """The key that each card's barcode shows while it goes on."""
    retired: set[str] = field(default_factory=set)

    def copy(self) -> Oracle:
        """Return the same, to come back to."""
        return Oracle(list(self.leads_to), dict(self.owner), list(self.active), set(self.retired))

    def goes_on(self, who: int) -> bool:
        """Say whether a customer was not merged into another."""
        return self.leads_to[who] == who


class Merging(RuleBasedStateMachine):
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
        self.merges: list[tuple[str, Oracle]] = []
        self.orders: list[tuple[int, str]] = []
        self.holds: dict[str, int] = {}
        self.cards: list[dict[str, Any]] = [self.run(self.shop.card()) for _ in range(CUSTOMERS)]
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
        """Say whether the card that a customer leads to is revoked."""
        return self.oracle.leads_to[who] in self.revoked

    @initialize()
    def begin_with_something(self) -> None:
        """Everybody has something, of which some is locked."""
        for who in range(CUSTOMERS):
            self.credit(who, 10, None, None)
            self.credit(who, 5, 3, None)

    @rule(who=WHO, amount=AMOUNTS, lock=DAYS, valid=DAYS)
    def credit(self, who: int, amount: int, lock: int | None, valid: int | None) -> None:
        """Credit by a key; a revoked card takes nothing."""
        if lock is not None and valid is not None and valid <= lock:
            valid = lock + 1
        terms = {
            name: (self.clock.now + timedelta(days=days)).isoformat()
            for name, days in (("locked_until", lock), ("valid_until", valid))
            if days is not None
        }
        try:
            done = self.run(self.shop.post(self.key_of(who), "credit", amount=amount, **terms))
        except CardRevoked:
            assert self.refuses(who)
            return
        assert not self.refuses(who)
        self.orders.append((amount, done["transaction_id"]))
        self.moved += amount

    @rule(who=WHO, amount=AMOUNTS)
    def debit(self, who: int, amount: int) -> None:
        """Debit by a key; more than there is, is refused, and everything by a revoked card."""
        try:
            self.run(self.shop.post(self.key_of(who), "debit", amount=amount))
        except InsufficientBalance:
            return
        except CardRevoked:
            assert self.refuses(who)
            return
        assert not self.refuses(who)
        self.moved -= amount

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def return_an_order(self, data: st.DataObject) -> None:
        """A credit is taken back, wherever its account leads to by now; what is missing becomes debt."""
        place = data.draw(st.integers(0, len(self.orders) - 1))
        amount, transaction = self.orders[place]
        with suppress(CardRevoked):
            self.run(self.shop.reverse(transaction))
            self.orders.pop(place)
            self.moved -= amount

    @rule(who=WHO, amount=AMOUNTS)
    def hold(self, who: int, amount: int) -> None:
        """A till reserves something."""
        try:
            held = self.run(self.shop.reserve(self.key_of(who), amount))
        except InsufficientBalance:
            return
        except CardRevoked:
            assert self.refuses(who)
            return
        assert not self.refuses(who)
        self.holds[held["code"]] = amount

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def let_go(self, data: st.DataObject) -> None:
        """The till captures, unless the time is over or the card was revoked meanwhile."""
        code = data.draw(st.sampled_from(list(self.holds)))
        try:
            self.run(self.shop.capture(code))
        except HoldExpired:
            del self.holds[code]
            return
        except CardRevoked:
            assert self.revoked
            return
        self.moved -= self.holds.pop(code)

    @rule(who=WHO, amount=AMOUNTS)
    def fall_into_debt(self, who: int, amount: int) -> None:
        """Earn, spend everything, return the order."""
        if self.refuses(who):
            return
        key = self.key_of(who)
        order = self.run(self.shop.post(key, "credit", amount=amount))
        serial = self.cards[self.oracle.leads_to[who]]["serial_number"]
        redeemable = self.run(self.shop.figures(serial))["redeemable"]
        if redeemable:
            self.run(self.shop.post(key, "debit", amount=redeemable))
        self.run(self.shop.reverse(order["transaction_id"]))
        self.moved -= redeemable

    @rule(one=WHO, other=WHO, take_number=st.booleans())
    def merge(self, one: int, other: int, take_number: bool) -> None:
        """Merge two customers, unless one of them was merged already, is revoked, or is held by a till."""
        if one == other:
            return
        self.clock.advance(milliseconds=1)
        survivor, absorbed = (self.cards[who]["customer_id"] for who in (one, other))
        figures = [self.run(self.shop.figures(self.cards[who]["serial_number"])) for who in (one, other)]
        try:
            done = self.run(self.shop.merge(survivor, absorbed, absorbed if take_number else survivor))
        except CardMerged:
            assert not (self.oracle.goes_on(one) and self.oracle.goes_on(other))
            return
        except CardRevoked:
            assert self.revoked & {one, other}
            return
        except RedemptionOpen:
            assert self.holds
            return
        assert self.oracle.goes_on(one)
        assert self.oracle.goes_on(other)
        joined = self.run(self.shop.figures(self.cards[one]["serial_number"]))
        kept = ("total",) if figures[0]["debt"] or figures[1]["debt"] else ("total", "locked", "expiring_30_days")
        assert {name: joined[name] for name in kept} == {name: figures[0][name] + figures[1][name] for name in kept}
        self.merges.append((done["merge_id"], self.oracle.copy()))
        self.oracle.leads_to = [one if leads == other else leads for leads in self.oracle.leads_to]
        if take_number:
            self.oracle.active[one] = self.oracle.active[other]

    @precondition(lambda self: self.merges)
    @rule()
    def undo(self) -> None:
        """Undo the last merge: at most 30 days after it, not while a till holds something or after a rewrite."""
        merge_id, before = self.merges[-1]
        try:
            self.run(self.shop.undo(merge_id))
        except MergeNotUndoable:
            self.merges.clear()
            return
        except RedemptionOpen:
            assert self.holds
            return
        self.merges.pop()
        # Keys that were given since are of the card that they were given to.
        since = {key: owner for key, owner in self.oracle.owner.items() if key not in before.owner}
        retired = self.oracle.retired
        self.oracle = before
        self.oracle.owner |= since
        self.oracle.retired = retired

    @rule(one=WHO, other=WHO)
    def merge_and_undo_at_once(self, one: int, other: int) -> None:
        """I-09: nothing was booked in between, so every figure of both is as before."""
        if one == other or not (self.oracle.goes_on(one) and self.oracle.goes_on(other)) or self.revoked & {one, other}:
            return
        serials = [self.cards[who]["serial_number"] for who in (one, other)]
        before = [self.run(self.shop.figures(serial)) for serial in serials]
        if before[0]["reserved"] or before[1]["reserved"]:
            return
        self.clock.advance(milliseconds=1)
        before = [self.run(self.shop.figures(serial)) for serial in serials]
        done = self.run(self.shop.merge(*(self.cards[who]["customer_id"] for who in (one, other))))
        self.run(self.shop.undo(done["merge_id"]))
        assert [self.run(self.shop.figures(serial)) for serial in serials] == before

    @rule(who=WHO, retire=st.booleans(), data=st.data())
    def rewrite(self, who: int, retire: bool, data: st.DataObject) -> None:
        """I-07: a new key, or one that was there before; a key of somebody else is refused."""
        living = self.oracle.leads_to[who]
        known = list(self.oracle.owner)
        key = data.draw(st.sampled_from([*known, "new"])) if len(known) < 12 else data.draw(st.sampled_from(known))
        key = f"key-{next_key()}" if key == "new" else key
        wanted = Rewrite(self.cards[living]["serial_number"], key)
        plan = RewritePlan("another key", RETIRE if retire else REDIRECT)
        try:
            self.run(self.shop.services.key_rewrites.rewrite(self.shop.principal, wanted, plan))
        except CardRevoked:
            assert living in self.revoked
            return
        except CardKeyTaken:
            assert key in self.oracle.owner
            assert key in self.oracle.retired or self.oracle.owner[key] != living
            return
        assert living not in self.revoked
        self.oracle.owner.setdefault(key, living)
        former, self.oracle.active[living] = self.oracle.active[living], key
        if retire and former != key:
            self.oracle.retired.add(former)

    @rule(who=WHO)
    def revoke(self, who: int) -> None:
        """Revoke the card that goes on: every key that leads to it is refused from now on."""
        living = self.oracle.leads_to[who]
        self.run(self.shop.services.cards.revoke(self.shop.principal, self.cards[living]["serial_number"], "lost"))
        self.revoked.add(living)

    @precondition(lambda self: self.revoked)
    @rule()
    def reinstate_all(self) -> None:
        """What was lost is found again."""
        for who in sorted(self.revoked):
            serial = self.cards[who]["serial_number"]
            self.run(self.shop.services.cards.reinstate(self.shop.principal, serial, "found"))
        self.revoked.clear()

    @rule(days=st.sampled_from([1, 2, 11]))
    def wait(self, days: int) -> None:
        """Let time go by."""
        self.clock.advance(days=days)

    @rule()
    def let_the_scheduler_run(self) -> None:
        """Book what time did."""
        self.run(self.shop.services.ledger.settle_due())

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

    def teardown(self) -> None:
        """The till's own way, for each key once at the end."""
        for key in self.oracle.owner:
            try:
                self.run(self.shop.services.cards.by_key(self.shop.principal, key))
            except CardKeyReplaced:
                assert key in self.oracle.retired


def run_merges(runner: asyncio.Runner, shop: Shop, steps: int, *, steps_at_once: int = 40) -> int:
    """Do at least so many random steps, a few dozen on each handful of customers; return how many it were."""

    class MergingHere(Merging):
        pass

    MergingHere.runner, MergingHere.shop = runner, shop
    while MergingHere.steps < steps:
        limits = settings(
            max_examples=-(-(steps - MergingHere.steps) // steps_at_once),
            stateful_step_count=steps_at_once,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(MergingHere, settings=limits)
    return MergingHere.steps
