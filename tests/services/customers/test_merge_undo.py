"""Merges and back: what undoing restores, and how much of it when something was spent meanwhile (D-29)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.builders import Shop
from tests.services.customers.merging import case_l14, merged, two_cards
from walletd.domain.customers.merges import MergeNotUndoable
from walletd.domain.errors import (
    RedemptionBlocked,
)

OPENS_AT = datetime(2026, 3, 15, 11, 0, tzinfo=UTC)
"""2026-03-15 12:00 in Berlin."""


async def test_l16_a_merge_undone_at_once_restores_both_exactly(shop: Shop) -> None:
    """L-16: 40 on one side, 25 with 10 locked on the other, and each key leads to its own card."""
    applicant, other = await case_l14(shop)
    serials = [applicant["serial_number"], other["serial_number"]]
    before = [await shop.figures(serial) for serial in serials]
    merge = await merged(shop, applicant, other)
    await shop.undo(merge["merge_id"])
    assert [await shop.figures(serial) for serial in serials] == before
    assert [(item["total"], item["locked"]) for item in before] == [(40, 0), (25, 10)]
    for card in (applicant, other):
        found = (await shop.services.cards.by_key(shop.principal, card["key"])).card
        assert (found.serial_number, found.key) == (card["serial_number"], card["key"])
        assert (found.customer_id, found.account_id) == (card["customer_id"], card["account_id"])


async def test_turnover_and_the_rest_of_a_purchase_go_over(shop: Shop) -> None:
    """I-08: turnover adds up; 99 minor units here and 1 there make a point together."""
    new, old = await two_cards(shop, rounding="carry")
    await shop.post(new["serial_number"], "purchase", purchase_total=199)
    await shop.post(old["serial_number"], "purchase", purchase_total=101)
    merge = await merged(shop, new, old)
    account = await shop.account(new["account_id"])
    assert (account["turnover"], account["total"]) == (300, 2)
    await shop.post(new["serial_number"], "purchase", purchase_total=100)
    assert await shop.balance(new["serial_number"]) == 4
    await shop.undo(merge["merge_id"])
    assert [(await shop.account(card["account_id"]))["turnover"] for card in (new, old)] == [299, 101]


async def test_debt_of_either_side_is_paid_by_what_the_other_brings(shop: Shop) -> None:
    """I-03, I-09: 12 owed and 20 held make 8, in both directions; undone, each has its own again."""
    for owing_first in (True, False):
        owing, rich = await two_cards(shop)
        order = await shop.post(owing["serial_number"], "purchase", purchase_total=1200)
        await shop.post(owing["serial_number"], "debit", amount=12)
        await shop.reverse(order["transaction_id"])
        await shop.post(rich["serial_number"], "credit", amount=20)
        pair = (owing, rich) if owing_first else (rich, owing)
        before = [await shop.figures(card["serial_number"]) for card in pair]
        merge = await merged(shop, *pair)
        joined = await shop.figures(pair[0]["serial_number"])
        await shop.undo(merge["merge_id"])
        assert (joined["total"], joined["debt"], joined["redeemable"]) == (8, 0, 8)
        assert [await shop.figures(card["serial_number"]) for card in pair] == before


async def test_debits_tied_to_no_lot_count_on_both_ways(shop: Shop) -> None:
    """D-24, compatible: 30 with 12 debited from no lot bring 18, and go back as 30 less 12."""
    new, old = await two_cards(shop, manual_debit="unallocated")
    await shop.post(old["serial_number"], "credit", amount=30, valid_until="2026-04-01")
    await shop.post(old["serial_number"], "debit", amount=12)
    before = await shop.figures(old["serial_number"])
    merge = await merged(shop, new, old)
    joined = await shop.figures(new["serial_number"])
    await shop.undo(merge["merge_id"])
    assert (joined["total"], joined["redeemable"]) == (18, 18)
    assert await shop.figures(old["serial_number"]) == before


async def test_undoing_after_something_was_spent_returns_what_is_left_and_says_so_before(shop: Shop) -> None:
    """D-29: 25 came over, 50 of 65 were spent; the preview names what is missing, and no sum changes."""
    applicant, other = await case_l14(shop)
    merge = await merged(shop, applicant, other)
    await shop.post(applicant["serial_number"], "debit", amount=50)
    preview = await shop.services.merges.get(shop.principal, merge["merge_id"])
    undone = await shop.undo(merge["merge_id"])
    line = undone["undo"]["accounts"][0]
    assert preview["undo"] == undone["undo"]
    assert (line["moved"], line["returns"], line["missing"]) == (25, 10, 15)
    totals = [await shop.balance(card["serial_number"]) for card in (applicant, other)]
    assert totals == [5, 10]


async def test_merges_build_on_each_other_and_are_undone_the_last_one_first(shop: Shop) -> None:
    """I-06: after A into B and B into C every key leads to C in one step; undone in turn, each to its own card."""
    first, second, third = await shop.card(), await shop.card(), await shop.card()
    for card, amount in ((first, 1), (second, 10), (third, 100)):
        await shop.post(card["serial_number"], "credit", amount=amount)
    one = await merged(shop, second, first)
    shop.clock.advance(seconds=1)
    two = await merged(shop, third, second)
    for card in (first, second, third):
        found = await shop.services.cards.by_key(shop.principal, card["key"])
        assert (found.card.serial_number, found.balances.total) == (third["serial_number"], 111)
        shown = await shop.services.cards.get(shop.principal, card["serial_number"])
        assert (shown.card.key, shown.balances.total) == (first["key"], 111)
        customer = await shop.services.customers.get(shop.principal, card["customer_id"])
        assert customer.merged_into == (None if card is third else third["customer_id"])
    with pytest.raises(MergeNotUndoable):
        await shop.undo(one["merge_id"])
    await shop.undo(two["merge_id"])
    await shop.undo(one["merge_id"])
    for card, amount in ((first, 1), (second, 10), (third, 100)):
        found = await shop.services.cards.by_key(shop.principal, card["key"])
        assert (found.card.serial_number, found.balances.total) == (card["serial_number"], amount)
        assert (await shop.account(card["account_id"]))["merged_into"] is None


async def test_several_accounts_of_the_absorbed_customer_are_joined_into_one(shop: Shop) -> None:
    """One key goes on, the others lead to it, and undoing separates all of them again."""
    new, old = await two_cards(shop)
    shop.clock.advance(seconds=1)
    more = await shop.card(customer=None, customer_id=old["customer_id"])
    cards = (new, old, more)
    for card in cards:
        await shop.post(card["serial_number"], "credit", amount=10)
    merge = await merged(shop, new, old)
    for card in cards:
        found = await shop.services.cards.by_key(shop.principal, card["key"])
        assert (found.card.serial_number, found.card.key, found.balances.total) == (
            new["serial_number"],
            old["key"],
            30,
        )
    await shop.undo(merge["merge_id"])
    for card in cards:
        found = await shop.services.cards.by_key(shop.principal, card["key"])
        assert (found.card.serial_number, found.card.key, found.balances.total) == (
            card["serial_number"],
            card["key"],
            10,
        )


async def test_a_merge_is_undone_once_and_for_thirty_days_only(shop: Shop) -> None:
    """D-29: on the thirtieth day still, a millisecond later not."""
    new, old = await two_cards(shop)
    merge = await merged(shop, new, old)
    shop.clock.advance(days=30)
    with pytest.raises(MergeNotUndoable):
        await shop.undo(merge["merge_id"])
    shop.clock.advance(milliseconds=-1)
    await shop.undo(merge["merge_id"])
    with pytest.raises(MergeNotUndoable):
        await shop.undo(merge["merge_id"])


async def test_a_block_of_either_customer_holds_after_the_merge_and_is_lifted_by_undoing(shop: Shop) -> None:
    """D-16: nobody frees himself from a block by being merged."""
    new, old = await two_cards(shop)
    await shop.post(new["serial_number"], "credit", amount=5)
    set_flag = shop.services.customers.set_flag
    await set_flag(shop.principal, old["customer_id"], "redeem_blocked", value=True)
    merge = await merged(shop, new, old)
    with pytest.raises(RedemptionBlocked):
        await shop.post(new["serial_number"], "debit", amount=1)
    await shop.undo(merge["merge_id"])
    await shop.post(new["serial_number"], "debit", amount=1)
