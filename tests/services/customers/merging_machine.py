"""Rules of the machine of merges: customers are merged, parted, given new keys, blocked, erased and booked on.

In any order; what must hold after each step stands in `merging_world`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from tests.builders import Shop, next_key
from tests.services.customers.merging_world import CUSTOMERS, WHO, MergingWorld
from walletd.domain.cards.keys import OldKey, Rewrite, RewritePlan
from walletd.domain.customers.erasures import CardIsInstalled, CustomerIsErased
from walletd.domain.customers.merges import CardMerged, MergeNotUndoable, RedemptionOpen
from walletd.domain.errors import CardIsDeleted, CardIsRevoked, CardKeyTaken, HoldExpired, InsufficientBalance

AMOUNTS = st.integers(1, 60)
DAYS = st.none() | st.integers(1, 45)
ENDED = (CardIsRevoked, CardIsDeleted)


class Merging(MergingWorld):
    """What can be done to a handful of customers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []

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
        key, name, fields = self.key_of(who), next_key(), {"amount": amount, **terms}
        try:
            done = self.run(self.shop.post(key, "credit", name, **fields))
        except ENDED:
            assert self.refuses(who)
            return
        assert not self.refuses(who)
        self.orders.append((amount, done["transaction_id"]))
        self.answers.append((key, name, fields, done))
        self.moved += amount

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """I-05: a request under its key again has its answer again, whatever became of card and customer."""
        key, name, fields, answer = data.draw(st.sampled_from(self.answers))
        assert self.run(self.shop.post(key, "credit", name, **fields)) == answer

    @rule(who=WHO, amount=AMOUNTS)
    def debit(self, who: int, amount: int) -> None:
        """Debit by a key; more than there is, is refused, and everything by a revoked card."""
        try:
            self.run(self.shop.post(self.key_of(who), "debit", amount=amount))
        except InsufficientBalance:
            return
        except ENDED:
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
        with suppress(*ENDED):
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
        except ENDED:
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
        except ENDED:
            assert self.revoked | self.erased
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
        except CardIsRevoked:
            assert self.revoked & {one, other}
            return
        except CustomerIsErased:
            assert self.erased & {one, other}
            return
        except RedemptionOpen:
            assert self.holds
            return
        assert self.oracle.goes_on(one)
        assert self.oracle.goes_on(other)
        joined = self.run(self.shop.figures(self.cards[one]["serial_number"]))
        kept = ("total",) if figures[0]["debt"] or figures[1]["debt"] else ("total", "locked", "expiring_30_days")
        assert {name: joined[name] for name in kept} == {name: figures[0][name] + figures[1][name] for name in kept}
        self.merges.append((done["merge_id"], one, list(self.oracle.leads_to), self.oracle.active[one]))
        self.oracle.leads_to = [one if leads == other else leads for leads in self.oracle.leads_to]
        if take_number:
            self.oracle.active[one] = self.oracle.active[other]

    @precondition(lambda self: self.merges)
    @rule()
    def undo(self) -> None:
        """Undo the last merge: at most 30 days after it, not while a till holds something or after a rewrite."""
        merge_id, survivor, leads_to, active = self.merges[-1]
        try:
            self.run(self.shop.undo(merge_id))
        except MergeNotUndoable:
            self.merges.clear()
            return
        except RedemptionOpen:
            assert self.holds
            return
        self.merges.pop()
        self.oracle.leads_to, self.oracle.active[survivor] = leads_to, active

    @rule(one=WHO, other=WHO)
    def merge_and_undo_at_once(self, one: int, other: int) -> None:
        """I-09: nothing was booked in between, so every figure of both is as before."""
        if one == other or not (self.oracle.goes_on(one) and self.oracle.goes_on(other)):
            return
        if self.refuses(one) or self.refuses(other):
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
        plan = RewritePlan("another key", OldKey.RETIRE if retire else OldKey.REDIRECT)
        try:
            self.run(self.shop.services.card_keys.rewrite(self.shop.principal, wanted, plan))
        except ENDED:
            assert self.refuses(who)
            return
        except CardKeyTaken:
            assert key in self.oracle.owner
            assert key in self.oracle.retired or self.oracle.owner[key] != living
            return
        assert not self.refuses(who)
        self.oracle.owner.setdefault(key, living)
        former, self.oracle.active[living] = self.oracle.active[living], key
        if retire and former != key:
            self.oracle.retired.add(former)

    @rule(who=WHO)
    def revoke(self, who: int) -> None:
        """Revoke the card that goes on: every key that leads to it is refused from now on."""
        living = self.oracle.leads_to[who]
        if living in self.erased:
            return
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

    @rule(who=WHO, takes=st.booleans())
    def a_phone_takes_or_removes(self, who: int, takes: bool) -> None:
        """A card comes to a phone, or goes; a card that is void is not taken."""
        if takes and self.refuses(who):
            return
        self.run(self.phone(who, takes=takes))
        self.installed = self.installed | {who} if takes else self.installed - {who}

    @precondition(lambda self: len(set(self.oracle.leads_to) - self.erased) > 2)
    @rule(who=WHO)
    def erase(self, who: int) -> None:
        """I-13: refused while a card of theirs is on a phone; else everybody who leads there is gone."""
        living, group = self.oracle.leads_to[who], self.group(who)
        on_phones = group & self.installed - self.revoked
        try:
            self.run(self.shop.services.erasures.erase(self.shop.principal, self.cards[living]["customer_id"]))
        except CardIsInstalled:
            assert on_phones
            return
        except CustomerIsErased:
            assert living in self.erased
            return
        assert not on_phones
        self.erased |= group
        self.revoked -= group

    @rule(days=st.sampled_from([1, 2, 11]))
    def wait(self, days: int) -> None:
        """Let time go by."""
        self.clock.advance(days=days)

    @rule()
    def let_the_scheduler_run(self) -> None:
        """Book what time did."""
        self.run(self.shop.services.ledger.advance_due())


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
