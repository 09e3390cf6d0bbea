"""Erasing a person: refused while a card is installed; afterwards nothing names the person, and the books prove."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from sqlalchemy import select

from tests.builders import PASS_TYPE, Shop
from tests.channels.mailbox import a_mailbox
from tests.channels.receiver import Receiver
from tests.services.customers.merging import merged
from tests.services.exchange.importing import a_file, take_in
from tests.services.outbox.webhooks import an_endpoint, data, deliver
from walletd.channels.mail import MailSender, MailServer
from walletd.db.engine.base import Tx
from walletd.db.schema import metadata
from walletd.domain.cards.cards import NewCard
from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.customers import CustomerDetails, NewCustomer
from walletd.domain.customers.erasures import CardIsInstalled, CustomerIsErased
from walletd.domain.customers.lists import CustomerFilter
from walletd.domain.customers.merges import CardMerged, MergeNotUndoable
from walletd.domain.errors import CardIsDeleted, CardKeyTaken, IdempotencyKeySpent, NotFound
from walletd.domain.pages import PageRequest
from walletd.services.delivery.messages import NewMessage

PERSON = CustomerDetails(
    first_name="Xenophilius",
    last_name="Quackenbusch",
    company="Zwirbelwerk",
    email="qvx@quackenbusch.example",
    phone="+49 171 5550199",
    birth_date="1931-07-19",
    address={"street": "Wolkenkuckucksallee 7", "postal_code": "99817", "city": "Ypsilonhausen"},
    ref_id="contact-778812",
    tags=("kennt-den-wirt",),
    custom_fields={"shoe": "Schuhgroesse-53"},
    source="Messe-Kleckersdorf",
    utm={"campaign": "utm-quietsche"},
    locale="de-AT",
)
MARKS = (
    "xenophilius",
    "quackenbusch",
    "zwirbelwerk",
    "5550199",
    "1931-07-19",
    "wolkenkuckuck",
    "99817",
    "ypsilonhausen",
    "778812",
    "kennt-den-wirt",
    "schuhgroesse",
    "kleckersdorf",
    "quietsche",
    "de-at",
    "zweitkarte-fuer-olga",
    "liebe-post",
    "gruendlich-falsch",
)


async def a_card(shop: Shop, key: str = "first", **more: Any) -> dict[str, Any]:
    """A card of the person."""
    new = NewCard(await shop.program(), customer=NewCustomer(PERSON), **more)
    card: dict[str, Any] = json.loads((await shop.services.cards.issue(shop.principal, new, key)).body)
    return card


def everything(tx: Tx) -> str:
    """All that the database holds, as readable as a thief could make it."""
    found = []
    for table in metadata.sorted_tables:
        for row in tx.execute(select(table)):
            for value in row:
                readable = value
                if isinstance(value, bytes | memoryview):
                    readable = _unpacked(bytes(value))
                found.append(json.dumps(readable, ensure_ascii=False, default=str))
    return "\n".join(found).casefold()


def _unpacked(value: bytes) -> str:
    try:
        return zlib.decompress(value).decode()
    except zlib.error:
        return value.decode("latin-1")


async def test_after_erasing_no_row_names_the_person_and_the_books_still_prove(shop: Shop) -> None:
    """I-14: names, contacts, tags, passes, messages, mails, merges; keys of stored answers stay spent."""
    main = await a_card(shop)
    serial, person = main["serial_number"], main["customer_id"]
    second = NewCard(await shop.program(), account_of=serial, holder_name="Zweitkarte-fuer-Olga")
    await shop.services.cards.issue(shop.principal, second, "second")
    twin = await a_card(shop, key="twin")
    await shop.post(serial, "credit", amount=40)
    message = NewMessage(serial, "Liebe-Post", "an Xenophilius", notify=True)
    await shop.services.messages.send(shop.principal, message, "message")
    with a_mailbox() as box:
        shop.runtime.mail_channel = MailSender(MailServer.from_url(box.url(), "shop.test"), "shop.test", seconds=5)
        await shop.services.consent.invite(shop.principal, person, by_mail=True)
    await merged(shop, main, twin, reason="gruendlich-falsch angelegt")
    await shop.until_idle()
    before = await shop.runtime.database.read(everything)
    # The reasons in the audit log are what staff wrote; it only ever grows, and is told apart below.
    assert [mark for mark in MARKS if mark not in before] == []
    erased = await shop.services.erasures.erase(shop.principal, person)
    await shop.until_idle()
    assert set(erased.customer_ids) == {person, twin["customer_id"]}
    assert len(erased.serial_numbers) == 3
    after = await shop.runtime.database.read(everything)
    assert [mark for mark in MARKS if mark in after] == ["gruendlich-falsch"]
    kept = await shop.services.customers.get(shop.principal, person)
    assert (kept.name, kept.erased_at) == (f"#{kept.number}", shop.clock())
    assert await shop.balance(serial) == 40
    await shop.services.proof.verify()
    with pytest.raises(IdempotencyKeySpent):
        await a_card(shop)
    with pytest.raises(IdempotencyKeySpent):
        await shop.services.messages.send(shop.principal, message, "message")


async def test_a_customer_with_an_installed_card_is_not_erased_until_it_is_deleted(shop: Shop) -> None:
    """I-13, D-14, S1-032 to S1-037: refused with the cards; delete them, then it goes; the phone gets a void pass."""
    card = await a_card(shop)
    serial = card["serial_number"]
    await shop.register(serial)
    with pytest.raises(CardIsInstalled) as refused:
        await shop.services.erasures.erase(shop.principal, card["customer_id"])
    assert refused.value.facts["cards"] == [serial]
    await shop.until_idle()
    before = await shop.published_sequence(serial)
    await shop.services.cards.delete(shop.principal, serial, "moved away")
    await shop.until_idle()
    assert await shop.published_sequence(serial) > before
    await shop.services.erasures.erase(shop.principal, card["customer_id"])
    with pytest.raises(CustomerIsErased):
        await shop.services.erasures.erase(shop.principal, card["customer_id"])


async def test_a_deleted_card_books_nothing_and_its_key_is_never_given_again(shop: Shop) -> None:
    """D2.3.1: terminal; the till refuses at once, by key and by serial number; reinstating does not bring it back."""
    card = await a_card(shop)
    for _ in range(2):
        deleted = await shop.services.cards.delete(shop.principal, card["serial_number"], "stolen")
        assert deleted.card.status == "deleted"
    for name in (card["key"], card["serial_number"]):
        with pytest.raises(CardIsDeleted):
            await shop.post(name, "credit", amount=1)
    with pytest.raises(CardIsDeleted):
        await shop.services.cards.reinstate(shop.principal, card["serial_number"], "found")
    with pytest.raises(CardKeyTaken):
        await shop.card(key=card["key"])
    with pytest.raises(NotFound):
        await shop.services.cards.delete(shop.principal, "x" * 26, "stolen")


async def test_nothing_is_added_to_somebody_who_was_erased(shop: Shop) -> None:
    """No card, no change, no consent, no merge, no undoing of one; and no list shows the person."""
    card, other = await a_card(shop), await shop.card()
    twin = await a_card(shop, key="twin")
    merge = await merged(shop, card, twin)
    by, person = shop.principal, card["customer_id"]
    await shop.services.erasures.erase(by, person)
    program = await shop.program()
    attempts = (
        shop.services.cards.issue(by, NewCard(program, customer_id=person), None),
        shop.services.customers.update(by, person, {"email": "x@y.example"}),
        shop.services.consent.note(by, person, OptInState.CONFIRMED),
        shop.merge(other["customer_id"], person),
        shop.merge(person, other["customer_id"]),
    )
    for attempt in attempts:
        with pytest.raises(CustomerIsErased):
            await attempt
    with pytest.raises(MergeNotUndoable):
        await shop.undo(merge["merge_id"])
    with pytest.raises((CustomerIsErased, CardMerged)):
        await shop.services.erasures.erase(by, twin["customer_id"])
    listed = await shop.services.customer_lists.page(by, PageRequest(), CustomerFilter())
    assert [item.id for item in listed.items] == [other["customer_id"]]
    again = await shop.services.customers.create(by, NewCustomer(PERSON))
    assert again.details.email == PERSON.email


async def test_what_a_file_said_of_a_person_goes_with_it(shop: Shop) -> None:
    """Rows of imports are kept for a while; those of an erased customer say nothing any more; others stay."""
    header = ["Nachname", "E-Mail"]
    await take_in(shop, a_file(header, ["Quackenbusch", "qvx@quackenbusch.example"], ["Anders", "a@b.example"]))
    page = await shop.services.customer_lists.page(shop.principal, PageRequest(), CustomerFilter())
    person = next(item for item in page.items if item.details.last_name == "Quackenbusch")
    await shop.services.erasures.erase(shop.principal, person.id)
    after = await shop.runtime.database.read(everything)
    assert ("quackenbusch" in after, "anders" in after) == (False, True)


@pytest.mark.parametrize("stays", [True, False])
async def test_a_reinstated_card_is_installed_where_it_is_on_a_phone_still(shop: Shop, *, stays: bool) -> None:
    """D2.3.1: what happened on the phone while the card was revoked counts."""
    card = await a_card(shop)
    serial = card["serial_number"]
    await shop.register(serial)
    await shop.services.cards.revoke(shop.principal, serial, "lost")
    if not stays:
        authorization = shop.authorization(serial)
        await shop.services.devices.unregister(PASS_TYPE, serial, "device-1", authorization)
    back = await shop.services.cards.reinstate(shop.principal, serial, "found")
    assert back.card.status == ("installed" if stays else "uninstalled")


async def test_erasing_tells_the_shop_of_the_person_and_of_each_card(shop: Shop, receiver: Receiver) -> None:
    """Systems beside walletd hear of both, and can erase their copies."""
    card = await a_card(shop)
    await an_endpoint(shop, receiver, "card.deleted", "customer.erased")
    await shop.services.erasures.erase(shop.principal, card["customer_id"])
    await deliver(shop)
    assert [told["serial_number"] for told in data(receiver, "card.deleted")] == [card["serial_number"]]
    assert [told["customer_id"] for told in data(receiver, "customer.erased")] == [card["customer_id"]]


async def test_a_mail_that_is_being_sent_while_its_customer_is_erased_is_not_stored_again(shop: Shop) -> None:
    """I-14: the worker that comes back from the mail server finds nothing to note, and nothing to try once more."""
    card = await a_card(shop)
    with a_mailbox() as box:
        shop.runtime.mail_channel = MailSender(MailServer.from_url(box.url(), "shop.test"), "shop.test", seconds=5)
        await shop.services.consent.invite(shop.principal, card["customer_id"], by_mail=True)
        box.rcpt_answer = "450 later"
        await shop.services.jobs.start_due()
        await shop.services.erasures.erase(shop.principal, card["customer_id"])
        await shop.services.jobs.finish()
        shop.clock.advance(days=1)
        box.rcpt_answer = "250 OK"
        await shop.services.jobs.start_due()
        await shop.services.jobs.finish()
    assert box.received == []
    after = await shop.runtime.database.read(everything)
    assert [mark for mark in MARKS if mark in after] == []
