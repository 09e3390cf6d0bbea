"""Lots, reservations, debt and blocks as business events: the cases of table L.

All local time is Europe/Berlin, as in the tables.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import Shop
from walletd.domain.customers.customers import LoyaltyStatus
from walletd.domain.errors import (
    CardIsRevoked,
    HoldClosed,
    HoldExceeded,
    HoldExpired,
    IdempotencyKeyReused,
    InsufficientBalance,
    LoyaltySuspended,
    RedemptionBlocked,
)

OPENS_AT = datetime(2026, 3, 15, 11, 0, tzinfo=UTC)
"""2026-03-15 12:00 in Berlin."""


async def three_lots(shop: Shop, **rules: object) -> str:
    """Issue the card of L-01: A 30 (valid to 2026-06-01), B 50 (2026-04-01), C 20 (no expiry)."""
    await shop.program("loyalty", **rules)
    serial = str((await shop.card("loyalty"))["serial_number"])
    await shop.post(serial, "credit", amount=30, valid_until="2026-06-01")
    await shop.post(serial, "credit", amount=50, valid_until="2026-04-01")
    await shop.post(serial, "credit", amount=20)
    return serial


async def test_l01_what_ends_first_is_redeemed_first(shop: Shop) -> None:
    """L-01: redeeming 60 takes B whole and 10 of A; nothing of what is left ends within 30 days."""
    serial = await three_lots(shop)
    await shop.capture((await shop.reserve(serial, 60))["code"])
    after = await shop.figures(serial)
    assert (after["total"], after["redeemable"], after["expiring_30_days"]) == (40, 40, 0)
    shop.clock.now = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    assert (await shop.figures(serial))["total"] == 20


async def test_l02_the_six_balances(shop: Shop) -> None:
    """L-02: before anything is redeemed."""
    serial = await three_lots(shop)
    assert await shop.figures(serial) == {
        "collected": 100,
        "expired": 0,
        "expiring_30_days": 50,
        "total": 100,
        "locked": 0,
        "redeemable": 100,
        "reserved": 0,
        "debt": 0,
    }


async def test_l03_a_reservation_is_captured_up_to_its_last_millisecond(shop: Shop) -> None:
    """L-03: at 12:14:59.999 it is captured, at 12:15:00.000 it is over and the lots are as in L-02."""
    serial = await three_lots(shop)
    early, late = await shop.reserve(serial, 10), await shop.reserve(serial, 60)
    assert (await shop.figures(serial))["reserved"] == 70
    shop.clock.now = OPENS_AT + timedelta(minutes=14, seconds=59, milliseconds=999)
    assert (await shop.capture(early["code"]))["state"] == "captured"
    shop.clock.now = OPENS_AT + timedelta(minutes=15)
    with pytest.raises(HoldExpired):
        await shop.capture(late["code"])
    after = await shop.figures(serial)
    assert (after["total"], after["redeemable"], after["reserved"], after["expiring_30_days"]) == (90, 90, 0, 40)
    assert [entry["status"] for entry in await shop.history(serial)][-1] == "discarded"


async def test_l06_a_manual_debit_of_the_compatible_kind_touches_no_lot(shop: Shop) -> None:
    """L-06: with manual_debit=unallocated 60 are gone, but 50 still show as expiring (the documented defect)."""
    serial = await three_lots(shop, manual_debit="unallocated")
    await shop.post(serial, "debit", amount=60)
    after = await shop.figures(serial)
    assert (after["total"], after["redeemable"], after["expiring_30_days"]) == (40, 40, 50)
    shop.clock.now = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)
    assert (await shop.figures(serial))["total"] == 40


async def test_a_manual_debit_takes_what_ends_first_by_default(shop: Shop) -> None:
    """D-24: the display of what expires is right after a debit by hand too."""
    serial = await three_lots(shop)
    await shop.post(serial, "debit", amount=60)
    assert (await shop.figures(serial))["expiring_30_days"] == 0


async def test_l08_a_lock_ends_at_its_instant(shop: Shop) -> None:
    """L-08: locked at 10:07:29, redeemable at 10:07:30, and nothing had to be booked for it."""
    shop.clock.now = datetime(2026, 3, 15, 9, 7, 30, tzinfo=UTC)
    serial = (await shop.card())["serial_number"]
    await shop.post(serial, "credit", amount=60, locked_until="2026-04-01")
    shop.clock.now = datetime(2026, 4, 1, 8, 7, 29, tzinfo=UTC)
    locked = await shop.figures(serial)
    with pytest.raises(InsufficientBalance):
        await shop.post(serial, "debit", amount=1)
    shop.clock.now = datetime(2026, 4, 1, 8, 7, 30, tzinfo=UTC)
    free = await shop.figures(serial)
    assert (locked["locked"], locked["redeemable"], locked["total"]) == (60, 0, 60)
    assert (free["locked"], free["redeemable"], free["total"]) == (0, 60, 60)
    assert len(await shop.history(serial)) == 1


async def test_l10_a_blocked_customer_collects_but_does_not_redeem(shop: Shop) -> None:
    """L-10: earning 10 is booked, redeeming 5 is refused, and so is capturing what was reserved before."""
    card = await shop.card()
    serial = card["serial_number"]
    await shop.post(serial, "credit", amount=20)
    held = await shop.reserve(serial, 5)
    await shop.services.customers.set_flag(shop.principal, card["customer_id"], "redeem_blocked", True)  # noqa: FBT003
    await shop.post(serial, "purchase", purchase_total=1000)
    with pytest.raises(RedemptionBlocked):
        await shop.post(serial, "debit", amount=5)
    with pytest.raises(RedemptionBlocked):
        await shop.reserve(serial, 5)
    with pytest.raises(RedemptionBlocked):
        await shop.capture(held["code"])
    assert (await shop.figures(serial))["total"] == 25


async def test_l11_a_suspended_customer_neither_collects_nor_redeems_nor_asks(shop: Shop) -> None:
    """L-11: earning, redeeming and asking are refused; nothing is booked."""
    card = await shop.card()
    serial = card["serial_number"]
    await shop.post(serial, "credit", amount=20)
    set_flag, customer_id = shop.services.customers.set_flag, card["customer_id"]
    await set_flag(shop.principal, customer_id, "loyalty_status", LoyaltyStatus.SUSPENDED)
    for attempt in (shop.post(serial, "purchase", purchase_total=100), shop.post(serial, "debit", amount=5)):
        with pytest.raises(LoyaltySuspended):
            await attempt
    with pytest.raises(LoyaltySuspended):
        await shop.services.cards.by_key(shop.principal, card["key"])
    with pytest.raises(LoyaltySuspended):
        await shop.services.accounts.get(shop.principal, card["account_id"])
    await set_flag(shop.principal, customer_id, "loyalty_status", LoyaltyStatus.ACTIVE)
    assert len(await shop.history(serial)) == 1


async def test_l12_a_key_stands_for_one_amount(shop: Shop) -> None:
    """L-12: the first answer again, and another amount under the key is refused."""
    serial = (await shop.card())["serial_number"]
    first = await shop.post(serial, "credit", "k", amount=5)
    assert await shop.post(serial, "credit", "k", amount=5) == first
    with pytest.raises(IdempotencyKeyReused):
        await shop.post(serial, "credit", "k", amount=6)
    assert await shop.balance(serial) == 5


async def test_l18_two_tills_redeem_the_same_fifty(shop: Shop) -> None:
    """L-18: one is booked, one is refused, nothing is left."""
    serial = (await shop.card())["serial_number"]
    await shop.post(serial, "credit", amount=50)
    results = await asyncio.gather(*(shop.post(serial, "debit", amount=50) for _ in range(2)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["InsufficientBalance", "dict"]
    assert (await shop.figures(serial))["total"] == 0


async def test_a_reserved_lot_stays_valid_until_its_reservation_ends(shop: Shop) -> None:
    """The free part expires in time, the reserved part can still be captured, and expires where it is not."""
    serial = (await shop.card())["serial_number"]
    await shop.post(serial, "credit", amount=50, valid_until="2026-03-15T11:10:00Z")
    kept, lost = await shop.reserve(serial, 20), await shop.reserve(serial, 10)
    shop.clock.now = OPENS_AT + timedelta(minutes=10)
    ended = await shop.figures(serial)
    assert (ended["expired"], ended["total"], ended["redeemable"], ended["reserved"]) == (20, 0, 0, 30)
    await shop.capture(kept["code"])
    shop.clock.now = OPENS_AT + timedelta(minutes=15)
    over = await shop.figures(serial)
    assert (over["expired"], over["total"], over["reserved"]) == (30, 0, 0)
    with pytest.raises(HoldExpired):
        await shop.release(lost["code"])


async def test_the_scheduler_books_an_expiry_per_lot_and_tells_the_phone(shop: Shop) -> None:
    """Each ended lot has its own entry; doing it again books nothing."""
    serial = await three_lots(shop)
    await shop.until_idle()
    shop.clock.now = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    assert await shop.services.ledger.advance_due() == 1
    assert await shop.services.ledger.advance_due() == 0
    expiries = [entry["amount"] for entry in await shop.history(serial) if entry["kind"] == "expire"]
    assert expiries == [-50, -30]
    assert await shop.services.publisher.publish_next(10) == 1


async def test_unlocking_reaches_the_phone_without_a_booking(shop: Shop) -> None:
    """The end of a lock is due work: the card is published anew, the books stay as they are."""
    serial = (await shop.card())["serial_number"]
    await shop.post(serial, "credit", amount=60, locked_until="2026-04-01")
    await shop.until_idle()
    shop.clock.now = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)
    assert await shop.services.ledger.advance_due() == 1
    assert await shop.services.publisher.publish_next(10) == 1
    assert len(await shop.history(serial)) == 1


async def test_what_expires_soon_is_told_once_per_lot(shop: Shop) -> None:
    """The notice of 30 days reaches each card once."""
    await three_lots(shop)
    await shop.until_idle()
    assert await shop.services.upkeep.notice_expiring() == "1 lots expire soon"
    assert await shop.services.publisher.publish_next(10) == 1
    assert await shop.services.upkeep.notice_expiring() == "0 lots expire soon"


async def test_a_part_of_a_reservation_is_captured_and_the_rest_is_free_at_once(shop: Shop) -> None:
    """Capturing 30 of 60 leaves 70; more than is held, or a second time, is refused."""
    serial = await three_lots(shop)
    held = await shop.reserve(serial, 60)
    with pytest.raises(HoldExceeded):
        await shop.capture(held["code"], 61)
    captured = await shop.capture(held["code"], 30)
    assert (captured["captured"], captured["account"]["redeemable"], captured["account"]["reserved"]) == (30, 70, 0)
    with pytest.raises(HoldClosed):
        await shop.capture(held["code"])
    with pytest.raises(HoldClosed):
        await shop.release(held["code"])


async def test_a_released_reservation_leaves_its_trace_but_no_change(shop: Shop) -> None:
    """I-04: the discarded entry changes no balance and no statistic; releasing again says the same."""
    serial = await three_lots(shop)
    before = await shop.figures(serial)
    held = await shop.reserve(serial, 60)
    assert (await shop.release(held["code"]))["state"] == (await shop.release(held["code"]))["state"] == "released"
    assert await shop.figures(serial) == before
    last = (await shop.history(serial))[-1]
    assert (last["status"], last["amount"], last["balance_after"]) == ("discarded", -60, 100)


async def test_a_revoked_card_takes_nothing_and_a_reinstated_one_does_again(shop: Shop) -> None:
    """Neither bookings nor captures; what is returned can still be booked."""
    serial = (await shop.card())["serial_number"]
    order = await shop.post(serial, "purchase", purchase_total=2000)
    held = await shop.reserve(serial, 5)
    await shop.services.cards.revoke(shop.principal, serial, "lost")
    for attempt in (shop.post(serial, "credit", amount=1), shop.reserve(serial, 1), shop.capture(held["code"])):
        with pytest.raises(CardIsRevoked):
            await attempt
    await shop.reverse(order["transaction_id"], purchase_total=100)
    view = await shop.services.cards.reinstate(shop.principal, serial, "found")
    assert view.card.status == "issued"
    assert (await shop.capture(held["code"]))["state"] == "captured"


async def test_each_kind_lives_through_its_operations(shop: Shop) -> None:
    """D-45: stamps fill and are redeemed, a coupon is single use, a pack is used up, a tier changes."""
    stamp = (await shop.card("stamp"))["serial_number"]
    for _ in range(11):
        await shop.post(stamp, "visit")
    assert (await shop.post(stamp, "reward"))["account"]["total"] == 1
    coupon = (await shop.card("coupon"))["serial_number"]
    assert (await shop.post(coupon, "coupon"))["account"]["total"] == 0
    with pytest.raises(InsufficientBalance):
        await shop.post(coupon, "coupon")
    multipass = (await shop.card("multipass"))["serial_number"]
    await shop.post(multipass, "visit", amount=10)
    with pytest.raises(InsufficientBalance):
        await shop.post(multipass, "visit")
    assert (await shop.post(multipass, "credit"))["account"]["total"] == 10
    await shop.program("membership", tiers=[{"name": "Gold", "threshold": 5}], period_days=30)
    gold = (await shop.card("membership"))["serial_number"]
    assert (await shop.post(gold, "tier", tier="Gold"))["account"]["tier"] == "Gold"


@pytest.mark.parametrize("looks", [True, False])
async def test_what_comes_back_pays_debt_before_its_lot_ends_whether_or_not_the_scheduler_runs(
    shop: Shop, looks: bool
) -> None:
    """A credit is spent and reversed while the other is held to 12:15 and ends at 12:16: nothing is owed afterwards."""
    shop.clock.now = OPENS_AT
    serial = str((await shop.card("loyalty"))["serial_number"])
    first = await shop.post(serial, "credit", amount=1)
    await shop.post(serial, "credit", amount=1, valid_until="2026-03-15T11:16:00Z")
    await shop.reserve(serial, 1)
    await shop.post(serial, "debit", amount=1)
    await shop.reverse(first["transaction_id"])
    assert (await shop.figures(serial))["debt"] == 1
    if looks:
        shop.clock.now = OPENS_AT + timedelta(minutes=15)
        await shop.services.ledger.advance_due()
    shop.clock.now = OPENS_AT + timedelta(minutes=20)
    after = await shop.figures(serial)
    assert (after["total"], after["debt"], after["expired"]) == (0, 0, 0)
    await shop.services.proof.verify()
