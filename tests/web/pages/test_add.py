"""The page behind a card's QR code: who gets what (H2)."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.fakes import FakeServices, a_pass_file
from tests.web.conftest import a_client, an_application
from walletd.domain.cards.kinds import KINDS as ALL_KINDS
from walletd.domain.errors import RateLimited, SigningUnavailable, StorageFull
from walletd.web.pages.add import device_of
from walletd.web.pages.languages import choose_language
from walletd.web.pages.names import KINDS, kind_name

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Mobile/15E148 Safari/604.1"
)
CHROME_ON_IPHONE = SAFARI.replace("Version/18.6", "CriOS/140.0.7339.101")
INSTAGRAM = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 Instagram 390.0.0.27.89"
)
FACEBOOK = SAFARI + " [FBAN/FBIOS;FBAV/500.0]"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
MESSAGES_PREVIEW = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
    "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"
)


@pytest.mark.parametrize("user_agent", [SAFARI, CHROME_ON_IPHONE])
@pytest.mark.parametrize("path", ["/add/good", "/add/good/pass.pkpass"])
async def test_an_iphone_gets_the_pass(client: httpx.AsyncClient, user_agent: str, path: str) -> None:
    """A browser on an iPhone is handed the pass itself, to be opened and not to be stored."""
    answer = await client.get(path, headers={"user-agent": user_agent})
    assert (answer.status_code, answer.content) == (200, a_pass_file().content)
    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    assert answer.headers["content-disposition"] == 'inline; filename="loyalty.pkpass"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["last-modified"] == a_pass_file().last_modified


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (SAFARI, "iphone"),
        (SAFARI.replace("iPhone", "iPad"), "iphone"),
        (CHROME_ON_IPHONE, "iphone"),
        (INSTAGRAM, "apple"),
        (FACEBOOK, "apple"),
        (ANDROID, "android"),
        (DESKTOP, "desktop"),
        ("", "desktop"),
        (MESSAGES_PREVIEW, "preview"),
        ("WhatsApp/2.23.20.0", "preview"),
        ("TelegramBot (like TwitterBot)", "preview"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "preview"),
        ("Mozilla/5.0 (iPhone) Safari/604.1 (compatible; Googlebot/2.1)", "preview"),
    ],
)
def test_the_device_is_told_from_its_user_agent(user_agent: str, device: str) -> None:
    """Browsers, web views inside apps, and previews of messengers are told apart."""
    assert device_of(user_agent) == device


async def test_a_web_view_inside_an_app_gets_a_page_with_a_button(client: httpx.AsyncClient) -> None:
    """Apps that cannot hand a pass to Wallet get a page that says what to do."""
    answer = await client.get("/add/good", headers={"user-agent": INSTAGRAM, "accept-language": "en"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'href="/add/good/pass.pkpass"' in answer.text
    assert "Safari" in answer.text


async def test_android_is_told_the_truth_about_google_wallet(client: httpx.AsyncClient) -> None:
    """There is no dead button: the page says what works, and links the file that does."""
    answer = await client.get("/add/good", headers={"user-agent": ANDROID, "accept-language": "en"})
    assert "does not offer Google Wallet yet" in answer.text
    assert re.findall(r'class="button" href="([^"]+)"', answer.text) == ["/add/good/pass.pkpass"]
    assert (await client.get("/add/good/pass.pkpass", headers={"user-agent": ANDROID})).status_code == 200


async def test_a_desktop_sees_a_qr_code(client: httpx.AsyncClient) -> None:
    """A desktop shows the code for a phone to scan; the image may be embedded by a till."""
    answer = await client.get("/add/good", headers={"user-agent": DESKTOP})
    assert '<img src="/add/good/qr.svg"' in answer.text
    image = await client.get("/add/good/qr.svg")
    assert image.headers["content-type"] == "image/svg+xml"
    assert image.headers["cross-origin-resource-policy"] == "cross-origin"


async def test_a_preview_shows_the_card_and_nothing_to_use(client: httpx.AsyncClient) -> None:
    """A messenger's preview has a title, no pass, no code and nothing about the person."""
    answer = await client.get("/add/good", headers={"user-agent": MESSAGES_PREVIEW})
    assert '<meta property="og:title" content="Bonuskarte – Café Morgenrot">' in answer.text
    assert "pkpass" not in answer.text
    assert "qr.svg" not in answer.text


async def test_twenty_previews_use_nothing_up(client: httpx.AsyncClient) -> None:
    """GET and HEAD never consume a link (R7)."""
    for _ in range(20):
        assert (await client.get("/add/good", headers={"user-agent": "WhatsApp/2.23"})).status_code == 200
        assert (await client.head("/add/good", headers={"user-agent": SAFARI})).status_code == 200
    assert (await client.get("/add/good", headers={"user-agent": SAFARI})).status_code == 200


@pytest.mark.parametrize(
    ("token", "status", "german", "english"),
    [
        ("old", 410, "Dieser Link ist abgelaufen", "This link has expired"),
        ("bad", 404, "Dieser Link funktioniert nicht", "This link does not work"),
        ("%00", 404, "Dieser Link funktioniert nicht", "This link does not work"),
        ("a" * 2_000, 404, "Dieser Link funktioniert nicht", "This link does not work"),
        ("%3Cscript%3E", 404, "Dieser Link funktioniert nicht", "This link does not work"),
    ],
)
@pytest.mark.parametrize("user_agent", [SAFARI, ANDROID, DESKTOP])
async def test_a_link_that_does_not_work_says_so_kindly(
    client: httpx.AsyncClient, token: str, status: int, german: str, english: str, user_agent: str
) -> None:
    """Whoever opens it, a dead link is a page in their language with the right status."""
    for suffix in ("", "/pass.pkpass"):
        for language, heading in (("de", german), ("en", english)):
            headers = {"user-agent": user_agent, "accept-language": language}
            answer = await client.get(f"/add/{token}{suffix}", headers=headers)
            assert (answer.status_code, answer.headers["content-language"]) == (status, language)
            assert f"<h1>{heading}</h1>" in answer.text
            assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("fault", "status"), [(SigningUnavailable(), 503), (StorageFull(), 503), (RateLimited(retry_after_seconds=9), 429)]
)
async def test_trouble_is_a_page_that_asks_to_come_back(
    client: httpx.AsyncClient, services: FakeServices, fault: Exception, status: int
) -> None:
    """Where the pass cannot be made now, the person is told to try again, and the browser when."""
    services.passes.fault = fault
    answer = await client.get("/add/good", headers={"user-agent": SAFARI, "accept-language": "de"})
    assert answer.status_code == status
    assert "Einen Moment bitte" in answer.text
    assert int(answer.headers["retry-after"]) > 0


async def test_without_a_certificate_the_page_offers_nothing_that_fails(
    client: httpx.AsyncClient, services: FakeServices
) -> None:
    """Where passes cannot be signed there is no button, on any device."""
    services.links.installable_apple = False
    for user_agent in (SAFARI, INSTAGRAM, ANDROID, DESKTOP):
        answer = await client.get("/add/good", headers={"user-agent": user_agent, "accept-language": "en"})
        assert "cannot be handed out at this moment" in answer.text
        assert "pkpass" not in answer.text


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "fr, en;q=0.5, de;q=0.7", "de"),
        ("", "fr", "en"),
        ("", "de;q=0, en", "en"),
        ("", "*;q=x,,;;", "en"),
        ("?lang=de", "en", "de"),
        ("?lang=en", "de", "en"),
        ("?lang=xx", "de", "de"),
        ("?lang=de&lang=en", "en", "de"),
    ],
)
async def test_the_language_is_the_one_asked_for_or_preferred(
    client: httpx.AsyncClient, query: str, accepted: str, language: str
) -> None:
    """The switch wins over the browser's preference, and English over what walletd does not speak."""
    answer = await client.get(f"/add/good{query}", headers={"accept-language": accepted, "user-agent": DESKTOP})
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}">' in answer.text
    assert 'href="?lang=de"' in answer.text


def test_every_kind_of_card_has_a_name_in_both_languages() -> None:
    """No kind of card goes without a name, and what the browser does not say is English."""
    assert set(KINDS) == set(ALL_KINDS)
    assert kind_name("stamp", "de") == "Stempelkarte"
    assert kind_name("stamp", "en") == "Stamp card"
    assert choose_language(None, "") == "en"


async def test_the_page_may_load_nothing_but_its_own_style_and_code(client: httpx.AsyncClient) -> None:
    """The content security policy allows no script and nothing from elsewhere, and the page needs neither."""
    answer = await client.get("/add/good", headers={"user-agent": DESKTOP})
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert f'<style nonce="{nonce[1]}">' in answer.text
    assert "script-src" not in policy
    assert "<script" not in answer.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)
    assert nonce[1] not in (await client.get("/add/good")).headers["content-security-policy"]


async def test_names_are_escaped_and_colours_checked(client: httpx.AsyncClient, services: FakeServices) -> None:
    """A name is text wherever it stands, and what is no colour does not reach the style (R2)."""
    services.links.program_name = '</title><script>alert(1)</script>{{7*7}}"'
    services.links.background = "red;} body{background:url(//evil.example)"
    answer = await client.get("/add/good", headers={"user-agent": DESKTOP})
    assert "<script" not in answer.text
    assert "{{7*7}}" in answer.text
    assert "evil.example" not in answer.text
    assert "#1f2a44" in answer.text


async def test_the_demo_says_that_iphones_refuse_its_cards(services: FakeServices) -> None:
    """A person who tries the demo learns why an iPhone does not take the card."""
    async with a_client(an_application(services, environment="demo")) as client:
        answer = await client.get("/add/good", headers={"user-agent": DESKTOP, "accept-language": "en"})
    assert "an iPhone refuses cards signed with demo certificates" in answer.text


async def test_static_files_may_be_kept_for_ever_under_their_version(client: httpx.AsyncClient) -> None:
    """The page names its style with a version, so a browser never shows an old one."""
    page = await client.get("/add/good")
    style = re.search(r'href="(/static/add\.css\?v=[0-9a-f]{12})"', page.text)
    assert style is not None
    answer = await client.get(style[1])
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await client.get("/static/card.html")).status_code == 404
    assert (await client.get("/static/..%2Fapp.py")).status_code == 404
