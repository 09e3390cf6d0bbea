"""The phone page shows what the phones show, in two languages, with and without scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest

from tests.demo.certificates import Leaf
from tests.demo.conftest import MovableClock
from tests.demo.iphone.passes import PASS_TYPE, document, pkpass
from tests.demo.shop import Shop
from walletd.demo.iphone.iphone import VirtualIPhone
from walletd.demo.page import PhonePage, phone_app
from walletd.demo.texts.catalogues import choose_language

SERIAL = "serial-0001"


@pytest.fixture
async def page(phone: VirtualIPhone) -> PhonePage:
    """The page of one phone with one card."""
    await phone.add_from_url(f"http://shop.test/add/{SERIAL}")
    await phone.until_idle()
    return phone_app([phone])


@pytest.fixture
async def browser(page: PhonePage) -> AsyncIterator[httpx.AsyncClient]:
    """A client without scripts."""
    transport = httpx.ASGITransport(page)
    async with httpx.AsyncClient(transport=transport, base_url="http://phones.test") as browser:
        yield browser


@pytest.mark.parametrize(("language", "label"), [("de-DE,de;q=0.9", "Punkte"), ("fr,en;q=0.5", "Points")])
async def test_card_is_shown_in_the_language_of_the_visitor(
    browser: httpx.AsyncClient,
    language: str,
    label: str,
) -> None:
    """Labels, values, barcode and colours of the card stand on the page without any script."""
    response = await browser.get("/", headers={"Accept-Language": language})
    assert label in response.text
    assert "Anna Beispiel" in response.text
    assert '<svg class="qr"' in response.text or 'class="qr"' in response.text
    assert "colours-78283c-ffffff-f0d2d7" in response.text
    assert "<noscript><meta" in response.text


async def test_page_allows_nothing_from_elsewhere_and_no_inline_code(browser: httpx.AsyncClient) -> None:
    """The content security policy is strict, and the page keeps to it."""
    response = await browser.get("/")
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert "style=" not in response.text
    assert "<style" not in response.text
    assert "://" not in response.text.replace("https://shop.test", "").replace("http://www.w3.org/2000/svg", "")


async def test_texts_of_a_card_cannot_become_markup(
    page: PhonePage,
    browser: httpx.AsyncClient,
    phone: VirtualIPhone,
    leaf: Leaf,
) -> None:
    """Whatever a card says is shown as text."""
    evil = document("evil-serial", logoText="<script>alert(1)</script>", organizationName='"><img src=x>')
    evil["barcodes"][0]["message"] = "<b>"
    phone.add_pass(pkpass(evil, leaf))
    text = (await browser.get("/")).text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert 'data-message="&lt;b&gt;"' in text


async def test_images_and_colours_are_served(browser: httpx.AsyncClient, phone: VirtualIPhone) -> None:
    """Pictures come out of the pass, colours out of the address."""
    card = phone.card(SERIAL)
    image = await browser.get(f"/phones/0/cards/{card.card_id}/strip.png?language=de")
    assert image.headers["content-type"] == "image/png"
    assert image.content == card.opened.files["strip@2x.png"]
    rules = await browser.get("/colours/78283c-ffffff-f0d2d7.css")
    assert "--background:#78283c" in rules.text


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/phones/0/cards/0000000000000000/strip.png", "/colours/red.css", "/static/../page.py"],
)
async def test_unknown_address_is_not_found(browser: httpx.AsyncClient, path: str) -> None:
    """Nothing but what the page offers is served."""
    assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/phones/7/go_offline", "/phones/0/cards/0000000000000000/delete", "/phones/7/add"])
async def test_unknown_button_is_not_found(browser: httpx.AsyncClient, path: str) -> None:
    """A button of a phone or card that is not there does nothing."""
    assert (await browser.post(path)).status_code == 404


async def test_buttons_work_as_plain_forms(
    browser: httpx.AsyncClient,
    phone: VirtualIPhone,
    shop: Shop,
) -> None:
    """Offline, online, refresh and delete lead back to the page and do what they say."""
    card = phone.card(SERIAL)
    assert (await browser.post("/phones/0/go_offline")).headers["location"] == "/"
    was_online = phone.is_online
    await browser.post("/phones/0/go_online")
    assert (was_online, phone.is_online) == (False, True)
    shop.publish(SERIAL, 99)
    await browser.post(f"/phones/0/cards/{card.card_id}/refresh")
    await phone.until_idle()
    assert card.value("balance") == "99"
    await browser.post(f"/phones/0/cards/{card.card_id}/delete")
    assert not phone.cards


async def test_card_is_added_by_url(browser: httpx.AsyncClient, phone: VirtualIPhone, shop: Shop) -> None:
    """The field on the page opens the link in the phone's browser."""
    shop.publish("serial-0002", 3)
    response = await browser.post("/phones/0/add", data={"url": "http://shop.test/add/serial-0002"})
    assert response.status_code == 303
    assert phone.card("serial-0002").value("balance") == "3"


@pytest.mark.parametrize("url", ["not an address", "ftp://shop.test/a", "http://", "http://[", ""])
async def test_useless_link_is_explained(browser: httpx.AsyncClient, url: str) -> None:
    """The phone says why it did not add a card."""
    assert (await browser.post("/phones/0/add", data={"url": url})).status_code == 303
    assert 'class="notice"' in (await browser.get("/")).text


async def test_foreign_site_cannot_press_buttons(browser: httpx.AsyncClient, phone: VirtualIPhone) -> None:
    """Forms of other pages are refused."""
    response = await browser.post("/phones/0/go_offline", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
    assert phone.is_online


async def test_banner_is_shown_while_it_is_fresh(
    browser: httpx.AsyncClient,
    phone: VirtualIPhone,
    shop: Shop,
    clock: MovableClock,
) -> None:
    """A change message is on the screen for some seconds and in the list of events for good."""
    shop.publish(SERIAL, 11)
    phone.receive_push(PASS_TYPE)
    await phone.until_idle()
    text = (await browser.get("/", headers={"Accept-Language": "de"})).text
    assert text.count("Du hast jetzt 11 Punkte") == 2
    clock.advance(60)
    text = (await browser.get("/", headers={"Accept-Language": "de"})).text
    assert text.count("Du hast jetzt 11 Punkte") == 1


async def test_changes_are_streamed_and_the_stream_ends_with_the_page(page: PhonePage, phone: VirtualIPhone) -> None:
    """An open page hears of a change at once; closing ends its stream."""
    sent: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def next_message() -> dict[str, Any]:
        message = dict(await asyncio.wait_for(sent.get(), 2))
        text = message.get("body", b"").decode()
        return {**message, "data": json.loads(text.removeprefix("data: "))} if text else message

    scope = {"type": "http", "path": "/events", "method": "GET", "query_string": b"", "headers": []}
    task = asyncio.create_task(page(scope, receive, sent.put))
    assert (await next_message())["status"] == 200
    assert "airplane" not in (await next_message())["data"]["parts"]["screen"]
    phone.go_offline()
    assert "airplane" in (await next_message())["data"]["parts"]["screen"]
    page.close()
    assert await next_message() == {"type": "http.response.body", "body": b""}
    await asyncio.wait_for(task, 2)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("fr,de;q=0.4,en;q=0.3", "de"),
        ("de;q=0,en;q=0.1", "en"),
        ("de;q=x", "en"),
        (";;;,,", "en"),
    ],
)
def test_language_follows_the_header(header: str, language: str) -> None:
    """The preferred of the two languages is chosen; English where neither is wanted."""
    assert choose_language(header) == language
