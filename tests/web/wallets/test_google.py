"""What phones, shops and Google meet over HTTP: save links, callbacks, pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from PIL import Image

from tests.services.delivery.googling import GoogleShop, a_google_shop
from tests.web.conftest import Till, a_client, routes_at
from tests.web.pages.test_add import ANDROID, DESKTOP, MESSAGES_PREVIEW, SAFARI
from walletd.web.api.cards.answers import GoogleAnswer
from walletd.web.api.cards.examples import GOOGLE_LINK
from walletd.web.app import WebOptions, serve_by


@pytest_asyncio.fixture
async def at_google(till: Till) -> AsyncIterator[GoogleShop]:
    """The shop of the till, with a fake Google."""
    async with a_google_shop(till.shop) as opened:
        yield opened


def _path(card: dict[str, Any]) -> str:
    return str(card["add_url"]).removeprefix("https://shop.test")


@pytest.mark.parametrize("suffix", ["", "/google"])
async def test_an_android_phone_is_sent_on_to_google(till: Till, at_google: GoogleShop, suffix: str) -> None:
    """Signed now, kept by nobody, and the card is there before the phone is."""
    card = await till.shop.card()
    answer = await till.client.get(_path(card) + suffix, headers={"user-agent": ANDROID})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{at_google.served.url}/gp/v/save/")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert at_google.object_of(card["serial_number"]).body["accountId"] == card["key"]


async def test_an_iphone_still_gets_the_pass_and_a_desktop_both_ways(till: Till, at_google: GoogleShop) -> None:
    """What suits the device comes first; nothing is made at Google before somebody asks for it."""
    card = await till.shop.card()
    iphone = await till.client.get(_path(card), headers={"user-agent": SAFARI})
    desktop = await till.client.get(_path(card), headers={"user-agent": DESKTOP})
    assert iphone.headers["content-type"] == "application/vnd.apple.pkpass"
    assert f'href="{_path(card)}/google"' in desktop.text
    assert f'href="{_path(card)}/pass.pkpass"' in desktop.text
    assert "loyaltyObject" not in {stored.resource for stored in at_google.google.store.items.values()}


@pytest.mark.parametrize(("language", "shown"), [("de", "de"), ("en", "en"), ("fr", "en")])
async def test_a_desktop_shows_googles_own_button_where_the_shop_has_it(
    till: Till, at_google: GoogleShop, language: str, shown: str
) -> None:
    """Unchanged, in the person's language, else in English; the words remain for those who hear the page."""
    card = await till.shop.card()
    buttons = {"de": b"<svg>de</svg>", "en": b"<svg>en</svg>"}
    options = WebOptions("https://shop.test", "demo", google_buttons=buttons)
    application = serve_by(routes_at("https://shop.test"), till.shop.services, options, till.shop.clock)
    async with a_client(application) as client:
        page = await client.get(_path(card), headers={"user-agent": DESKTOP, "accept-language": language})
        picture = await client.get(f"/static/google-button/{shown}.svg")
        missing = await client.get("/static/google-button/it.svg")
    assert f'<a href="{_path(card)}/google"><img src="/static/google-button/{shown}.svg" alt=' in page.text
    assert (picture.content, picture.headers["content-type"]) == (f"<svg>{shown}</svg>".encode(), "image/svg+xml")
    assert missing.status_code == 404


async def test_a_messenger_that_looks_at_a_link_makes_nothing(till: Till, at_google: GoogleShop) -> None:
    """Previews open links before people do."""
    card = await till.shop.card()
    answer = await till.client.get(f"{_path(card)}/google", headers={"user-agent": MESSAGES_PREVIEW})
    assert answer.status_code == 200
    assert "loyaltyObject" not in {stored.resource for stored in at_google.google.store.items.values()}


async def test_trouble_at_google_is_said_in_words_and_the_link_stays_good(till: Till, at_google: GoogleShop) -> None:
    """A person reads a sentence, not a code, and may try again."""
    card = await till.shop.card()
    users = dict(at_google.google._users)
    at_google.google._users.clear()
    refused = await till.client.get(_path(card), headers={"user-agent": ANDROID, "accept-language": "de"})
    at_google.google._users.update(users)
    till.shop.clock.advance(minutes=5)
    again = await till.client.get(_path(card), headers={"user-agent": ANDROID})
    assert (refused.status_code, again.status_code) == (503, 302)
    assert "Nichts geht verloren" in refused.text


async def test_a_shop_gets_the_link_and_how_the_card_stands(till: Till, at_google: GoogleShop) -> None:
    """`GET /cards/{serial}/google`: names and types as the document says, and only for one's own cards."""
    card = await till.shop.card()
    path = f"/api/v1/cards/{card['serial_number']}/google"
    first = await till.client.get(path, headers=till.headers)
    await at_google.event(card["serial_number"], "save")
    second = await till.client.get(path, headers=till.headers)
    foreign = await till.client.get(path, headers=till.stranger)
    assert first.json().keys() == GOOGLE_LINK.keys()
    msgspec.convert(first.json(), GoogleAnswer, strict=True)
    assert [answer.json()["saved"] for answer in (first, second)] == [False, True]
    assert second.json()["is_current"]
    assert foreign.status_code == 404


async def test_a_shop_without_google_is_told_so(till: Till) -> None:
    """503 with a code; the page of the link says it to an Android phone in its own words."""
    card = await till.shop.card()
    answer = await till.client.get(f"/api/v1/cards/{card['serial_number']}/google", headers=till.headers)
    page = await till.client.get(_path(card), headers={"user-agent": ANDROID})
    assert (answer.status_code, answer.json()["code"]) == (503, "signing_unavailable")
    assert "does not offer Google Wallet" in page.text


async def test_google_tells_of_a_save_over_http(till: Till, at_google: GoogleShop) -> None:
    """200 for what Google signed, once and again; the card is installed."""
    card = await at_google.linked()
    body = at_google.google.callback_of(at_google.object_of(card["serial_number"]).body["id"], "save")
    answers = [await till.client.post("/google/callback", content=body) for _ in range(2)]
    found = await till.client.get(f"/api/v1/cards/{card['serial_number']}", headers=till.headers)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert found.json()["status"] == "installed"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 401), (b"{}", 401), (b"null", 401), (b"\xff\x00", 401), (b"[" * 9000, 401), (b"x" * 16_385, 413)],
    ids=["empty", "object", "null", "bytes", "nested", "large"],
)
async def test_a_callback_that_google_did_not_make_is_refused_without_a_word(
    till: Till, at_google: GoogleShop, body: bytes, status: int
) -> None:
    """Nothing in the answer helps whoever guesses; nothing is stored."""
    await at_google.linked()
    answer = await till.client.post("/google/callback", content=body)
    assert answer.status_code == status
    assert status == 413 or answer.content == b""


async def test_the_pictures_that_documents_name_are_there(till: Till, at_google: GoogleShop) -> None:
    """Google fetches each once, by an address that changes with the content."""
    card = await at_google.linked("stamp")
    body = at_google.object_of(card["serial_number"]).body
    of_class = at_google.google.store.items[body["classId"]].body
    for image in (of_class["programLogo"], of_class["heroImage"], body["heroImage"]):
        path = image["sourceUri"]["uri"].removeprefix("https://shop.test")
        answer = await till.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert "immutable" in answer.headers["cache-control"]
        with Image.open(BytesIO(answer.content)) as picture:
            assert picture.width >= 660


@pytest.mark.parametrize("name", ["logo.jpg", "..%2Flogo.png", "stamps-99-3.png", "secret.png", "LOGO.png"])
async def test_there_is_no_other_picture(till: Till, at_google: GoogleShop, name: str) -> None:
    """What is asked for is drawn from a short list of names, of the present revision."""
    card = await at_google.linked("stamp")
    url = at_google.object_of(card["serial_number"]).body["heroImage"]["sourceUri"]["uri"]
    folder = url.removeprefix("https://shop.test").rpartition("/")[0]
    assert (await till.client.get(f"{folder}/{name}")).status_code == 404
    assert (await till.client.get("/images/stamp/0000000000000000/logo.png")).status_code == 404
