"""Bookings as business events."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.builders import Shop
from walletd.domain.errors import (
    AmountInvalid,
    BalanceLimit,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    IdempotencyKeySpent,
    InsufficientBalance,
    NotFound,
    OperationNotAllowed,
)
from walletd.domain.ledger.movements import Booking


@pytest.mark.parametrize(
    ("kind", "total", "earned"),
    [
        ("loyalty", 1999, 20),
        ("reward", 1949, 19),
        ("stamp", 350, 1),
        ("cashback", 1989, 99),
        ("discount", 1999, 1999),
        ("membership", 350, 1),
    ],
)
async def test_a_purchase_earns_by_the_simple_rule_of_its_kind(shop: Shop, kind: str, total: int, earned: int) -> None:
    """A purchase brings what the default rules of the program say, rounded commercially."""
    card = await shop.card(kind)
    transaction = await shop.book(card["serial_number"], "purchase", total)
    assert transaction["account"]["total"] == earned
    assert [entry["amount"] for entry in transaction["entries"]] == [earned]


@pytest.mark.parametrize("kind", ["gift", "coupon", "multipass"])
async def test_a_purchase_on_a_card_that_earns_nothing_is_refused(shop: Shop, kind: str) -> None:
    """Gift cards, coupons and multipasses do not know purchases."""
    card = await shop.card(kind)
    with pytest.raises(OperationNotAllowed):
        await shop.book(card["serial_number"], "purchase", 1000)


async def test_a_purchase_too_small_for_a_point_is_kept_with_an_entry_of_nothing(shop: Shop) -> None:
    """A purchase that earns nothing stands in the books all the same, so that its return can be worked out."""
    card = await shop.card()
    transaction = await shop.book(card["serial_number"], "purchase", 49)
    assert [entry["amount"] for entry in transaction["entries"]] == [0]
    assert transaction["account"]["turnover"] == 49
    assert await shop.balance(card["serial_number"]) == 0


async def test_multipass_and_coupon_open_with_what_was_bought(shop: Shop) -> None:
    """A new multipass holds its pack, a new coupon itself."""
    assert (await shop.card("multipass"))["balance"]["total"] == 10
    assert (await shop.card("coupon"))["balance"]["total"] == 1


async def test_the_same_key_with_another_request_is_refused(shop: Shop) -> None:
    """A key stands for one request; another amount under it books nothing."""
    serial = (await shop.card())["serial_number"]
    await shop.book(serial, "credit", 5, key="k")
    with pytest.raises(IdempotencyKeyReused):
        await shop.book(serial, "credit", 6, key="k")
    assert await shop.balance(serial) == 5


async def test_a_refusal_is_repeated_although_the_balance_would_allow_it_now(shop: Shop) -> None:
    """The answer to a key never changes, also where it was a refusal."""
    serial = (await shop.card())["serial_number"]
    with pytest.raises(InsufficientBalance) as first:
        await shop.book(serial, "debit", 5, key="k")
    await shop.book(serial, "credit", 50)
    with pytest.raises(InsufficientBalance) as second:
        await shop.book(serial, "debit", 5, key="k")
    assert (first.value.replayed, second.value.replayed) == (False, True)
    assert first.value.facts == second.value.facts
    assert await shop.balance(serial) == 50


async def test_a_key_used_again_after_four_hundred_days_books_nothing(shop: Shop) -> None:
    """The stored answer is forgotten after 30 days, the key never."""
    serial = (await shop.card())["serial_number"]
    transaction = await shop.book(serial, "credit", 5, key="k")
    shop.clock.advance(days=400)
    await shop.services.upkeep.purge()
    with pytest.raises(IdempotencyKeySpent) as refused:
        await shop.book(serial, "credit", 5, key="k")
    assert refused.value.facts["subject"] == transaction["transaction_id"]
    assert await shop.balance(serial) == 5


async def test_a_badly_formed_request_leaves_its_key_free(shop: Shop) -> None:
    """A request that was never well formed does not use up its key."""
    serial = (await shop.card())["serial_number"]
    with pytest.raises(AmountInvalid):
        await shop.book(serial, "credit", 0, key="k")
    await shop.book(serial, "credit", 5, key="k")
    assert await shop.balance(serial) == 5


async def test_a_booking_without_a_key_is_refused(shop: Shop) -> None:
    """Nothing that moves value goes without an idempotency key."""
    serial = (await shop.card())["serial_number"]
    with pytest.raises(IdempotencyKeyMissing):
        await shop.services.ledger.book(shop.principal, Booking(serial, "credit", 5), None)


@pytest.mark.parametrize("amount", [-5, 0, 2**53, 2**63])
async def test_an_amount_out_of_range_is_refused(shop: Shop, amount: int) -> None:
    """Amounts are whole numbers from 1 to 2**53 - 1."""
    serial = (await shop.card())["serial_number"]
    with pytest.raises(AmountInvalid):
        await shop.book(serial, "credit", amount)


async def test_a_credit_beyond_what_an_account_may_hold_is_refused(shop: Shop) -> None:
    """No balance leaves the whole numbers that every JSON reader keeps exact."""
    serial = (await shop.card())["serial_number"]
    await shop.book(serial, "credit", 2**53 - 1)
    with pytest.raises(BalanceLimit):
        await shop.book(serial, "credit", 1)


async def test_a_card_of_another_merchant_is_not_found(shop: Shop) -> None:
    """One merchant's key finds nothing of another."""
    serial = (await shop.card())["serial_number"]
    stranger = await shop.stranger()
    with pytest.raises(NotFound):
        await shop.services.ledger.book(stranger, Booking(serial, "credit", 5), "k")


async def test_the_books_are_proved_after_many_bookings(shop: Shop) -> None:
    """Every stored balance and every chain follows from the entries."""
    serials = [(await shop.card(kind))["serial_number"] for kind in ("loyalty", "gift", "stamp")]
    await asyncio.gather(*(shop.book(serial, "credit", 7) for serial in serials * 20))
    assert await shop.services.proof.verify() == (3, 60)


async def test_a_second_card_shares_the_account_of_the_main_card(shop: Shop) -> None:
    """What is booked on one card of an account shows on the other."""
    main = await shop.card()
    second = await shop.card(customer=None, account_of=main["serial_number"], holder_name="Ben")
    await shop.book(second["serial_number"], "credit", 12)
    assert second["account_id"] == main["account_id"]
    assert await shop.balance(main["serial_number"]) == 12


async def test_a_transaction_can_be_read_back(shop: Shop) -> None:
    """A transaction answers with its entries and the reference of the till."""
    serial = (await shop.card())["serial_number"]
    answer = await shop.services.ledger.book(shop.principal, Booking(serial, "credit", 5, reference="receipt 7"), "k")
    made = json.loads(answer.body)
    found = json.loads(await shop.services.ledger.transaction(shop.principal, made["transaction_id"]))
    assert (found["reference"], found["entries"]) == ("receipt 7", made["entries"])
