"""Returns and reversals as business events: the cases of table R as far as the ledger goes, and debt.

All local time is Europe/Berlin, as in the tables.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tests.builders import Shop
from walletd.domain.errors import (
    AlreadyReversed,
    NotFound,
    ReversalExceeded,
    ReversalNotAllowed,
)

OPENS_AT = datetime(2026, 3, 15, 11, 0, tzinfo=UTC)
"""2026-03-15 12:00 in Berlin."""


async def test_l13_a_credit_note_beyond_what_is_left_becomes_debt(shop: Shop) -> None:
    """L-13: earned 20, spent 15, the order returned: 15 are owed, and the next earnings pay them first."""
    serial = (await shop.card())["serial_number"]
    order = await shop.post(serial, "purchase", purchase_total=2000)
    await shop.post(serial, "debit", amount=15)
    note = await shop.reverse(order["transaction_id"])
    assert note["entries"][0]["amount"] == -20
    owed = await shop.figures(serial)
    assert (owed["total"], owed["debt"], owed["redeemable"]) == (-15, 15, 0)
    await shop.post(serial, "purchase", purchase_total=1000)
    paying = await shop.figures(serial)
    await shop.post(serial, "purchase", purchase_total=1000)
    paid = await shop.figures(serial)
    assert (paying["total"], paying["debt"], paying["redeemable"]) == (-5, 5, 0)
    assert (paid["total"], paid["debt"], paid["redeemable"]) == (5, 0, 5)


async def test_r01_r02_partial_returns_take_back_points_by_the_rest_of_the_purchase(shop: Shop) -> None:
    """R-01, R-02: 2398 earned 24; returning units of 800 and 799 books -8 and -8."""
    serial = (await shop.card())["serial_number"]
    order = (await shop.post(serial, "purchase", purchase_total=2398))["transaction_id"]
    parts = [await shop.reverse(order, purchase_total=part) for part in (800, 799)]
    assert [part["entries"][0]["amount"] for part in parts] == [-8, -8]
    assert await shop.balance(serial) == 8
    with pytest.raises(ReversalExceeded):
        await shop.reverse(order, purchase_total=800)
    await shop.reverse(order)
    with pytest.raises(AlreadyReversed):
        await shop.reverse(order)
    assert await shop.balance(serial) == 0


async def test_r04_the_ledger_takes_back_the_refund_that_the_till_names(shop: Shop) -> None:
    """R-04: of hose, reel and free connector the hose comes back for 2999 - 499 = 2500; turnover follows."""
    serial = (await shop.card("discount"))["serial_number"]
    order = await shop.post(serial, "purchase", purchase_total=7998)
    note = await shop.reverse(order["transaction_id"], purchase_total=2500)
    assert (note["account"]["total"], note["account"]["turnover"]) == (5498, 5498)


async def test_r06_redeemed_points_return_to_their_lots_and_earned_ones_go(shop: Shop) -> None:
    """R-06: 50 points were redeemed and 20 earned; with the whole order 50 come back and 20 go."""
    await shop.program("loyalty", points_per_order=5)
    serial = (await shop.card("loyalty"))["serial_number"]
    await shop.post(serial, "credit", amount=30, valid_until="2026-04-01")
    await shop.post(serial, "credit", amount=70)
    redeemed = await shop.capture((await shop.reserve(serial, 50))["code"])
    order = await shop.post(serial, "purchase", purchase_total=1500)
    assert order["entries"][0]["amount"] == 20
    await shop.reverse(redeemed["transaction_id"])
    await shop.reverse(order["transaction_id"])
    after = await shop.figures(serial)
    assert (after["total"], after["expiring_30_days"]) == (100, 30)


async def test_r08_a_voucher_gets_back_what_was_paid_with_it(shop: Shop) -> None:
    """R-08: 3000 of a voucher of 5000 return to it, the 30 points of the order go."""
    gift, points = (await shop.card("gift"))["serial_number"], (await shop.card())["serial_number"]
    await shop.post(gift, "credit", amount=5000)
    paid = await shop.post(gift, "debit", amount=3000)
    order = await shop.post(points, "purchase", purchase_total=3000)
    await shop.reverse(paid["transaction_id"])
    note = await shop.reverse(order["transaction_id"])
    assert (await shop.balance(gift), note["entries"][0]["amount"], await shop.balance(points)) == (5000, -30, 0)


async def test_value_of_a_lot_that_expired_comes_back_with_a_time_of_grace(shop: Shop) -> None:
    """What was redeemed of a lot that ended meanwhile is valid again for the grace days of the program."""
    await shop.program("loyalty", grace_days=7)
    serial = (await shop.card("loyalty"))["serial_number"]
    await shop.post(serial, "credit", amount=30, valid_until="2026-03-20")
    await shop.post(serial, "credit", amount=30)
    debit = await shop.post(serial, "debit", amount=40)
    shop.clock.advance(days=10)
    back = await shop.reverse(debit["transaction_id"], amount=20)
    assert back["account"]["total"] == 40
    assert (await shop.figures(serial))["expiring_30_days"] == 15
    shop.clock.advance(days=7)
    assert (await shop.figures(serial))["total"] == 25


async def test_debt_is_paid_by_a_reservation_that_comes_back(shop: Shop) -> None:
    """I-03: while there is debt nothing is redeemable, also after reserved points came back."""
    serial = (await shop.card())["serial_number"]
    order = await shop.post(serial, "purchase", purchase_total=2000)
    held = await shop.reserve(serial, 15)
    await shop.reverse(order["transaction_id"])
    owed = await shop.figures(serial)
    await shop.release(held["code"])
    after = await shop.figures(serial)
    assert (owed["debt"], owed["redeemable"], owed["reserved"]) == (15, 0, 15)
    assert (after["debt"], after["redeemable"], after["total"]) == (0, 0, 0)


async def test_what_cannot_be_reversed_is_refused(shop: Shop) -> None:
    """Openings, reversals and the transactions of others stay."""
    multipass = (await shop.card("multipass"))["serial_number"]
    visit = await shop.post(multipass, "visit")
    reversal = await shop.reverse(visit["transaction_id"])
    opening = (await shop.history(multipass))[0]["transaction_id"]
    for transaction_id in (reversal["transaction_id"], opening):
        with pytest.raises(ReversalNotAllowed):
            await shop.reverse(transaction_id)
    with pytest.raises(NotFound):
        await shop.reverse("txn_unknown")
    assert await shop.balance(multipass) == 10


async def test_two_tills_that_return_the_same_purchase_at_once_return_it_once(shop: Shop) -> None:
    """Reversals that arrive together see each other: one is booked, the other is refused, nothing goes twice."""
    serial = (await shop.card())["serial_number"]
    order = await shop.post(serial, "purchase", purchase_total=2000)
    await shop.post(serial, "credit", amount=100)
    debit = await shop.post(serial, "debit", amount=50)
    for transaction in (order, debit):
        results = await asyncio.gather(
            *(shop.reverse(transaction["transaction_id"]) for _ in range(3)), return_exceptions=True
        )
        assert sorted(type(result).__name__ for result in results) == ["AlreadyReversed", "AlreadyReversed", "dict"]
    assert await shop.balance(serial) == 100
