"""What a card's state and a customer's flags refuse, each by its own name (D-16)."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.builders import Shop, new_customer
from walletd.domain.errors import (
    CardIsDeleted,
    CardIsRevoked,
    CardKeyReplaced,
    CardKeyTaken,
    CustomerNumberTaken,
    LinkExpired,
    LinkInvalid,
    LoyaltySuspended,
    NotFound,
    RedemptionBlocked,
    ValidationFailed,
    WalletdError,
)


async def change(shop: Shop, statement: str, serial: str) -> None:
    """Bring a card or its customer into a state that later operations will offer."""
    await shop.runtime.database.write(lambda tx: tx.execute(text(statement), {"serial": serial}))


CUSTOMER = "UPDATE customers SET {} WHERE id = (SELECT customer_id FROM cards WHERE serial_number = :serial)"
CARD = "UPDATE cards SET status = '{}' WHERE serial_number = :serial"
RETIRED = "UPDATE card_keys SET state = 'retired' WHERE serial_number = :serial"


@pytest.mark.parametrize(
    ("statement", "kind", "refusal"),
    [
        (CARD.format("revoked"), "credit", CardIsRevoked),
        (CARD.format("revoked"), "debit", CardIsRevoked),
        (CARD.format("deleted"), "credit", CardIsDeleted),
        (CUSTOMER.format("loyalty_status = 'suspended'"), "credit", LoyaltySuspended),
        (CUSTOMER.format("loyalty_status = 'suspended'"), "debit", LoyaltySuspended),
        (CUSTOMER.format("redeem_blocked = true"), "debit", RedemptionBlocked),
    ],
)
async def test_a_state_refuses_bookings_by_its_own_name(
    shop: Shop, statement: str, kind: str, refusal: type[WalletdError]
) -> None:
    """Revoked, deleted, suspended and blocked are told apart, and nothing is booked."""
    serial = (await shop.card())["serial_number"]
    await shop.book(serial, "credit", 50)
    await change(shop, statement, serial)
    with pytest.raises(refusal):
        await shop.book(serial, kind, 5)
    assert await shop.balance(serial) == 50


async def test_a_customer_whose_redemptions_are_blocked_still_collects(shop: Shop) -> None:
    """Blocking redemptions leaves collecting on."""
    serial = (await shop.card())["serial_number"]
    await change(shop, CUSTOMER.format("redeem_blocked = true"), serial)
    await shop.book(serial, "purchase", 1000)
    assert await shop.balance(serial) == 10


async def test_an_uninstalled_card_still_collects(shop: Shop) -> None:
    """Who switches automatic updates off also unregisters, and must not stop collecting (D2.3.1)."""
    serial = (await shop.card())["serial_number"]
    await change(shop, CARD.format("uninstalled"), serial)
    await shop.book(serial, "credit", 5)
    assert await shop.balance(serial) == 5


async def test_a_replaced_key_is_refused_without_naming_the_new_one(shop: Shop) -> None:
    """An old barcode after a rewrite books nothing and reveals nothing (B17)."""
    card = await shop.card(key="OLD-1")
    await change(shop, RETIRED, card["serial_number"])
    with pytest.raises(CardKeyReplaced) as refused:
        await shop.book("OLD-1", "credit", 5)
    assert refused.value.facts == {}
    with pytest.raises(CardKeyReplaced):
        await shop.services.cards.by_key(shop.principal, "OLD-1")


async def test_a_revoked_card_is_not_given_out_by_its_link(shop: Shop) -> None:
    """The page behind a link of a revoked card says that the card is not given out any more."""
    card = await shop.card()
    await change(shop, CARD.format("revoked"), card["serial_number"])
    with pytest.raises(LinkInvalid):
        await shop.services.links.open(card["add_url"].rsplit("/", 1)[1])


async def test_a_key_and_a_number_belong_to_one_card_and_one_customer(shop: Shop) -> None:
    """Taken keys and numbers are refused."""
    await shop.card(key="K-1", customer=new_customer(last_name="A", number=77))
    with pytest.raises(CardKeyTaken):
        await shop.card(key="K-1")
    with pytest.raises(CustomerNumberTaken):
        await shop.card(customer=new_customer(last_name="B", number=77))
    assert (await shop.card())["customer"]["number"] == 78


async def test_a_second_card_of_another_program_is_refused(shop: Shop) -> None:
    """A card can share only an account of its own program."""
    main = await shop.card("gift")
    with pytest.raises(ValidationFailed):
        await shop.card("loyalty", customer=None, account_of=main["serial_number"])
    with pytest.raises(NotFound):
        await shop.card("loyalty", customer=None, account_of="a" * 26)


async def test_a_link_ends_after_its_time(shop: Shop) -> None:
    """A link works for two weeks, however often it is opened, and not a second longer."""
    token = (await shop.card())["add_url"].rsplit("/", 1)[1]
    for _ in range(20):
        await shop.services.links.open(token)
    shop.clock.advance(days=14)
    await shop.services.passes.by_link(token)
    shop.clock.advance(seconds=1)
    with pytest.raises(LinkExpired):
        await shop.services.links.open(token)


async def test_no_changed_link_opens_anything(shop: Shop) -> None:
    """A link with any character changed is not genuine."""
    token = (await shop.card())["add_url"].rsplit("/", 1)[1]
    for place in range(0, len(token) - 1, 3):
        forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(LinkInvalid):
            await shop.services.links.open(forged)
    for garbage in ("", "x", "ä", "=" * 50, "A" * 500, token + "A", token[:-4]):
        with pytest.raises(LinkInvalid):
            await shop.services.links.open(garbage)
