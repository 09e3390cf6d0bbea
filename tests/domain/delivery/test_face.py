"""What a card shows, for every kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.domain.ledger.test_ledger import NOW, a_program, an_account
from walletd.domain.cards.cards import Card, CardStatus
from walletd.domain.cards.kinds import FACE_VALUES, KINDS, UNITS
from walletd.domain.delivery.faces import OPTIONAL_VALUES, Face, Holding, Percent, Phrase, StampRow, compose_face
from walletd.domain.ledger.balances import balances_at
from walletd.domain.ledger.lots import Lot
from walletd.domain.money import Money


def a_card(status: CardStatus = CardStatus.ISSUED) -> Card:
    """Return a card."""
    return Card("serial", "mer_1", "prg_1", "cus_1", "acc_1", "KEY1", None, status, 1, NOW)


def a_face(kind: str, balance: int, status: CardStatus = CardStatus.ISSUED, **rules: object) -> Face:
    """Return the face of a card of this kind that holds the balance."""
    program = a_program(kind, **rules)
    account = replace(an_account(balance), unit=UNITS[kind], currency=program.currency, turnover=max(balance, 0))
    holding = Holding(program, account, balances_at(account, (), NOW), NOW)
    return compose_face(a_card(status), holding, holder="Mia Muster", merchant_name="Café")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("balance", [0, 1, 999])
def test_every_kind_offers_the_values_that_templates_may_use(kind: str, balance: int) -> None:
    """Names and types are those of FACE_VALUES, zero included."""
    types = {"number": int, "money": Money, "percent": Percent, "text": str, "phrase": Phrase, "moment": datetime}
    values = a_face(kind, balance).values
    always = {name: kind_of for name, kind_of in FACE_VALUES[kind].items() if name not in OPTIONAL_VALUES}
    assert always.keys() <= values.keys() <= FACE_VALUES[kind].keys()
    assert all(type(value) is types[FACE_VALUES[kind][name]] for name, value in values.items())


@pytest.mark.parametrize(
    ("stamps", "filled", "rewards"), [(0, 0, 0), (1, 1, 0), (9, 9, 0), (10, 10, 1), (11, 1, 1), (20, 10, 2), (25, 5, 2)]
)
def test_stamps_beyond_a_full_card_are_never_lost(stamps: int, filled: int, rewards: int) -> None:
    """Eleven stamps on ten slots are one reward and one stamp (D-52)."""
    face = a_face("stamp", stamps)
    assert face.stamp_row == StampRow(filled, 10)
    assert face.values["rewards"] == rewards


@pytest.mark.parametrize(
    ("total", "locked", "filled", "rewards"), [(10, 10, 10, 0), (11, 5, 10, 0), (21, 5, 10, 1), (11, 1, 1, 1)]
)
def test_locked_stamps_stand_on_the_card_but_promise_no_reward(
    total: int, locked: int, filled: int, rewards: int
) -> None:
    """What the till would refuse is not announced as waiting."""
    lots = (Lot("a", "acc_1", 1, locked, locked, locked_until=NOW + timedelta(days=2)),)
    account = an_account(total)
    holding = Holding(a_program("stamp"), account, balances_at(account, lots, NOW), NOW)
    face = compose_face(a_card(), holding, holder="Mia", merchant_name="Café")
    assert (face.stamp_row, face.values["rewards"]) == (StampRow(filled, 10), rewards)


@pytest.mark.parametrize(("kind", "locked"), [("gift", Money(10, "EUR")), ("multipass", 10), ("stamp", 10)])
def test_every_kind_that_can_hold_locked_value_says_so(kind: str, locked: object) -> None:
    """A balance that cannot be redeemed yet is explained on the card."""
    program, lots = a_program(kind), (Lot("a", "acc_1", 1, 10, 10, locked_until=NOW + timedelta(days=2)),)
    account = replace(an_account(10), currency=program.currency)
    holding = Holding(program, account, balances_at(account, lots, NOW), NOW)
    assert compose_face(a_card(), holding, holder="Mia", merchant_name="Café").values["locked"] == locked


@pytest.mark.parametrize(("turnover", "rate"), [(0, 0), (4999, 0), (5000, 500), (5001, 500)])
def test_a_discount_counts_from_its_threshold_on_inclusive(turnover: int, rate: int) -> None:
    """Below the threshold the rate is zero, at it the full one (D-21)."""
    assert a_face("discount", turnover, threshold=5000).values["rate"] == Percent(rate)


def test_a_used_coupon_says_so() -> None:
    """A coupon is available while the account holds it."""
    assert a_face("coupon", 1).values["state"] == Phrase("coupon_available")
    assert a_face("coupon", 0).values["state"] == Phrase("coupon_redeemed")


def test_a_reward_says_how_much_is_missing() -> None:
    """Missing points never fall below zero."""
    assert a_face("reward", 30, reward_price=50).values["missing"] == 20
    assert a_face("reward", 80, reward_price=50).values["missing"] == 0


@pytest.mark.parametrize(
    ("status", "voided"), [(CardStatus.ISSUED, False), (CardStatus.INSTALLED, False), (CardStatus.REVOKED, True)]
)
def test_a_revoked_card_is_shown_as_void(status: CardStatus, voided: bool) -> None:
    """Revoked passes are voided and keep being served (W25)."""
    assert a_face("loyalty", 5, status).voided is voided


def test_a_card_says_what_is_locked_and_what_ends_next() -> None:
    """Locked points, and the next end of a validity with its amount, stand on the card while there are any."""
    account = replace(an_account(60), last_unlock=NOW + timedelta(days=2), next_expiry=NOW + timedelta(days=3))
    lots = (
        Lot("a", "acc_1", 1, 10, 10, locked_until=NOW + timedelta(days=2)),
        Lot("b", "acc_1", 2, 20, 20, valid_until=NOW + timedelta(days=3)),
        Lot("c", "acc_1", 3, 30, 30, valid_until=NOW + timedelta(days=300)),
    )
    holding = Holding(a_program("loyalty"), account, balances_at(account, lots, NOW), NOW)
    values = compose_face(a_card(), holding, holder="Mia", merchant_name="Café").values
    assert (values["locked"], values["expiring"], values["expires_on"]) == (10, 20, NOW + timedelta(days=3))


def test_a_membership_shows_its_tier_by_visits_or_the_one_set_by_hand() -> None:
    """Further tiers are reached by visits; what staff set goes before."""
    tiers = [{"name": "Gold", "threshold": 10}]
    assert a_face("membership", 9, tiers=tiers).values["tier"] == "Member"
    assert a_face("membership", 10, tiers=tiers).values["tier"] == "Gold"
    account = replace(an_account(0), tier="Gold", member_until=NOW)
    holding = Holding(a_program("membership", tiers=tiers), account, balances_at(account, (), NOW), NOW)
    values = compose_face(a_card(), holding, holder="Mia", merchant_name="Café").values
    assert (values["tier"], values["member_until"]) == ("Gold", NOW)


def test_a_coupon_that_ran_out_says_so() -> None:
    """Expired is something else than redeemed."""
    account = replace(an_account(0), expired=1)
    holding = Holding(a_program("coupon"), account, balances_at(account, (), NOW), NOW)
    values = compose_face(a_card(), holding, holder="Mia", merchant_name="Café").values
    assert values["state"] == Phrase("coupon_expired")


def test_debt_never_shows_as_a_negative_number_on_a_card() -> None:
    """A card is no reminder: what is owed is paid by the next credits."""
    account = replace(an_account(-15), debt=15)
    holding = Holding(a_program("loyalty"), account, balances_at(account, (), NOW), NOW)
    assert compose_face(a_card(), holding, holder="Mia", merchant_name="Café").values["balance"] == 0


def test_a_coupon_that_a_till_holds_is_still_there() -> None:
    """Reserved is not redeemed."""
    account = replace(an_account(1), reserved=1)
    holding = Holding(a_program("coupon"), account, balances_at(account, (), NOW), NOW)
    values = compose_face(a_card(), holding, holder="Mia", merchant_name="Café").values
    assert values["state"] == Phrase("coupon_available")
