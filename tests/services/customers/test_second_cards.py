"""Second cards: cards of authorised buyers on one account (S0-026 to S0-032)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from tests.builders import Shop
from walletd.db.engine.base import Tx
from walletd.domain.cards.keys import Rewrite, RewritePlan
from walletd.domain.customers.erasures import CustomerIsErased
from walletd.domain.customers.lists import CustomerFilter
from walletd.domain.customers.merges import CardMerged
from walletd.domain.errors import CardIsDeleted, CardIsRevoked, WalletdError
from walletd.domain.pages import PageRequest


async def two_cards(shop: Shop) -> tuple[dict[str, Any], dict[str, Any]]:
    """The main card, and the card of an authorised buyer."""
    main = await shop.card()
    return main, await shop.card(customer=None, account_of=main["serial_number"], holder_name="Ben Buyer")


async def amounts(shop: Shop, card: dict[str, Any], serial: str | None) -> list[int]:
    """What was booked on the account, by one card or all."""
    page = await shop.services.accounts.entries(shop.principal, card["account_id"], PageRequest(), serial)
    return [entry.amount for entry, _ in page.items]


async def test_a_second_card_has_a_key_and_a_name_of_its_own_and_a_history(shop: Shop) -> None:
    """One account, two histories: who bought what can be told apart."""
    main, second = await two_cards(shop)
    assert (second["account_id"], second["customer_id"]) == (main["account_id"], main["customer_id"])
    assert (second["holder_name"], second["key"] != main["key"]) == ("Ben Buyer", True)
    await shop.post(main["key"], "credit", amount=10)
    await shop.post(second["key"], "credit", amount=5)
    assert [await amounts(shop, main, serial) for serial in (None, main["serial_number"], second["serial_number"])] == [
        [5, 10],
        [10],
        [5],
    ]


async def test_both_phones_hear_of_what_one_card_books(shop: Shop) -> None:
    """Every change reaches all cards of the account."""
    main, second = await two_cards(shop)
    serials = [card["serial_number"] for card in (main, second)]
    for serial in serials:
        await shop.register(serial, device=f"phone-of-{serial}")
    await shop.until_idle()
    before = [await shop.published_sequence(serial) for serial in serials]
    await shop.post(second["key"], "credit", amount=5)
    await shop.until_idle()
    after = [await shop.published_sequence(serial) for serial in serials]
    assert all(later > earlier for earlier, later in zip(before, after, strict=True))


async def test_a_customer_is_found_by_the_key_of_any_card(shop: Shop) -> None:
    """D-39: that of the authorised buyer, and one that was replaced; a part of a key finds nobody."""
    _, second = await two_cards(shop)
    await shop.card()
    await shop.services.card_keys.rewrite(
        shop.principal, Rewrite(second["serial_number"], "4711-B"), RewritePlan("lost")
    )
    for search, count in ((second["key"], 1), ("4711-B", 1), ("4711", 0)):
        page = await shop.services.customer_lists.page(shop.principal, PageRequest(search=search), CustomerFilter())
        assert len(page.items) == count


async def test_a_second_card_that_is_revoked_leaves_the_others_alone(shop: Shop) -> None:
    """A buyer who left the firm buys no more; the account goes on."""
    main, second = await two_cards(shop)
    await shop.services.cards.revoke(shop.principal, second["serial_number"], "left the firm")
    with pytest.raises(CardIsRevoked):
        await shop.post(second["key"], "credit", amount=5)
    await shop.post(main["key"], "credit", amount=10)
    assert await shop.balance(main["serial_number"]) == 10


@pytest.mark.parametrize("ended", ["erased", "deleted", "revoked", "merged"])
async def test_a_card_that_has_ended_is_nobodys_main_card(shop: Shop, ended: str) -> None:
    """Neither a deleted, revoked or merged card nor one of an erased customer shares its account."""
    main = await shop.card()
    serial = main["serial_number"]
    expected: type[WalletdError] = CardIsDeleted
    if ended == "erased":
        await shop.services.erasures.erase(shop.principal, main["customer_id"])
    elif ended == "deleted":
        await shop.services.cards.delete(shop.principal, serial, "lost")
    elif ended == "revoked":
        await shop.services.cards.revoke(shop.principal, serial, "lost")
        expected = CardIsRevoked
    else:
        await shop.merge((await shop.card())["customer_id"], main["customer_id"])
        expected = CardMerged
    with pytest.raises(expected):
        await shop.card(customer=None, account_of=serial, holder_name="Ben Buyer")


async def test_an_erased_customer_gets_no_card_by_a_card_that_was_left_to_them(shop: Shop) -> None:
    """Whose card it is decides, and the whole customer is read for that: an erased one gets nothing."""
    main = await shop.card()
    await shop.services.erasures.erase(shop.principal, main["customer_id"])
    with pytest.raises(CustomerIsErased):
        await shop.card(customer=None, customer_id=main["customer_id"])


async def test_a_customer_who_is_erased_beside_the_look_at_the_card_gets_no_second_card(shop: Shop) -> None:
    """The customer is read whole once nobody else can change them; that the card was still good does not help."""
    main = await shop.card()

    def erase_beside(tx: Tx) -> None:
        tx.execute(text("UPDATE customers SET erased_at = 1 WHERE id = :id"), {"id": main["customer_id"]})

    await shop.runtime.database.write(erase_beside)
    with pytest.raises(CustomerIsErased):
        await shop.card(customer=None, account_of=main["serial_number"], holder_name="Ben Buyer")
