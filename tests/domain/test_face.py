"""What a card shows, for every kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.domain.test_ledger import NOW, a_program, an_account
from walletd.domain.cards import Card
from walletd.domain.face import FACE_VALUES, Face, Percent, Phrase, StampRow, compose_face
from walletd.domain.money import Money
from walletd.domain.programs import KINDS, UNITS


def a_card(status: str = "issued") -> Card:
    """Return a card."""
    return Card("serial", "mer_1", "prg_1", "cus_1", "acc_1", "KEY1", None, status, 1, NOW)


def a_face(kind: str, balance: int, status: str = "issued", **rules: object) -> Face:
    """Return the face of a card of this kind that holds the balance."""
    program = a_program(kind, **rules)
    account = replace(an_account(balance), unit=UNITS[kind], currency=program.currency)
    return compose_face(a_card(status), program, account, holder="Mia Muster", merchant_name="Café")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("balance", [0, 1, 999])
def test_every_kind_offers_the_values_that_templates_may_use(kind: str, balance: int) -> None:
    """Names and types are those of FACE_VALUES, zero included."""
    types = {"number": int, "money": Money, "percent": Percent, "text": str, "phrase": Phrase}
    values = a_face(kind, balance).values
    assert {name: types[kind_of] for name, kind_of in FACE_VALUES[kind].items()} == {
        name: type(value) for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("stamps", "filled", "rewards"), [(0, 0, 0), (1, 1, 0), (9, 9, 0), (10, 10, 1), (11, 1, 1), (20, 10, 2), (25, 5, 2)]
)
def test_stamps_beyond_a_full_card_are_never_lost(stamps: int, filled: int, rewards: int) -> None:
    """Eleven stamps on ten slots are one reward and one stamp (domain.md D-52)."""
    face = a_face("stamp", stamps)
    assert face.stamp_row == StampRow(filled, 10)
    assert face.values["rewards"] == rewards


@pytest.mark.parametrize(("turnover", "rate"), [(0, 0), (4999, 0), (5000, 500), (5001, 500)])
def test_a_discount_counts_from_its_threshold_on_inclusive(turnover: int, rate: int) -> None:
    """Below the threshold the rate is zero, at it the full one (domain.md D-21)."""
    assert a_face("discount", turnover, threshold=5000).values["rate"] == Percent(rate)


def test_a_used_coupon_says_so() -> None:
    """A coupon is available while the account holds it."""
    assert a_face("coupon", 1).values["state"] == Phrase("coupon_available")
    assert a_face("coupon", 0).values["state"] == Phrase("coupon_redeemed")


def test_a_reward_says_how_much_is_missing() -> None:
    """Missing points never fall below zero."""
    assert a_face("reward", 30, reward_price=50).values["missing"] == 20
    assert a_face("reward", 80, reward_price=50).values["missing"] == 0


@pytest.mark.parametrize(("status", "voided"), [("issued", False), ("installed", False), ("revoked", True)])
def test_a_revoked_card_is_shown_as_void(status: str, voided: bool) -> None:
    """Revoked passes are voided and keep being served (apple.md W25)."""
    assert a_face("loyalty", 5, status).voided is voided
