"""The virtual Android phone shows what Google keeps, beside the iPhones, and tells Google what its holder does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import google.auth.jwt
import httpx
import pytest
import pytest_asyncio
from google.oauth2 import service_account

from tests.wallets.apple.samples import a_face
from tests.wallets.google.samples import CLASS_ID, FACES, ISSUER, OBJECT_ID, TEMPLATES, a_class, an_object
from tests.wallets.google.serving import EMAIL, key_pair
from walletd.demo.google.android import VirtualAndroid, rotating_value
from walletd.demo.google.fake_google import FakeGoogle
from walletd.demo.iphone.pkpass import PassRefused
from walletd.demo.page import PhonePage, phone_app
from walletd.wallets.google.demo_account import demo_service_account
from walletd.wallets.google.names import RESOURCES

PICTURE = b"\x89PNG a picture"


@dataclass(slots=True)
class Scene:
    """A fake Google, a phone, and the pictures and callbacks that went over the network."""

    google: FakeGoogle
    phone: VirtualAndroid
    asked: list[str]

    def keep(self, kind: str) -> None:
        """Let a shop write a class and an object of a kind."""
        self.google.store.insert(f"{RESOURCES[kind]}Class", a_class(TEMPLATES[kind]))
        self.google.store.insert(f"{RESOURCES[kind]}Object", an_object(TEMPLATES[kind], FACES[kind]))

    def link(self, kind: str, **claims: object) -> str:
        """A save link of the object."""
        key_file, _ = demo_service_account(EMAIL, "https://token.example")
        account = json.loads(key_file) | {"private_key": key_pair()[0]}
        signer = service_account.Credentials.from_service_account_info(account)  # type: ignore[no-untyped-call]
        payload: Mapping[str, object] = {f"{RESOURCES[kind]}Objects": [{"id": OBJECT_ID}]}
        said = {"iss": EMAIL, "aud": "google", "typ": "savetowallet", "iat": 1, "payload": payload, **claims}
        token = google.auth.jwt.encode(signer.signer, said)  # type: ignore[no-untyped-call]
        return f"https://pay.example/gp/v/save/{token.decode()}"


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    """One Android phone without cards."""
    asked = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return httpx.Response(200, content=PICTURE)

    fake = FakeGoogle()
    fake.accounts.register(EMAIL, key_pair()[1])
    fake.permit(ISSUER, EMAIL)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        phone = VirtualAndroid("Anna · Android", fake, http)
        yield Scene(fake, phone, asked)
        await phone.close()


def browser(page: PhonePage) -> httpx.AsyncClient:
    """A client without scripts."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(page), base_url="http://phones.test")


def without_callbacks(scene: Scene) -> None:
    """Take the callback out of the class: nobody listens in these tests."""
    scene.google.store.items[CLASS_ID].body.pop("callbackOptions")


@pytest.mark.parametrize("kind", sorted(FACES))
async def test_a_card_of_each_kind_is_shown_with_its_code_and_in_two_languages(scene: Scene, kind: str) -> None:
    """What stands on the page is what Google keeps, number and texts and barcode."""
    scene.keep(kind)
    without_callbacks(scene)
    await scene.phone.add_from_url(scene.link(kind))
    async with browser(phone_app([scene.phone])) as client:
        pages = [(await client.get("/", headers={"accept-language": language})).text for language in ("de", "en")]
    for page in pages:
        assert 'data-message="7Q4MK2XW9RTBH"' in page
        assert "Stammgäste" in page
    assert "Fragen?" in pages[0]
    assert "Questions?" in pages[1]


async def test_pictures_are_fetched_once_and_served_by_the_page(scene: Scene) -> None:
    """As Google does: the address decides, and the browser never asks the shop."""
    scene.keep("stamp")
    without_callbacks(scene)
    card = await scene.phone.add_from_url(scene.link("stamp"))
    await scene.phone.until_idle()
    async with browser(phone_app([scene.phone])) as client:
        answer = await client.get(f"/phones/0/cards/{card.card_id}/hero.png")
    assert answer.content == PICTURE
    assert sorted(scene.asked) == [
        "GET /images/stamp/0123456789abcdef/logo.png",
        "GET /images/stamp/0123456789abcdef/stamps-3-10.png",
    ]


async def test_a_change_at_google_is_shown_and_an_announced_one_told(scene: Scene) -> None:
    """A silent change changes the card; one with a notification shows a banner too."""
    scene.keep("loyalty")
    without_callbacks(scene)
    await scene.phone.add_from_url(scene.link("loyalty"))
    for balance, loud in ((7, {}), (9, {"notifyPreference": "NOTIFY_ON_UPDATE"})):
        body = an_object(TEMPLATES["loyalty"], a_face("loyalty", balance=balance))
        scene.google.store.patch("loyaltyObject", OBJECT_ID, {"loyaltyPoints": body["loyaltyPoints"], **loud})
    async with browser(phone_app([scene.phone])) as client:
        page = (await client.get("/")).text
    assert '<span class="value">9</span>' in page
    assert [told.text["de"] for told in scene.phone.told] == ["Punkte: 9"]


async def test_removing_a_card_is_told_to_the_shop(scene: Scene) -> None:
    """The button takes it from the phone; Google calls the shop back for save and removal."""
    scene.keep("gift")
    without_callbacks(scene)
    card = await scene.phone.add_from_url(scene.link("gift"))
    users = set(scene.google.store.items[OBJECT_ID].users)
    async with browser(phone_app([scene.phone])) as client:
        await client.post(f"/phones/0/cards/{card.card_id}/delete", headers={"sec-fetch-site": "same-origin"})
    await scene.phone.until_idle()
    assert (len(users), scene.google.store.items[OBJECT_ID].users, scene.phone.cards) == (1, set(), {})


async def test_a_void_card_is_shown_as_such_without_a_code(scene: Scene) -> None:
    """A revoked card says so."""
    scene.keep("loyalty")
    without_callbacks(scene)
    await scene.phone.add_from_url(scene.link("loyalty"))
    void = an_object(TEMPLATES["loyalty"], a_face("loyalty", voided=True))
    gone = dict.fromkeys(("barcode", "accountId", "accountName", "loyaltyPoints", "groupingInfo"))
    scene.google.store.patch("loyaltyObject", OBJECT_ID, gone | void)
    async with browser(phone_app([scene.phone])) as client:
        page = (await client.get("/")).text
    assert "INACTIVE" in page
    assert "data-message" not in page


@pytest.mark.parametrize(
    "claims", [{"aud": "apple"}, {"typ": "save"}, {"iat": "1"}, {"iss": "nobody@example.org"}, {"payload": {}}]
)
async def test_a_save_link_that_google_would_not_take_saves_nothing(scene: Scene, claims: dict[str, object]) -> None:
    """The fake is as strict as the real one about what a link says."""
    scene.keep("loyalty")
    with pytest.raises(PassRefused):
        await scene.phone.add_from_url(scene.link("loyalty", **claims))
    assert scene.phone.cards == {}


async def test_a_link_that_leads_elsewhere_is_refused(scene: Scene) -> None:
    """A page is no save link."""
    with pytest.raises(PassRefused, match="no way to Google"):
        await scene.phone.add_from_url("https://shop.example/add/x")


@pytest.mark.parametrize(("seconds", "code"), [(59, "94287082"), (1111111109, "07081804"), (2000000000, "69279037")])
def test_a_rotating_barcode_says_what_the_standard_says(seconds: int, code: str) -> None:
    """RFC 6238, appendix B; worked out here by itself, as Google's phones do, not with walletd's code."""
    parameters = [{"key": b"12345678901234567890".hex().upper(), "valueLength": 8}]
    details = {"algorithm": "TOTP_SHA1", "periodMillis": "30000", "parameters": parameters}
    rotating = {"valuePattern": "K.{totp_timestamp_seconds}.{totp_value_0}", "totpDetails": details}
    assert rotating_value(rotating, datetime.fromtimestamp(seconds, UTC)) == f"K.{seconds}.{code}"
