"""The page behind a card's QR code in a real browser, without scripts, in both languages and in the dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.serving import PUBLIC_URL, Served, serving_shop

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ANDROID = (
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)
IN_APP = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"


@pytest.fixture
def served(sqlite_url: str) -> Iterator[Served]:
    """A shop that a browser reaches."""
    with serving_shop(sqlite_url) as shop:
        yield shop


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        yield launched
        launched.close()


def page_of(served: Served) -> str:
    """The address of the card's page on this machine."""
    return served.add_url.replace(PUBLIC_URL, served.address)


def opened(browser: Browser, url: str, *, faults: list[str], **options: object) -> Page:
    """Open a page without scripts, and collect what the browser complains about."""
    context = browser.new_context(java_script_enabled=False, **options)  # type: ignore[arg-type]  # the test's own options
    page = context.new_page()
    page.on("console", lambda message: faults.append(message.text))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.goto(url)
    return page


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_can_read_the_code_on_a_desktop(browser: Browser, served: Served, scheme: str) -> None:
    """The code on the screen, in daylight and in the dark, leads to the card's link; nothing is blocked or missing."""
    faults: list[str] = []
    page = opened(browser, page_of(served), faults=faults, color_scheme=scheme, locale="de-DE")
    picture = Image.open(BytesIO(page.screenshot(full_page=True)))
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [served.add_url]
    assert page.locator("h1").inner_text() == "Mit dem Handy scannen"
    assert faults == []


@pytest.mark.slow
def test_the_language_is_switched_without_scripts(browser: Browser, served: Served) -> None:
    """A link at the foot of the page changes its language and keeps the card."""
    page = opened(browser, page_of(served), faults=[], locale="de-DE", viewport={"width": 390, "height": 844})
    page.get_by_role("link", name="English").click()
    assert page.locator("h1").inner_text() == "Scan with your phone"
    assert page.get_by_text("stamp of ours").is_visible()
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.slow
@pytest.mark.parametrize(("user_agent", "name"), [(ANDROID, "Open the card file"), (IN_APP, "Add to Apple Wallet")])
@pytest.mark.parametrize("size", [(320, 568), (390, 844), (844, 390)])
def test_the_one_thing_to_do_is_large_enough_and_in_reach(
    browser: Browser, served: Served, user_agent: str, name: str, size: tuple[int, int]
) -> None:
    """On phones of any size the button can be hit with a thumb, and nothing has to be scrolled sideways."""
    faults: list[str] = []
    viewport = {"width": size[0], "height": size[1]}
    page = opened(
        browser,
        page_of(served),
        faults=faults,
        user_agent=user_agent,
        locale="en-US",
        viewport=viewport,
        has_touch=True,
    )
    button = page.get_by_role("link", name=name)
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    main = page.locator("main").bounding_box()
    assert main is not None
    assert main["width"] <= size[0]
    assert faults == []


@pytest.mark.slow
def test_the_file_is_saved_under_a_name(browser: Browser, served: Served) -> None:
    """A browser that cannot show a pass saves it as a .pkpass."""
    page = opened(browser, page_of(served), faults=[], user_agent=ANDROID, locale="en-US")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("pkpass")).click()
    assert download.value.suggested_filename == "stamp.pkpass"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(browser: Browser, served: Served, scheme: str) -> None:
    """Words and buttons reach the contrast of WCAG AA, in daylight and in the dark."""
    page = opened(browser, page_of(served), faults=[], user_agent=ANDROID, color_scheme=scheme, locale="en-US")
    for selector in ("h1", "main > p:not(.hint)", ".hint", ".button", "footer a:not([aria-current])"):
        picture = Image.open(BytesIO(page.locator(selector).first.screenshot())).convert("RGB")
        pixels = picture.tobytes()
        light = sorted({luminance(pixels[start : start + 3]) for start in range(0, len(pixels), 3)})
        assert (light[-1] + 0.05) / (light[0] + 0.05) >= 4.5, selector


def luminance(colour: bytes) -> float:
    """The relative luminance of a colour (WCAG 2.2)."""
    red, green, blue = ((c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_holder_consents_and_revokes_with_two_buttons(browser: Browser, served: Served) -> None:
    """The page behind an invitation works without scripts, in the holder's language, and says what is so now."""
    faults: list[str] = []
    url = served.invitation_url.replace(PUBLIC_URL, served.address)
    page = opened(browser, url, faults=faults, locale="de-DE", viewport={"width": 390, "height": 700})
    assert page.get_by_role("heading").inner_text() == "Newsletter von Café Morgenrot"
    page.get_by_role("button", name="Ja, bitte").click()
    assert page.get_by_role("status").inner_text().startswith("Danke!")
    page.get_by_role("button", name="Nicht mehr schicken").click()
    assert "keinen Newsletter" in page.get_by_role("status").inner_text()
    assert page.get_by_role("button").count() == 0
    assert faults == []


def test_a_second_address_confirms_a_merge_request_with_one_button(browser: Browser, served: Served) -> None:
    """S4-063: the page names who asks, works without scripts, and says what happens next; declining still works."""
    faults: list[str] = []
    url = served.confirm_url.replace(PUBLIC_URL, served.address)
    page = opened(browser, url, faults=faults, locale="de-DE", viewport={"width": 390, "height": 700})
    assert page.get_by_role("heading").inner_text() == "Konten bei Café Morgenrot zusammenlegen"
    assert "mia.new@example.org" in page.get_by_role("main").inner_text()
    page.get_by_role("button", name="Ja, zusammenlegen").click()
    assert page.get_by_role("status").inner_text().startswith("Danke!")
    assert page.get_by_role("button").count() == 0
    assert faults == []
