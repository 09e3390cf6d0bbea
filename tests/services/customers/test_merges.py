"""Merges of customers: value is moved, never made or lost, every key leads to the card that goes on (P19, L-14)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders import Shop, next_key
from tests.channels.receiver import Receiver
from tests.services.customers.merging import case_l14, merged, two_cards
from tests.services.outbox.webhooks import an_endpoint, data, deliver
from walletd.domain.cards.programs import NewProgram
from walletd.domain.customers.merges import CardMerged, MergePlan, MergeSelf, RedemptionOpen
from walletd.domain.errors import (
    CardIsRevoked,
    CurrencyMismatch,
    NotFound,
)
from walletd.domain.merchants.principals import Principal, PrincipalKind

OPENS_AT = datetime(2026, 3, 15, 11, 0, tzinfo=UTC)
"""2026-03-15 12:00 in Berlin."""


async def test_l14_a_merge_adds_up_what_both_had_and_keeps_locks(shop: Shop) -> None:
    """L-14: 40 and 25 of which 10 are locked: 65, 55 redeemable, 10 locked; the other's key leads to the applicant."""
    applicant, other = await case_l14(shop)
    before = await shop.figures(applicant["serial_number"])
    await merged(shop, applicant, other, number=applicant["customer_id"])
    after = await shop.figures(applicant["serial_number"])
    assert (after["total"], after["redeemable"], after["locked"]) == (65, 55, 10)
    assert (after["expiring_30_days"], after["collected"]) == (15, before["collected"])
    found = await shop.services.cards.by_key(shop.principal, other["key"])
    assert (found.card.serial_number, found.card.key) == (applicant["serial_number"], applicant["key"])
    assert found.customer.id == applicant["customer_id"]


async def test_the_number_of_the_old_customer_goes_on_with_the_identity_of_the_new_one(shop: Shop) -> None:
    """D-03: two survivors named apart; serials stay, both phones show the surviving number, both keys are read."""
    new, old = await two_cards(shop)
    await merged(shop, new, old, number=old["customer_id"])
    cards = [await shop.services.cards.get(shop.principal, card["serial_number"]) for card in (new, old)]
    assert [view.card.key for view in cards] == [old["key"]] * 2
    assert [view.card.customer_id for view in cards] == [new["customer_id"]] * 2
    assert [view.card.merged_into for view in cards] == [None, new["serial_number"]]
    for key in (new["key"], old["key"]):
        await shop.post(key, "credit", amount=1)
    assert await shop.balance(new["serial_number"]) == 2


async def test_both_passes_are_published_anew_after_a_merge(shop: Shop) -> None:
    """Each phone is told: both passes get a new version."""
    new, old = await two_cards(shop)
    for card in (new, old):
        await shop.post(card["serial_number"], "credit", amount=5)
    await shop.until_idle()
    before = [await shop.published_sequence(card["serial_number"]) for card in (new, old)]
    await merged(shop, new, old)
    await shop.until_idle()
    after = [await shop.published_sequence(card["serial_number"]) for card in (new, old)]
    assert all(later > earlier for earlier, later in zip(before, after, strict=True))


async def test_booking_on_the_merged_card_by_its_serial_names_the_one_that_goes_on(shop: Shop) -> None:
    """Reliability 5, 15: 409 card_merged with the serial number to book on; nothing is booked."""
    new, old = await two_cards(shop)
    await shop.post(old["serial_number"], "credit", amount=5)
    await merged(shop, new, old)
    with pytest.raises(CardMerged) as refused:
        await shop.post(old["serial_number"], "debit", amount=1)
    assert refused.value.facts["serial_number"] == new["serial_number"]
    assert await shop.balance(new["serial_number"]) == 5


async def test_a_merge_while_the_absorbed_customer_redeems_conserves_the_sum(shop: Shop) -> None:
    """Reliability 5, 15: in either order; the loser gets 409 card_merged, or finds the value where it went."""
    new, old = await two_cards(shop)
    await shop.post(old["serial_number"], "credit", amount=100)
    debits = [shop.post(old["serial_number"], "debit", amount=1) for _ in range(20)]
    outcomes = await asyncio.gather(*debits[:10], merged(shop, new, old), *debits[10:], return_exceptions=True)
    refused = [item for item in outcomes if isinstance(item, Exception)]
    assert all(isinstance(item, CardMerged) for item in refused)
    assert await shop.balance(new["serial_number"]) == 100 - (20 - len(refused))


async def test_a_merge_waits_for_an_open_redemption(shop: Shop) -> None:
    """What a till holds is not moved away under it; once it is captured the merge goes through."""
    new, old = await two_cards(shop)
    await shop.post(old["serial_number"], "credit", amount=30)
    held = await shop.reserve(old["serial_number"], 10)
    with pytest.raises(RedemptionOpen):
        await merged(shop, new, old)
    await shop.capture(held["code"])
    await merged(shop, new, old)
    assert await shop.balance(new["serial_number"]) == 20


async def test_a_customer_cannot_be_merged_into_itself_in_circles_or_across_merchants(shop: Shop) -> None:
    """Reliability 5, 16: 422 merge_self, 409 card_merged, 404."""
    new, old = await two_cards(shop)
    with pytest.raises(MergeSelf):
        await merged(shop, new, new)
    third = await shop.card()
    with pytest.raises(MergeSelf):
        await merged(shop, new, old, number=third["customer_id"])
    await merged(shop, new, old)
    for one, other in ((old, new), (new, old), (third, old), (old, third)):
        with pytest.raises(CardMerged):
            await merged(shop, one, other)
    with pytest.raises(NotFound):
        await shop.merge(new["customer_id"], "cus_0000000000000000000000000a")
    stranger = Principal("mer_00000000000000000000000000", PrincipalKind.API_KEY, "key_x", "Stranger")
    plan = MergePlan(new["customer_id"], new["customer_id"], third["customer_id"])
    with pytest.raises(NotFound):
        await shop.services.merges.preview(stranger, plan)


async def test_money_of_two_currencies_is_not_merged(shop: Shop) -> None:
    """Reliability 5, 16: 422 currency_mismatch, nothing is moved."""
    euro = await shop.card("gift")
    await shop.runtime.database.write(lambda tx: tx.execute(text("UPDATE merchants SET currency = 'CHF'")))
    shop.programs["francs"] = (
        await shop.services.programs.create(shop.principal, NewProgram("gift", "Gutschein", None, {}))
    ).id
    franc = await shop.card("francs")
    with pytest.raises(CurrencyMismatch):
        await merged(shop, euro, franc)
    kept = await shop.services.cards.get(shop.principal, franc["serial_number"])
    assert kept.card.customer_id == franc["customer_id"]


async def test_vouchers_only_change_their_owner(shop: Shop) -> None:
    """A gift card is a thing of its own: after a merge the customer has two, each with its value and key."""
    new, old = await shop.card("gift"), await shop.card("gift")
    await shop.post(old["serial_number"], "credit", amount=5000)
    merge = await merged(shop, new, old)
    moved = await shop.services.cards.get(shop.principal, old["serial_number"])
    assert (moved.card.customer_id, moved.balances.total, moved.card.key) == (new["customer_id"], 5000, old["key"])
    await shop.post(old["serial_number"], "debit", amount=1000)
    await shop.undo(merge["merge_id"])
    back = await shop.services.cards.get(shop.principal, old["serial_number"])
    assert (back.card.customer_id, back.balances.total) == (old["customer_id"], 4000)


async def test_second_cards_keep_their_keys_and_book_on_the_joined_account(shop: Shop) -> None:
    """Authorised buyers of the absorbed customer go on buying with their own keys."""
    new, old = await two_cards(shop)
    shop.clock.advance(seconds=1)
    second = await shop.card(customer=None, account_of=old["serial_number"], holder_name="Ida Boss")
    merge = await merged(shop, new, old)
    await shop.post(second["key"], "credit", amount=7)
    await shop.post(second["serial_number"], "credit", amount=1)
    assert await shop.balance(new["serial_number"]) == 8
    await shop.undo(merge["merge_id"])
    found = (await shop.services.cards.get(shop.principal, second["serial_number"])).card
    assert (found.customer_id, found.account_id) == (old["customer_id"], old["account_id"])


async def test_what_the_absorbed_customer_bought_can_be_returned_after_the_merge(shop: Shop) -> None:
    """A purchase from before is reversed on the joined account, out of its own lot, though that has moved."""
    new, old = await two_cards(shop, lock_days=14)
    await shop.post(new["serial_number"], "credit", amount=40)
    order = await shop.post(old["serial_number"], "purchase", purchase_total=2000)
    await merged(shop, new, old)
    note = await shop.reverse(order["transaction_id"], purchase_total=500)
    after = await shop.figures(new["serial_number"])
    assert (note["entries"][0]["amount"], note["account"]["account_id"]) == (-5, new["account_id"])
    assert (after["total"], after["locked"], after["redeemable"]) == (55, 15, 40)


async def test_what_the_absorbed_customer_redeemed_can_be_given_back_after_the_merge(shop: Shop) -> None:
    """A debit from before comes back to the joined account, valid as long as what it came from."""
    new, old = await two_cards(shop)
    await shop.post(old["serial_number"], "credit", amount=30, valid_until="2026-04-01")
    debit = await shop.post(old["serial_number"], "debit", amount=30)
    await merged(shop, new, old)
    await shop.reverse(debit["transaction_id"], amount=20)
    after = await shop.figures(new["serial_number"])
    assert (after["total"], after["expiring_30_days"]) == (20, 20)


async def test_a_repeated_request_merges_once_and_gets_the_same_answer(shop: Shop) -> None:
    """P3: the key of the first request repeats its answer."""
    new, old = await two_cards(shop)
    key = next_key()
    first, again = await merged(shop, new, old, key=key), await merged(shop, new, old, key=key)
    assert first == again


async def test_a_revoked_card_is_not_merged(shop: Shop) -> None:
    """What was revoked for a reason does not come back by a merge."""
    new, old = await two_cards(shop)
    await shop.services.cards.revoke(shop.principal, old["serial_number"], "lost")
    with pytest.raises(CardIsRevoked):
        await merged(shop, new, old)


async def test_a_merged_customer_takes_no_cards_and_no_changes(shop: Shop) -> None:
    """Whoever asks for it is told which customer goes on; lists leave it out."""
    new, old = await two_cards(shop)
    await merged(shop, new, old)
    works = (
        shop.card(customer=None, customer_id=old["customer_id"]),
        shop.card(customer=None, account_of=old["serial_number"]),
        shop.services.customers.update(shop.principal, old["customer_id"], {"last_name": "Neu"}),
        shop.services.customers.set_flag(shop.principal, old["customer_id"], "redeem_blocked", value=True),
    )
    for refused in await asyncio.gather(*works, return_exceptions=True):
        assert isinstance(refused, CardMerged)


async def test_a_preview_says_what_would_move_and_what_stands_against_it_and_changes_nothing(shop: Shop) -> None:
    """The person who decides sees both sides, the keys before and after, and every conflict."""
    applicant, other = await case_l14(shop)
    await shop.reserve(other["serial_number"], 5)
    plan = MergePlan(applicant["customer_id"], other["customer_id"], other["customer_id"])
    preview: Any = await shop.services.merges.preview(shop.principal, plan)
    assert [item["code"] for item in preview["conflicts"]] == ["redemption_open"]
    pair = preview["accounts"][0]
    assert (pair["from_balance"]["total"], pair["into_balance"]["total"]) == (20, 40)
    cards = {item["serial_number"]: item for item in preview["cards"]}
    assert cards[applicant["serial_number"]]["key_after"] == other["key"]
    assert cards[other["serial_number"]]["merged_into"] == applicant["serial_number"]
    assert await shop.balance(other["serial_number"]) == 20


async def test_the_report_of_what_is_owed_does_not_change_with_a_merge(shop: Shop) -> None:
    """A merge neither credits nor redeems."""
    applicant, other = await case_l14(shop)
    before = await shop.services.reports.liability(shop.principal, None, None)
    await merged(shop, applicant, other)
    shop.clock.advance(seconds=1)
    after = await shop.services.reports.liability(shop.principal, None, None)
    for one, later in zip(before.lines, after.lines, strict=True):
        assert (one.credited, one.redeemed, one.closing, one.owed) == (
            later.credited,
            later.redeemed,
            later.closing,
            later.owed,
        )


async def test_the_till_is_told_of_a_merge_and_its_undoing_by_the_numbers_it_knows(
    shop: Shop, receiver: Receiver
) -> None:
    """S0-057, S0-063: both customer numbers, and whose goes on, as often as it takes until the receiver has them."""
    one, other = await two_cards(shop)
    await an_endpoint(shop, receiver, "customer.merged", "customer.merge_undone")
    merge = await merged(shop, one, other)
    await deliver(shop)
    await shop.undo(merge["merge_id"])
    await deliver(shop)
    numbers = [(await shop.services.customers.get(shop.principal, card["customer_id"])).number for card in (one, other)]
    for event in ("customer.merged", "customer.merge_undone"):
        (told,) = data(receiver, event)
        assert [told["survivor_number"], told["absorbed_number"]] == numbers
        assert told["number_survivor"] == other["customer_id"]
