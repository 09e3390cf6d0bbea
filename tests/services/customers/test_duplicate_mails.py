"""Mail about duplicates: once a day for what is new, or within a minute (D-04, J-11, S0-049, S0-071)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders import Shop
from tests.channels.mailbox import Mailbox, a_mailbox
from tests.services.customers.test_duplicates import a_customer, inbox
from tests.services.outbox.test_mail import a_reader, work
from walletd.db.customers import duplicates
from walletd.domain.customers.matching import DuplicateSource, MatchStage
from walletd.services.customers.matching import new_case


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server with one mailbox."""
    with a_mailbox() as running:
        yield running


async def digest(shop: Shop, mailbox: Mailbox) -> list[str]:
    """The texts that the mail of the morning makes."""
    mailbox.received.clear()
    await shop.services.duplicate_mails.mail_daily()
    await work(shop)
    return [mail.text for mail in mailbox.received]


async def test_staff_are_told_once_a_day_what_came_into_the_inbox(shop: Shop, mailbox: Mailbox) -> None:
    """S0-049, S0-071: new pairs by their numbers and why; no name; nothing new, no mail."""
    await a_reader(shop, mailbox)
    assert await digest(shop, mailbox) == []
    for name in ("Mia", "Maria"):
        await a_customer(shop, first_name=name, email="mia@example.org")
    (text,) = await digest(shop, mailbox)
    assert "1 Paare" in text
    assert "- Kunde 1 und Kunde 2: gleiche E-Mail-Adresse" in text
    assert "Weber" not in text
    shop.clock.advance(days=1)
    assert await digest(shop, mailbox) == []
    await a_customer(shop, first_name="Max", phone="0171 5550199")
    await a_customer(shop, first_name="Moritz", phone="0171 5550199")
    (text,) = await digest(shop, mailbox)
    assert "kamen 1 Paare" in text
    assert "Offen sind 2." in text
    assert "gleiche Telefonnummer" in text


async def test_a_pair_that_was_decided_before_the_mail_is_not_in_it(shop: Shop, mailbox: Mailbox) -> None:
    """Staff who looked meanwhile are not asked to look again."""
    await a_reader(shop, mailbox)
    for _ in range(2):
        await a_customer(shop, email="mia@example.org")
    (case,) = await inbox(shop)
    await shop.services.duplicates.dismiss(shop.principal, case.case.id, "mother and daughter")
    assert await digest(shop, mailbox) == []


async def test_a_strict_shop_is_told_within_a_minute(shop: Shop, mailbox: Mailbox) -> None:
    """D-04, strict mode: at once instead of in the morning; many at once are one mail."""
    await a_reader(shop, mailbox)
    await shop.services.merchants.set_policies(shop.principal, {"duplicate_mail": "at_once"})
    for _ in range(8):
        await a_customer(shop, email="mia@example.org")
    assert await digest(shop, mailbox) == []
    assert await shop.services.duplicate_mails.mail_at_once() == "1 mails"
    await work(shop)
    (mail,) = mailbox.received
    assert str(mail.message["Subject"]) == "Mögliche Dubletten bei Café Morgenrot: 28 neu, 28 offen"
    assert mail.text.count("- Kunde") == 20
    assert await shop.services.duplicate_mails.mail_at_once() == "0 mails"


async def test_a_shop_without_a_mailbox_or_a_mail_server_is_told_later(shop: Shop, mailbox: Mailbox) -> None:
    """What nobody could be told is still new once there is a mailbox."""
    for _ in range(2):
        await a_customer(shop, email="mia@example.org")
    assert "WALLETD_SMTP_URL" in await shop.services.duplicate_mails.mail_daily()
    await a_reader(shop, mailbox)
    (text,) = await digest(shop, mailbox)
    assert "1 Paare" in text


async def test_a_pair_that_a_long_scan_stores_after_a_mail_is_in_the_next_one(shop: Shop, mailbox: Mailbox) -> None:
    """A scan takes its time once and stores many batches: what counts is whether a pair was told, not when it began."""
    await a_reader(shop, mailbox)
    pairs = [sorted([(await a_customer(shop)).id, (await a_customer(shop)).id]) for _ in range(2)]
    began = shop.clock()
    for count, (one, other) in enumerate(pairs):
        found = (MatchStage.EMAIL, DuplicateSource.NIGHTLY)
        case = new_case(shop.principal.merchant_id, *found, (one, other), began)
        await shop.runtime.database.write(duplicates.insert_new, [case])
        shop.clock.advance(minutes=1)
        assert len(await digest(shop, mailbox)) == 1, count
