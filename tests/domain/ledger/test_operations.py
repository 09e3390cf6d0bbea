"""What a booking of each type does on each kind of card, and what a return takes away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.ledger.test_ledger import a_program
from walletd.domain.cards.kinds import KINDS
from walletd.domain.errors import AmountInvalid, MembershipEnded, OperationNotAllowed, ValidationFailed
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.bookings.operations import ALLOWED, TYPES, decide, member_until, opening
from walletd.domain.ledger.earning import earn, give_back
from walletd.domain.ledger.movements import AccountStatus, Booking, Movement

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 15, 11, 0, tzinfo=UTC)
EMPTY = AccountStatus(0, 0, 0, 0, None, None)
BODIES: dict[str, dict[str, object]] = {
    "credit": {"amount": 5},
    "debit": {"amount": 5},
    "purchase": {"purchase_total": 1000},
    "reward": {},
    "visit": {},
    "coupon": {},
    "tier": {"tier": "Member"},
}
REWARDS = [{"name": "Tea", "price": 3}]


def decided(kind: str, kind_of: str, *, status: AccountStatus = EMPTY, **rules: Any) -> Movement:
    """Decide a booking of a type with its usual fields; names that a booking knows go there, others are rules."""
    body = BODIES[kind_of] | {
        name: rules.pop(name) for name in list(rules) if name in Booking.__slots__ and name != "reward"
    }
    return decide(a_program(kind, **rules), Booking("card", kind_of, **body), status, NOW, BERLIN)  # type: ignore[arg-type]


D_45 = {
    "loyalty": "credit debit purchase reward",
    "reward": "credit debit purchase reward",
    "cashback": "credit debit purchase reward",
    "stamp": "credit debit purchase visit reward",
    "discount": "credit debit purchase",
    "gift": "credit debit",
    "membership": "credit debit purchase visit tier",
    "coupon": "coupon",
    "multipass": "credit debit visit",
}
"""kind → its types, written down from the specification and not taken from the code."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kind_of", TYPES)
def test_a_kind_knows_exactly_its_own_types_of_transactions(kind: str, kind_of: str) -> None:
    """What D-45 does not list for a kind is refused, with the types that it knows."""
    rules: dict[str, Any] = {"rewards": REWARDS} if kind in {"loyalty", "cashback"} else {}
    if kind_of in D_45[kind].split():
        assert decided(kind, kind_of, **rules) is not None
        return
    with pytest.raises(OperationNotAllowed) as refused:
        decided(kind, kind_of, **rules)
    assert ", ".join(ALLOWED[kind]) in refused.value.detail


@pytest.mark.parametrize(
    ("kind", "kind_of", "rules", "moved"),
    [
        ("loyalty", "credit", {}, ("manual_credit", 5, "issued")),
        ("gift", "credit", {}, ("manual_credit", 5, "stored_value")),
        ("gift", "debit", {}, ("manual_debit", -5, "stored_value")),
        ("loyalty", "purchase", {}, ("earn", 10, "issued")),
        ("loyalty", "purchase", {"points_per_order": 5}, ("earn", 15, "issued")),
        ("stamp", "purchase", {}, ("earn", 1, "issued")),
        ("stamp", "purchase", {"cents_per_stamp": 300}, ("earn", 3, "issued")),
        ("stamp", "visit", {"stamps_per_visit": 2}, ("visit", 2, "issued")),
        ("stamp", "reward", {}, ("reward", -10, "redeemed")),
        ("reward", "reward", {}, ("reward", -100, "redeemed")),
        ("cashback", "purchase", {"rate": 750}, ("earn", 75, "issued")),
        ("discount", "purchase", {}, ("earn", 1000, "issued")),
        ("membership", "purchase", {}, ("earn", 1, "issued")),
        ("membership", "visit", {}, ("visit", 1, "issued")),
        ("membership", "tier", {}, ("tier", 0, "issued")),
        ("coupon", "coupon", {}, ("coupon", -1, "redeemed")),
        ("multipass", "visit", {}, ("visit", -1, "redeemed")),
    ],
)
def test_each_operation_moves_what_its_rules_say(
    kind: str, kind_of: str, rules: dict[str, Any], moved: tuple[str, int, str]
) -> None:
    """Kind of entry, amount and the merchant's account of each operation."""
    movement = decided(kind, kind_of, **rules)
    assert (movement.kind, movement.amount, movement.merchant_account) == moved


def test_several_rewards_stand_on_one_card() -> None:
    """A reward is taken by its name; without one it is the full card."""
    rules = {"rewards": [{"name": "Espresso", "price": 5}]}
    program = a_program("stamp", **rules)
    named = decide(program, Booking("card", "reward", reward="Espresso"), EMPTY, NOW, BERLIN)
    full = decide(program, Booking("card", "reward"), EMPTY, NOW, BERLIN)
    assert (named.amount, full.amount) == (-5, -10)
    with pytest.raises(ValidationFailed, match="Espresso"):
        decide(program, Booking("card", "reward", reward="Cake"), EMPTY, NOW, BERLIN)


def test_a_pack_without_an_amount_is_the_pack_of_the_program() -> None:
    """A credit on a multipass adds one pack."""
    movement = decide(a_program("multipass", pack=12), Booking("card", "credit"), EMPTY, NOW, BERLIN)
    assert movement.amount == 12


@pytest.mark.parametrize(("turnover", "earned"), [(0, 30), (99_999, 30), (100_000, 50), (300_000, 80)])
def test_cashback_grows_with_the_tier_that_turnover_reached(turnover: int, earned: int) -> None:
    """The greatest threshold that is not above the turnover counts (D-21)."""
    tiers = [
        {"name": "Bronze", "threshold": 0, "rate": 300},
        {"name": "Gold", "threshold": 300_000, "rate": 800},
        {"name": "Silver", "threshold": 100_000, "rate": 500},
    ]
    assert decided("cashback", "purchase", status=replace(EMPTY, turnover=turnover), tiers=tiers).amount == earned


@pytest.mark.parametrize(
    ("rounding", "total", "points"),
    [
        ("commercial", 1549, 15),
        ("commercial", 1550, 16),
        ("floor", 1599, 15),
        ("carry", 1599, 15),
        ("commercial", 49, 0),
    ],
)
def test_points_are_rounded_once_as_the_program_says(rounding: str, total: int, points: int) -> None:
    """Half away from zero, down, or down with the rest carried on."""
    assert decided("loyalty", "purchase", purchase_total=total, rounding=rounding).amount == points


def test_carried_cents_make_a_point_together() -> None:
    """30 € and 20 € are one step of 50 € where the rest is carried."""
    program = a_program("loyalty", cents_per_point=5000, rounding="carry")
    first = earn(program, 3000, turnover=0, carry=0)
    assert first is not None
    second = earn(program, 2000, turnover=3000, carry=first.carry)
    assert second is not None
    assert (first.amount, first.carry, second.amount, second.carry) == (0, 3000, 1, 0)


PROGRAMS = st.sampled_from(
    [
        ("loyalty", {}),
        ("loyalty", {"rounding": "floor", "cents_per_point": 7}),
        ("reward", {"points_per_order": 5, "cents_per_point": 333}),
        ("cashback", {"rate": 733}),
        ("discount", {}),
        ("stamp", {}),
        ("stamp", {"cents_per_stamp": 450}),
        ("membership", {}),
    ]
)


@given(PROGRAMS, st.integers(1, 10**7), st.data())
def test_returns_in_parts_take_back_what_was_earned_and_no_more(
    program: tuple[str, dict[str, object]], total: int, data: st.DataObject
) -> None:
    """Whatever the parts, the whole return takes exactly the whole earning; no part takes less than nothing."""
    earned = earn(a_program(program[0], **program[1]), total, turnover=0, carry=0)
    assert earned is not None
    back = returned = 0
    while returned < total:
        part = data.draw(st.integers(1, total - returned))
        amount, _ = give_back(earned.terms, total, returned, part, 0)
        assert amount >= 0
        back += amount
        returned += part
    assert back == earned.amount


@given(st.integers(1, 10**6), st.integers(0, 4999), st.data())
def test_returns_in_parts_with_carry_end_where_the_purchase_began(total: int, carry: int, data: st.DataObject) -> None:
    """After the last part all points of the purchase are gone, and the carry is what it was before."""
    earned = earn(a_program("loyalty", cents_per_point=5000, rounding="carry"), total, turnover=0, carry=carry)
    assert earned is not None
    back, returned, left = 0, 0, earned.carry
    while returned < total:
        part = data.draw(st.integers(max(1, (total - returned) // 4), total - returned))
        amount, left = give_back(earned.terms, total, returned, part, left)
        back, returned = back + amount, returned + part
    assert (back, left) == (earned.amount, carry)


@given(st.integers(1, 10**6), st.integers(0, 4999), st.data())
def test_a_return_with_carry_keeps_every_cent(total: int, carry: int, data: st.DataObject) -> None:
    """Points times their price plus the carry is what was purchased less what was returned."""
    earned = earn(a_program("loyalty", cents_per_point=5000, rounding="carry"), total, turnover=0, carry=carry)
    assert earned is not None
    part = data.draw(st.integers(1, total))
    amount, left = give_back(earned.terms, total, 0, part, earned.carry)
    assert (earned.amount - amount) * 5000 + left == total + carry - part
    assert 0 <= left < 5000


def test_r01_and_r02_a_return_is_worked_out_with_the_pinned_rules() -> None:
    """R-01, R-02: 2398 → 1598 → 799 at a point per euro: 24 → 16 → 8."""
    earned = earn(a_program("loyalty"), 2398, turnover=0, carry=0)
    assert earned is not None
    assert earned.amount == 24
    assert give_back(earned.terms, 2398, 0, 800, 0) == (8, 0)
    assert give_back(earned.terms, 2398, 800, 799, 0) == (8, 0)


def test_a_membership_lasts_its_period_and_is_renewed_from_its_end() -> None:
    """A renewal before the end adds a period to it, one after the end begins a new one."""
    program = a_program("membership", period_days=30)
    first = opening(program, NOW, BERLIN)
    assert first is not None
    assert first.member_until is not None
    until = first.member_until
    assert until - NOW == timedelta(days=30) - timedelta(hours=1)
    early = decide(program, Booking("card", "tier", tier="Member"), replace(EMPTY, member_until=until), NOW, BERLIN)
    assert early.member_until == until + timedelta(days=30)
    late = until + timedelta(days=5)
    again = decide(program, Booking("card", "tier", tier="Member"), replace(EMPTY, member_until=until), late, BERLIN)
    assert again.member_until == late + timedelta(days=30)
    with pytest.raises(MembershipEnded):
        decide(program, Booking("card", "visit"), replace(EMPTY, member_until=until), until, BERLIN)


def test_a_membership_that_would_outlast_the_calendar_is_refused() -> None:
    """However often it is renewed, the answer is a refusal and never a failure."""
    program = a_program("membership", period_days=36_500)
    renewal, until = Booking("card", "tier", tier="Member"), NOW
    while until.year < 9900:
        until = decide(program, renewal, replace(EMPTY, member_until=until), NOW, BERLIN).member_until or NOW
    with pytest.raises(OperationNotAllowed):
        decide(program, renewal, replace(EMPTY, member_until=until), NOW, BERLIN)


@pytest.mark.parametrize("kind", ["loyalty", "stamp", "discount"])
def test_turnover_never_grows_beyond_what_json_can_say(kind: str) -> None:
    """The last purchase that fits is booked, one minor unit more is refused."""
    full = replace(EMPTY, turnover=AMOUNT_MAX - 1000)
    assert decided(kind, "purchase", status=full, purchase_total=1000).turnover == 1000
    with pytest.raises(AmountInvalid):
        decided(kind, "purchase", status=full, purchase_total=1001)


def test_a_membership_that_renews_itself_goes_on_by_whole_periods() -> None:
    """Nobody has to book anything for it."""
    program = a_program("membership", period_days=30, renewal="automatic")
    assert member_until(program, NOW, NOW) == NOW + timedelta(days=30)
    assert member_until(program, NOW, NOW + timedelta(days=65)) == NOW + timedelta(days=90)
    assert decide(program, Booking("card", "visit"), replace(EMPTY, member_until=NOW), NOW, BERLIN).amount == 1


def test_a_lock_beyond_the_validity_of_the_program_is_refused_by_the_field_that_was_sent() -> None:
    """Nobody is pointed to a field that is not in the request."""
    with pytest.raises(ValidationFailed) as refused:
        decided("loyalty", "credit", validity_days=14, locked_until="2026-09-01")
    assert refused.value.facts["errors"][0]["pointer"] == "/locked_until"  # type: ignore[index]


def test_a_lock_in_the_past_is_no_lock_and_a_validity_in_the_past_is_refused() -> None:
    """D-25: only a validity that is over cannot be meant."""
    assert decided("loyalty", "credit", locked_until="2026-03-01").locked_until is None
    with pytest.raises(ValidationFailed) as refused:
        decided("loyalty", "credit", valid_until="2026-03-15T11:00:00Z")
    assert refused.value.facts["errors"][0]["pointer"] == "/valid_until"  # type: ignore[index]
    with pytest.raises(ValidationFailed):
        decided("loyalty", "credit", locked_until="2026-05-01", valid_until="2026-05-01")


def test_rules_give_lock_and_validity_where_the_booking_names_none() -> None:
    """A purchase is locked for the time of returns and ends after its validity, both on the shop's clock."""
    movement = decided("loyalty", "purchase", lock_days=14, validity_days=365)
    assert movement.locked_until == datetime(2026, 3, 29, 10, 0, tzinfo=UTC)
    assert movement.valid_until == datetime(2027, 3, 15, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "booking",
    [
        Booking("card", "purchase", 5, 100),
        Booking("card", "credit", 5, 100),
        Booking("card", "purchase"),
        Booking("card", "credit"),
        Booking("card", "transfer", 5),
        Booking("card", "credit", amount=True),
        Booking("card", "debit", 5, valid_until="2027-01-01"),
        Booking("card", "credit", 5, valid_until="soon"),
        Booking("card", "credit", 5, tier="Gold"),
        Booking("card", "credit", 5, reward="Tea"),
    ],
)
def test_a_booking_that_contradicts_itself_is_refused(booking: Booking) -> None:
    """The type decides which fields are needed and which must not be there."""
    with pytest.raises(ValidationFailed):
        decide(a_program("loyalty"), booking, EMPTY, NOW, BERLIN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("total", [1, 99, 12_345, AMOUNT_MAX])
def test_a_purchase_never_earns_more_than_json_can_say(kind: str, total: int) -> None:
    """Earning is whole, not negative and bounded for every kind and every total."""
    try:
        movement = decided(kind, "purchase", purchase_total=total)
    except (OperationNotAllowed, AmountInvalid):
        return
    assert 0 <= movement.amount <= AMOUNT_MAX
