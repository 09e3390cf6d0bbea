"""Whatever is done to the books in whatever order, at whatever instant: the invariants hold and the oracle agrees.

I-01 to I-05, I-12, I-19 and I-24, on both engines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
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

from tests.builders import Shop, next_key, open_in
from tests.oracle import OracleAccount, OracleLot
from walletd.domain.customers.customers import LoyaltyStatus
from walletd.domain.errors import (
    AlreadyReversed,
    HoldClosed,
    HoldExpired,
    InsufficientBalance,
    LoyaltySuspended,
    RedemptionBlocked,
    ReversalExceeded,
)

Result = TypeVar("Result")
AMOUNTS = st.integers(1, 60)
DAYS = st.none() | st.integers(1, 45)
LOCKS = st.none() | st.none() | st.none() | st.integers(1, 45)
SHARES = st.integers(1, 110)
"""Percent of what is redeemable; more than that is refused."""


class Books(RuleBasedStateMachine):
    """One card of a shop, and what the oracle thinks of it."""

    runner: asyncio.Runner
    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.shop.clock
        self.oracle = OracleAccount()
        self.holds: dict[str, int] = {}
        self.credits: list[tuple[str, OracleLot, int]] = []
        self.answers: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []
        self.published = 0
        self.blocked = self.suspended = False
        card = self.run(self.shop.card())
        self.serial, self.account, self.customer = card["serial_number"], card["account_id"], card["customer_id"]

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something in the loop of the shop."""
        return self.runner.run(work)

    def teardown(self) -> None:
        """In the end the books add up."""
        self.let_the_scheduler_run()

    @initialize(spans=st.lists(st.tuples(AMOUNTS, LOCKS, DAYS), min_size=2, max_size=5))
    def begin_with_some_lots(self, spans: list[tuple[int, int | None, int | None]]) -> None:
        """Nothing much can happen to an empty account."""
        for amount, lock, valid in spans:
            self.credit(amount, lock, valid)

    @property
    def now(self) -> datetime:
        """The instant at which the clock stands."""
        return self.clock.now

    def post(self, kind: str, **fields: Any) -> dict[str, Any] | None:
        """Book; None where a block refuses it."""
        self.oracle.advance(self.now)
        key, takes = next_key(), kind == "debit"
        try:
            answer = self.run(self.shop.post(self.serial, kind, key, **fields))
        except LoyaltySuspended:
            assert self.suspended
            return None
        except RedemptionBlocked:
            assert self.blocked
            assert takes
            return None
        assert not self.suspended
        assert not takes or not self.blocked
        self.answers.append((kind, key, fields, answer))
        return answer

    @rule(amount=AMOUNTS, lock=LOCKS, valid=DAYS)
    def credit(self, amount: int, lock: int | None, valid: int | None) -> None:
        """Credit by hand, with or without lock and validity."""
        if lock is not None and valid is not None and valid <= lock:
            valid = lock + 1
        terms = {
            name: None if days is None else self.now + timedelta(days=days)
            for name, days in (("locked_until", lock), ("valid_until", valid))
        }
        given = {name: moment.isoformat() for name, moment in terms.items() if moment is not None}
        answer = self.post("credit", amount=amount, **given)
        if answer is not None:
            lot = self.oracle.credit(amount, terms["locked_until"], terms["valid_until"])
            self.credits.append((answer["transaction_id"], lot, amount))

    def part_of_redeemable(self, share: int) -> int:
        """Return so many percent of what is redeemable, at least 1."""
        self.oracle.advance(self.now)
        return max(1, self.oracle.redeemable(self.now) * share // 100)

    @rule(share=SHARES)
    def debit(self, share: int) -> None:
        """Debit by hand."""
        amount = self.part_of_redeemable(share)
        try:
            answer = self.post("debit", amount=amount)
        except InsufficientBalance:
            assert amount > self.oracle.redeemable(self.now)
            return
        assert answer is None or self.oracle.debit(amount, self.now)

    @rule(share=SHARES)
    def reserve(self, share: int) -> None:
        """Hold something for a till."""
        amount = self.part_of_redeemable(share)
        try:
            code = self.run(self.shop.reserve(self.serial, amount))["code"]
        except InsufficientBalance:
            assert amount > self.oracle.redeemable(self.now)
        except (LoyaltySuspended, RedemptionBlocked):
            assert self.suspended or self.blocked
        else:
            assert (self.suspended, self.blocked) == (False, False)
            self.oracle.hold(code, amount, self.now)
            self.holds[code] = amount

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), part=st.integers(1, 60))
    def capture(self, data: st.DataObject, part: int) -> None:
        """Capture, whole or in part; a block refuses it and changes nothing (I-12)."""
        code = data.draw(st.sampled_from(list(self.holds)))
        amount = min(part, self.holds[code])
        self.oracle.advance(self.now)
        try:
            self.run(self.shop.capture(code, amount))
        except HoldExpired:
            assert code not in self.oracle.holds
        except HoldClosed:
            assert code not in self.oracle.holds
        except (LoyaltySuspended, RedemptionBlocked):
            assert self.suspended or self.blocked
        else:
            assert (self.suspended, self.blocked) == (False, False)
            self.oracle.capture(code, amount, self.now)

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """Release; what is over stays over."""
        code = data.draw(st.sampled_from(list(self.holds)))
        self.oracle.advance(self.now)
        try:
            self.run(self.shop.release(code))
        except (HoldExpired, HoldClosed):
            assert code not in self.oracle.holds
        else:
            if code in self.oracle.holds:
                self.oracle.let_go(code, self.now)

    @precondition(lambda self: self.credits)
    @rule(data=st.data(), part=st.integers(1, 60))
    def return_credit(self, data: st.DataObject, part: int) -> None:
        """Take back a part of a credit; what is missing becomes debt."""
        place = data.draw(st.integers(0, len(self.credits) - 1))
        transaction, lot, left = self.credits[place]
        self.oracle.advance(self.now)
        try:
            self.run(self.shop.reverse(transaction, amount=part))
        except AlreadyReversed:
            assert left == 0
        except ReversalExceeded:
            assert part > left
        else:
            self.oracle.take_back(lot, part, self.now)
            self.credits[place] = (transaction, lot, left - part)

    @rule(minutes=st.sampled_from([1, 14, 15, 60, 24 * 60, 11 * 24 * 60]))
    def wait(self, minutes: int) -> None:
        """Let time go by."""
        self.clock.advance(minutes=minutes)

    @precondition(lambda self: self.oracle.lots)
    @rule(data=st.data(), just_before=st.booleans())
    def wait_for_a_boundary(self, data: st.DataObject, just_before: bool) -> None:
        """Go to the very instant at which something locks, ends or is discarded, or a millisecond before."""
        moments = [moment for lot in self.oracle.lots for moment in (lot.locked_until, lot.valid_until) if moment]
        later = sorted({moment for moment in [*moments, *self.oracle.holds.values()] if moment > self.now})
        if later:
            moment = data.draw(st.sampled_from(later))
            self.clock.now = max(self.now, moment - timedelta(milliseconds=1) if just_before else moment)

    @rule()
    def let_the_scheduler_run(self) -> None:
        """I-01: once what time did is booked, the active entries sum up to total and reserved; nobody sees a change."""
        before = self.run(self.shop.figures(self.serial))
        self.run(self.shop.services.ledger.advance_due())
        assert self.run(self.shop.figures(self.serial)) == before
        assert self.run(self.shop.sum_of_entries(self.account)) == before["total"] + before["reserved"]

    @rule(flag=st.sampled_from(["", "", "redeem_blocked", "loyalty_status"]))
    def set_the_flags(self, flag: str) -> None:
        """Block the customer in one way or in none."""
        self.blocked, self.suspended = flag == "redeem_blocked", flag == "loyalty_status"
        set_flag, by = self.shop.services.customers.set_flag, self.shop.principal
        self.run(set_flag(by, self.customer, "redeem_blocked", self.blocked))
        self.run(set_flag(by, self.customer, "loyalty_status", LoyaltyStatus.of(active=not self.suspended)))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """I-05: a key books once, and its answer is repeated whatever happened since."""
        kind, key, fields, answer = data.draw(st.sampled_from(self.answers))
        assert self.run(self.shop.post(self.serial, kind, key, **fields)) == answer

    @rule()
    def publish(self) -> None:
        """I-19: the version of the pass only ever rises."""
        self.run(self.shop.until_idle())
        sequence = self.run(self.shop.published_sequence(self.serial))
        assert sequence >= self.published
        self.published = sequence

    @invariant()
    def the_oracle_agrees(self) -> None:
        """I-02, I-03, I-04: the six balances are exact at every instant, whether booked or not."""
        self.oracle.advance(self.now)
        figures = self.run(self.shop.figures(self.serial))
        assert figures == self.oracle.figures(self.now)
        assert figures["total"] == figures["redeemable"] + figures["locked"] - figures["debt"]
        assert 0 in {figures["debt"], figures["redeemable"]}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_invariants_hold_whatever_is_done(database_url: str) -> None:
    """Random bookings, reservations, returns, blocks and moments; in the end the chains hold too (I-24)."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            shop = runner.run(open_in(stack, database_url))
            machine = type("BooksHere", (Books,), {"runner": runner, "shop": shop})
            examples = 50 if database_url.startswith("sqlite") else 25
            run_state_machine_as_test(machine, settings=_settings(examples))
            accounts, entries = runner.run(shop.services.proof.verify())
        finally:
            runner.run(stack.aclose())
    assert accounts >= examples
    assert entries > 5 * accounts


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
