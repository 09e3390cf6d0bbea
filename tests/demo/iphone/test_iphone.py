"""The virtual iPhone keeps its cards as A2 says devices do, and complains in the words of iOS."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.demo.certificates import Leaf, PassAuthority
from tests.demo.iphone.passes import PASS_TYPE, document, pkpass
from tests.demo.iphone.steps import ADD_URL, KEY, SERIAL, SERVICE, codes, installed, pushed
from tests.demo.shop import Answer, Shop
from walletd.demo.iphone.iphone import Code, PassRefused, PhoneSettings, VirtualIPhone


async def test_added_card_is_registered_listed_and_fetched(phone: VirtualIPhone, shop: Shop) -> None:
    """After adding, the phone registers with its token, asks what changed and keeps the tag (W7)."""
    await installed(phone)
    assert shop.registrations == {(phone.device_library_identifier, SERIAL): phone.push_token}
    assert phone.tags == {SERVICE: "1"}
    assert phone.card(SERIAL).last_modified == shop.passes[SERIAL].last_modified
    assert codes(phone) == []


async def test_add_link_is_opened_as_safari_and_followed_over_page_and_redirect(
    phone: VirtualIPhone,
    shop: Shop,
) -> None:
    """Safari's headers are sent, and a page with a link to the pass leads to it."""
    page = f'<html><body><a href="/add/{SERIAL}" type="application/vnd.apple.pkpass">Add</a></body></html>'
    shop.add_page = Answer(200, {"Content-Type": "text/html; charset=utf-8"}, page.encode())
    card = await phone.add_from_url(ADD_URL)
    _, _, headers = shop.requests[0]
    assert "iPhone" in headers["user-agent"]
    assert headers["accept"].startswith("text/html")
    assert card.key == KEY


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Content-Type": "application/zip", "Content-Disposition": 'attachment; filename="a.pkpass"'}, "served as"),
        ({"Content-Type": "application/vnd.apple.pkpass"}, "Content-Disposition"),
    ],
)
async def test_pass_served_wrongly_is_refused(
    phone: VirtualIPhone,
    shop: Shop,
    headers: dict[str, str],
    reason: str,
) -> None:
    """Safari would download a file instead of showing the card."""
    shop.add_page = Answer(200, headers, shop.passes[SERIAL].content)
    with pytest.raises(PassRefused, match=reason):
        await phone.add_from_url(ADD_URL)


async def test_push_brings_the_new_state_and_a_banner_in_both_languages(phone: VirtualIPhone, shop: Shop) -> None:
    """A push leads to list and fetch, and the changed field is announced with its change message."""
    await installed(phone)
    shop.publish(SERIAL, 1250)
    await pushed(phone)
    assert phone.card(SERIAL).value("balance", "de") == "1.250"
    assert [each.text for each in phone.notifications] == [
        {"de": "Du hast jetzt 1.250 Punkte", "en": "You have 1,250 points now"},
    ]
    assert phone.tags == {SERVICE: "2"}
    assert codes(phone) == []


async def test_changed_field_without_change_message_is_silent(phone: VirtualIPhone, shop: Shop) -> None:
    """Only fields with a changeMessage are announced (F6)."""
    await installed(phone)
    shop.publish(SERIAL, 10, logoText="New name")
    await pushed(phone)
    assert phone.card(SERIAL).opened.document["logoText"] == "New name"
    assert not phone.notifications


async def test_condition_echoes_the_stored_last_modified(phone: VirtualIPhone, shop: Shop) -> None:
    """The phone sends the Last-Modified it was given, letter by letter, and takes a 304 (W16)."""
    await installed(phone)
    phone.pull_to_refresh(KEY)
    await phone.until_idle()
    method, path, headers = shop.requests[-1]
    assert (method, path) == ("GET", f"/wallet/v1/passes/{PASS_TYPE}/{SERIAL}")
    assert headers["if-modified-since"] == shop.passes[SERIAL].last_modified
    assert codes(phone) == []


async def test_push_during_an_update_leads_to_one_more_run(phone: VirtualIPhone, shop: Shop) -> None:
    """Three pushes while an update runs are answered by exactly one further run."""
    await installed(phone)
    shop.publish(SERIAL, 20)
    before = len(shop.requests)

    def pushes_arrive() -> None:
        for _ in range(3):
            phone.receive_push(PASS_TYPE)

    shop.during_next = pushes_arrive
    await pushed(phone)
    lists = [path for _, path, _ in shop.requests[before:] if "/registrations/" in path]
    assert len(lists) == 2


async def test_deleted_card_is_unregistered(phone: VirtualIPhone, shop: Shop) -> None:
    """Deleting ends the registration; the card is gone at once."""
    await installed(phone)
    phone.delete_card(KEY)
    assert phone.cards == {}
    await phone.until_idle()
    assert shop.registrations == {}


async def test_card_deleted_and_added_again_stays_registered(phone: VirtualIPhone, shop: Shop) -> None:
    """Tasks keep the order in which they were wanted."""
    await installed(phone)
    phone.delete_card(KEY)
    phone.add_pass(shop.passes[SERIAL].content)
    await phone.until_idle()
    assert (phone.device_library_identifier, SERIAL) in shop.registrations


async def test_new_push_token_is_posted_for_every_card(phone: VirtualIPhone, shop: Shop) -> None:
    """A changed push token is registered again for each card (W4)."""
    shop.publish("serial-0002", 5)
    await installed(phone)
    phone.add_pass(shop.passes["serial-0002"].content)
    await phone.until_idle()
    token = phone.change_push_token()
    await phone.until_idle()
    assert set(shop.registrations.values()) == {token}
    assert len(shop.registrations) == 2


async def test_same_serial_replaces_and_another_token_is_refused(phone: VirtualIPhone, shop: Shop, leaf: Leaf) -> None:
    """The pair of type and serial is one card; its authenticationToken can never change (PK14)."""
    await installed(phone)
    phone.add_pass(pkpass(document(SERIAL, 77), leaf))
    assert len(phone.cards) == 1
    assert phone.card(SERIAL).value("balance") == "77"
    with pytest.raises(PassRefused, match="authenticationToken"):
        phone.add_pass(pkpass(document(SERIAL, 78, authenticationToken="another-token-1234"), leaf))


async def test_offline_phone_waits_and_goes_on_when_online(phone: VirtualIPhone, shop: Shop) -> None:
    """Nothing is sent offline; what was wanted is done when the network is back."""
    phone.go_offline()
    phone.add_pass(shop.passes[SERIAL].content)
    await phone.until_idle()
    assert shop.requests == []
    phone.go_online()
    await phone.until_idle()
    assert len(shop.registrations) == 1


async def test_server_in_trouble_is_asked_again(phone: VirtualIPhone, shop: Shop) -> None:
    """5xx answers are retried, and reported as unexpected."""
    shop.statuses = [503, 500]
    await installed(phone)
    assert len(shop.registrations) == 1
    assert codes(phone) == [Code.UNEXPECTED_STATUS, Code.UNEXPECTED_STATUS]
    assert any("Unexpected response code 503" in line for line in shop.log)


async def test_fetch_that_was_given_up_is_made_good_by_the_next_push(phone: VirtualIPhone, shop: Shop) -> None:
    """A listed card is fetched later even though the tag has moved on."""
    await installed(phone)
    shop.publish(SERIAL, 30)

    def trouble() -> None:
        shop.during_next = lambda: shop.statuses.extend([500, 500, 500])

    shop.during_next = trouble
    await pushed(phone)
    assert phone.card(SERIAL).value("balance") == "10"
    await pushed(phone)
    assert phone.card(SERIAL).value("balance") == "30"


async def test_rejected_token_is_not_retried(phone: VirtualIPhone, shop: Shop) -> None:
    """401 is final: one request, one complaint."""
    shop.passes[SERIAL].document["authenticationToken"] = "rotated-long-ago"
    await installed(phone)
    assert codes(phone) == [Code.UNEXPECTED_STATUS]
    assert "Unexpected response code 401" in shop.log[0]


async def test_pass_without_web_service_stays_alone(phone: VirtualIPhone, shop: Shop, leaf: Leaf) -> None:
    """A card without webServiceURL is kept and never registered."""
    phone.add_pass(pkpass(document("serial-0009", webServiceURL=None, authenticationToken=None), leaf))
    await phone.until_idle()
    assert len(phone.cards) == 1
    assert shop.requests == []


async def test_fifty_phones_share_one_client(shop: Shop, pass_authority: PassAuthority) -> None:
    """Fifty phones are up to date after one push each."""
    settings = PhoneSettings(pass_authority.root_pem)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shop)) as http:
        phones = [VirtualIPhone(f"Phone {number}", http, settings) for number in range(50)]
        await asyncio.gather(*(installed(phone) for phone in phones))
        shop.publish(SERIAL, 99)
        await asyncio.gather(*(pushed(phone) for phone in phones))
    assert {phone.card(SERIAL).value("balance") for phone in phones} == {"99"}
    assert [phone for phone in phones if phone.complaints] == []
