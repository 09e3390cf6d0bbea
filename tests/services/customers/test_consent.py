"""The consent to newsletters: invited by mail, answered on a page, noted by hand, carried over by merges (D-48)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.builders import Shop, new_customer
from tests.channels.mailbox import Mailbox, a_mailbox
from tests.services.customers.merging import merged, two_cards
from tests.services.outbox.test_mail import work
from walletd.channels.mail import MailSender, MailServer
from walletd.domain.customers.consent import MailUnavailable, OptInRefused, OptInState
from walletd.domain.customers.customers import Customer
from walletd.domain.errors import LinkExpired, LinkInvalid, NotFound, ValidationFailed


@pytest.fixture
def mailbox(shop: Shop) -> Iterator[Mailbox]:
    """A mail server that the shop sends by."""
    with a_mailbox() as running:
        shop.runtime.mail_channel = MailSender(MailServer.from_url(running.url(), "shop.test"), "shop.test", seconds=5)
        yield running


async def a_customer(shop: Shop, **details: str) -> Customer:
    """A customer with an e-mail address."""
    new = new_customer(**{"last_name": "Weber", "email": "mia@example.org"} | details)  # type: ignore[arg-type]
    return await shop.services.customers.create(shop.principal, new)


async def invited(shop: Shop, mailbox: Mailbox, **details: str) -> tuple[Customer, str]:
    """A customer who was mailed an invitation, and the token of its link."""
    customer = await a_customer(shop, **details)
    invited = await shop.services.consent.invite(shop.principal, customer.id, by_mail=True)
    await work(shop)
    found = re.search(r"/opt-in/(\S+)", mailbox.received[-1].text)
    assert found is not None
    return invited, found[1]


async def test_an_invitation_by_mail_is_confirmed_on_its_page(shop: Shop, mailbox: Mailbox) -> None:
    """S2-031 to S2-034: sent, then confirmed by the customer, each with its moment; a look changes nothing."""
    customer, token = await invited(shop, mailbox, locale="en-GB")
    assert (customer.opt_in.state, customer.opt_in.sent_at) == ("sent", shop.clock())
    mail = mailbox.received[-1]
    assert mail.recipients == ["mia@example.org"]
    assert str(mail.message["Subject"]).startswith("May we write to you?")
    shop.clock.advance(days=1)
    assert (await shop.services.consent.open(token)).state == "sent"
    assert (await shop.services.consent.answer(token, consents=True)).state == "confirmed"
    kept = await shop.services.customers.get(shop.principal, customer.id)
    assert (kept.opt_in.sent_at, kept.opt_in.confirmed_at) == (customer.opt_in.sent_at, shop.clock())


async def test_whoever_revoked_is_invited_again_before_confirming(shop: Shop, mailbox: Mailbox) -> None:
    """D2.3.7: an old mail cannot bring a revoked consent back; a new invitation can."""
    customer, token = await invited(shop, mailbox)
    await shop.services.consent.answer(token, consents=False)
    for _ in range(2):
        with pytest.raises(OptInRefused):
            await shop.services.consent.answer(token, consents=True)
    with pytest.raises(OptInRefused):
        await shop.services.consent.note(shop.principal, customer.id, OptInState.CONFIRMED)
    await shop.services.consent.invite(shop.principal, customer.id, by_mail=False)
    assert (await shop.services.consent.answer(token, consents=True)).state == "confirmed"


async def test_a_confirmed_customer_is_not_invited_again(shop: Shop) -> None:
    """A second invitation would put a consent that was given in doubt."""
    customer = await a_customer(shop)
    await shop.services.consent.note(shop.principal, customer.id, OptInState.CONFIRMED)
    with pytest.raises(OptInRefused):
        await shop.services.consent.invite(shop.principal, customer.id, by_mail=False)


async def test_an_invitation_by_mail_needs_an_address_and_a_server(shop: Shop) -> None:
    """Each is refused with its reason, and nothing is noted as sent."""
    customer = await a_customer(shop)
    with pytest.raises(MailUnavailable):
        await shop.services.consent.invite(shop.principal, customer.id, by_mail=True)
    with a_mailbox() as running:
        shop.runtime.mail_channel = MailSender(MailServer.from_url(running.url(), "shop.test"), "shop.test", seconds=5)
        nameless = await shop.services.customers.create(shop.principal, new_customer(last_name="Ohne"))
        with pytest.raises(ValidationFailed):
            await shop.services.consent.invite(shop.principal, nameless.id, by_mail=True)
    for each in (customer, nameless):
        assert (await shop.services.customers.get(shop.principal, each.id)).opt_in.state == "none"


async def test_a_link_ends_after_thirty_days_and_bears_no_change(shop: Shop, mailbox: Mailbox) -> None:
    """Links that were altered, cut or are too old are refused, and so are those of nobody."""
    _, token = await invited(shop, mailbox)
    for bad in (token[:-1], token[1:], "A" + token[1:], "x", ""):
        with pytest.raises(LinkInvalid):
            await shop.services.consent.open(bad)
    card = await shop.card()
    with pytest.raises(LinkInvalid):
        await shop.services.consent.open(card["add_url"].rpartition("/")[2])
    shop.clock.advance(days=30, seconds=1)
    with pytest.raises(LinkExpired):
        await shop.services.consent.answer(token, consents=True)
    with pytest.raises(NotFound):
        await shop.services.consent.note(shop.principal, "cus_x", OptInState.REVOKED)


async def test_a_merge_keeps_what_the_person_said_last_and_undo_gives_it_back(shop: Shop) -> None:
    """A newsletter that was revoked on one account does not go on through the other; origins are put together."""
    one, other = await two_cards(shop)
    survivor, absorbed = one["customer_id"], other["customer_id"]
    await shop.services.consent.note(shop.principal, survivor, OptInState.CONFIRMED)
    shop.clock.advance(minutes=1)
    await shop.services.consent.note(shop.principal, absorbed, OptInState.REVOKED)
    await shop.services.customers.update(shop.principal, survivor, {"origins": ("online",)})
    await shop.services.customers.update(shop.principal, absorbed, {"origins": ("till",)})
    merge = await merged(shop, one, other)
    kept = await shop.services.customers.get(shop.principal, survivor)
    assert (kept.opt_in.state, kept.details.origins) == ("revoked", ("online", "till"))
    await shop.undo(merge["merge_id"])
    back = [await shop.services.customers.get(shop.principal, name) for name in (survivor, absorbed)]
    assert [item.opt_in.state for item in back] == ["confirmed", "revoked"]
    assert [item.details.origins for item in back] == [("online",), ("till",)]
