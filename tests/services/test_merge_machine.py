"""Whatever is merged, undone, booked and spent in whatever order: no value is made or lost (P19; domain.md I-06, I-08).

Both engines. The oracle knows only what was credited and debited, and which customers were merged into which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any, TypeVar

import pytest
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

from tests.builders import Shop, open_shop
from walletd.db.database import open_database
from walletd.domain.errors import HoldExpired, InsufficientBalance
from walletd.domain.merging import CardMerged, MergeNotUndoable, RedemptionOpen

Result = TypeVar("Result")
CUSTOMERS = 4
WHO = st.integers(0, CUSTOMERS - 1)
AMOUNTS = st.integers(1, 60)
DAYS = st.none() | st.integers(1, 45)


class Merging(RuleBasedStateMachine):
    """A handful of customers with a card each, and what the oracle thinks of them."""

    runner: asyncio.Runner
    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.shop.clock
        self.cards: list[dict[str, Any]] = []
        self.moved = 0
        self.merges: list[tuple[str, list[int]]] = []
        self.leads_to = list(range(CUSTOMERS))
        self.orders: list[tuple[int, str]] = []
        self.holds: dict[str, int] = {}
        for _ in range(CUSTOMERS):
            self.cards.append(self.run(self.shop.card()))

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something in the loop of the shop."""
        return self.runner.run(work)

    @initialize()
    def begin_with_something(self) -> None:
        """Everybody has something, of which some is locked."""
        for who in range(CUSTOMERS):
            self.credit(who, 10, None, None)
            self.credit(who, 5, 3, None)

    @rule(who=WHO, amount=AMOUNTS, lock=DAYS, valid=DAYS)
    def credit(self, who: int, amount: int, lock: int | None, valid: int | None) -> None:
        """Credit by any key that was ever given to a card."""
        if lock is not None and valid is not None and valid <= lock:
            valid = lock + 1
        terms = {
            name: (self.clock.now + timedelta(days=days)).isoformat()
            for name, days in (("locked_until", lock), ("valid_until", valid))
            if days is not None
        }
        done = self.run(self.shop.post(self.cards[who]["key"], "credit", amount=amount, **terms))
        self.orders.append((amount, done["transaction_id"]))
        self.moved += amount

    @rule(who=WHO, amount=AMOUNTS)
    def debit(self, who: int, amount: int) -> None:
        """Debit by any key; more than there is, is refused."""
        try:
            self.run(self.shop.post(self.cards[who]["key"], "debit", amount=amount))
        except InsufficientBalance:
            return
        self.moved -= amount

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def return_an_order(self, data: st.DataObject) -> None:
        """A credit is taken back, wherever its account leads to by now; what is missing becomes debt."""
        place = data.draw(st.integers(0, len(self.orders) - 1))
        amount, transaction = self.orders.pop(place)
        self.run(self.shop.reverse(transaction))
        self.moved -= amount

    @rule(who=WHO, amount=AMOUNTS)
    def hold(self, who: int, amount: int) -> None:
        """A till reserves something."""
        try:
            held = self.run(self.shop.reserve(self.cards[who]["key"], amount))
        except InsufficientBalance:
            return
        self.holds[held["code"]] = amount

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def let_go(self, data: st.DataObject) -> None:
        """The till captures, unless the time is over."""
        code = data.draw(st.sampled_from(list(self.holds)))
        amount = self.holds.pop(code)
        with suppress(HoldExpired):
            self.run(self.shop.capture(code))
            self.moved -= amount

    @rule(who=WHO, amount=AMOUNTS)
    def fall_into_debt(self, who: int, amount: int) -> None:
        """Earn, spend everything, return the order."""
        key = self.cards[who]["key"]
        order = self.run(self.shop.post(key, "credit", amount=amount))
        serial = self.cards[self.leads_to[who]]["serial_number"]
        redeemable = self.run(self.shop.figures(serial))["redeemable"]
        if redeemable:
            self.run(self.shop.post(key, "debit", amount=redeemable))
        self.run(self.shop.reverse(order["transaction_id"]))
        self.moved -= redeemable

    @rule(one=WHO, other=WHO, take_number=st.booleans())
    def merge(self, one: int, other: int, take_number: bool) -> None:
        """Merge two customers, unless one of them was merged already or is held by a till."""
        if one == other:
            return
        self.clock.advance(milliseconds=1)
        survivor, absorbed = (self.cards[who]["customer_id"] for who in (one, other))
        figures = [self.run(self.shop.figures(self.cards[who]["serial_number"])) for who in (one, other)]
        try:
            done = self.run(self.shop.merge(survivor, absorbed, absorbed if take_number else survivor))
        except CardMerged:
            assert one != self.leads_to[one] or other != self.leads_to[other]
            return
        except RedemptionOpen:
            assert self.holds
            return
        assert (one, other) == (self.leads_to[one], self.leads_to[other])
        joined = self.run(self.shop.figures(self.cards[one]["serial_number"]))
        kept = ("total",) if figures[0]["debt"] or figures[1]["debt"] else ("total", "locked", "expiring_30_days")
        assert {name: joined[name] for name in kept} == {name: figures[0][name] + figures[1][name] for name in kept}
        before = list(self.leads_to)
        self.leads_to = [one if leads == other else leads for leads in before]
        self.merges.append((done["merge_id"], before))

    @precondition(lambda self: self.merges)
    @rule()
    def undo(self) -> None:
        """Undo the last merge: at most 30 days after it, and not while a till holds something."""
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
        self.leads_to = before

    @rule(one=WHO, other=WHO)
    def merge_and_undo_at_once(self, one: int, other: int) -> None:
        """I-09: nothing was booked in between, so every figure of both is as before."""
        if (one, other) != (self.leads_to[one], self.leads_to[other]) or one == other:
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
        figures = [self.run(self.shop.account(card["account_id"])) for card in self.cards]
        held = sum(item["total"] + item["reserved"] + item["expired"] for item in figures)
        assert held == self.moved
        for item in figures:
            assert item["total"] == item["redeemable"] + item["locked"] - item["debt"]
            assert 0 in {item["debt"], item["redeemable"]}
            assert item["redeemable"] >= 0

    @invariant()
    def every_key_leads_to_one_living_card(self) -> None:
        """I-06: in one step, to the customer that goes on; the card on the phone shows the same."""
        for place, card in enumerate(self.cards):
            found = self.run(self.shop.services.cards.by_key(self.shop.principal, card["key"]))
            living = self.cards[self.leads_to[place]]
            assert found.card.merged_into is None
            assert (found.card.serial_number, found.customer.id) == (living["serial_number"], living["customer_id"])
            shown = self.run(self.shop.services.cards.get(self.shop.principal, card["serial_number"]))
            assert (shown.card.key, shown.balances) == (found.card.key, found.balances)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_merges_and_their_undoing_keep_all_value_whatever_is_done(database_url: str) -> None:
    """Random merges, undoings, bookings, returns, holds and days; in the end the books are proved."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            shop = runner.run(_open(stack, database_url))
            machine = type("MergingHere", (Merging,), {"runner": runner, "shop": shop})
            examples = 40 if database_url.startswith("sqlite") else 20
            limits = settings(
                max_examples=examples,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            run_state_machine_as_test(machine, settings=limits)
            accounts, _ = runner.run(shop.services.proof.verify())
        finally:
            runner.run(stack.aclose())
    assert accounts >= examples * CUSTOMERS


async def _open(stack: AsyncExitStack, url: str) -> Shop:
    database = open_database(url)
    await database.start()
    stack.push_async_callback(database.close)
    return await stack.enter_async_context(open_shop(database))
