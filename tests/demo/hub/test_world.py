"""The whole outside world at once: push service, phones and page over real sockets, and in a real browser."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.demo.certificates import Leaf, PassAuthority
from tests.demo.iphone.passes import PASS_TYPE
from tests.demo.serving import serving
from tests.demo.shop import Shop
from walletd.demo.iphone.card import Card
from walletd.demo.world import DemoWorld, WorldSettings

SERIAL = "serial-0001"


@dataclass
class Town:
    """A world with a shop in it, and the shop's way to push."""

    world: DemoWorld
    shop: Shop
    shop_url: str
    push_client: httpx.AsyncClient

    @property
    def add_url(self) -> str:
        """The add link of the shop's card."""
        return f"{self.shop_url}/add/{SERIAL}"

    def publish(self, points: int) -> None:
        """Give the card another balance."""
        self.shop.publish(SERIAL, points, webServiceURL=f"{self.shop_url}/wallet")

    async def push(self, token: str) -> httpx.Response:
        """Push to one phone."""
        headers = {"apns-topic": PASS_TYPE, "apns-expiration": "4102444800"}
        return await self.push_client.post(
            f"{self.world.apns_url}/3/device/{token}",
            headers=headers,
            content=b"{}",
        )


async def shows(card: Card, balance: str) -> None:
    """Wait until the card shows this balance; fails after five seconds."""
    for _ in range(500):
        if card.value("balance") == balance:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"the card shows {card.value('balance')} instead of {balance}")


@pytest.fixture
async def town(leaf: Leaf, pass_authority: PassAuthority, tmp_path: Path) -> AsyncIterator[Town]:
    """A running world with two phones, and a shop with one card."""
    settings = WorldSettings(tmp_path / "world", pass_authority.root_pem, pass_authority.root_pem)
    world = DemoWorld(settings)
    await world.start()
    shop = Shop(leaf)
    pem = tmp_path / "client.pem"
    pem.write_bytes(leaf.pem)
    context = ssl.create_default_context(cafile=str(world.apns_ca_file))
    context.load_cert_chain(pem)
    async with serving(shop) as shop_url, httpx.AsyncClient(http1=False, http2=True, verify=context) as push_client:
        town = Town(world, shop, shop_url, push_client)
        town.publish(10)
        yield town
    await world.close()


async def test_push_travels_from_the_shop_to_the_card(town: Town) -> None:
    """Shop → push service → phone → shop → card, all over the wire."""
    anna = town.world.phones[0]
    card = await town.world.add_card(anna, town.add_url)
    town.publish(25)
    assert (await town.push(anna.push_token)).status_code == 200
    await shows(card, "25")
    assert not anna.complaints


async def test_offline_phone_is_reached_when_it_returns(town: Town) -> None:
    """The push service keeps the push for it."""
    anna = town.world.phones[0]
    card = await town.world.add_card(anna, town.add_url)
    anna.go_offline()
    town.publish(30)
    await town.push(anna.push_token)
    await asyncio.sleep(0.05)
    assert card.value("balance") == "10"
    anna.go_online()
    await shows(card, "30")


async def test_old_push_token_is_gone_and_strangers_are_unknown(town: Town) -> None:
    """A changed token answers 410, a token of nobody 400."""
    anna = town.world.phones[0]
    await town.world.add_card(anna, town.add_url)
    old = anna.push_token
    anna.change_push_token()
    await town.world.until_idle()
    assert (await town.push(old)).status_code == 410
    assert (await town.push(anna.push_token)).status_code == 200
    assert (await town.push("ef" * 32)).json() == {"reason": "BadDeviceToken"}


@pytest.fixture
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """A running Chromium."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    arguments += ["--disable-background-networking", "--disable-component-update"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        await browser.close()


async def test_browser_shows_a_change_within_a_second_without_reloading(town: Town, browser: Browser) -> None:
    """The open page follows the phone: new value, highlight, banner; the turned card stays turned."""
    anna = town.world.phones[0]
    await town.world.add_card(anna, town.add_url)
    page = await browser.new_page(locale="de-DE")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.goto(town.world.page_url)
    phone = page.locator("[data-phone='0']")
    await expect(phone.locator(".front [data-field=balance] .value")).to_have_text("10")
    await phone.locator("label.turn").click()
    await expect(phone.locator(".flip")).to_be_checked()
    town.publish(1234)
    await town.push(anna.push_token)
    await expect(phone.locator("[data-field=balance] .value.changed")).to_have_text("1.234", timeout=1000)
    await expect(phone.locator(".banner")).to_contain_text("Du hast jetzt 1.234 Punkte", timeout=1000)
    await expect(phone.locator(".flip")).to_be_checked()
    assert problems == []


async def test_browser_adds_and_deletes_a_card(town: Town, browser: Browser) -> None:
    """The buttons of the page work without leaving it."""
    page = await browser.new_page(locale="en-GB")
    await page.goto(town.world.page_url)
    phone = page.locator("[data-phone='1']")
    await phone.locator("input[name=url]").fill(town.add_url)
    await phone.get_by_role("button", name="Add").click()
    await expect(phone.locator(".card")).to_have_count(1)
    await expect(phone.locator("input[name=url]")).to_have_value("")
    await phone.locator("label.turn").click()
    await phone.get_by_role("button", name="Delete card").click()
    await expect(phone.locator(".card")).to_have_count(0)
    await expect(phone.locator(".empty")).to_be_visible()


async def test_browser_without_scripts_sees_and_uses_everything(town: Town, browser: Browser) -> None:
    """The page is whole without scripts: card, turning it, airplane mode."""
    anna = town.world.phones[0]
    await town.world.add_card(anna, town.add_url)
    context = await browser.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    await page.goto(town.world.page_url)
    phone = page.locator("[data-phone='0']")
    await expect(phone.locator(".front [data-field=balance] .value")).to_have_text("10")
    await phone.locator("label.turn").click()
    await expect(phone.locator(".back .done")).to_be_visible()
    await phone.get_by_role("button", name="Airplane mode on").click()
    await expect(phone.locator(".airplane")).to_be_visible()
    assert not anna.is_online
    await context.close()
