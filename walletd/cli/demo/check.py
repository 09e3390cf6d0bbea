"""The main job, done once from end to end as people, tills and phones do it, and timed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from walletd.cli.demo.client import Till
from walletd.demo.world import DemoWorld

_SEEN_SECONDS: Final = 10.0
_POINTS: Final = 25
_OPENING: Final = 7


async def main_job(till: Till, world: DemoWorld, say: Callable[[str], None]) -> bool:
    """Issue a card, add it by its QR's link, book, and wait for the phone to show it; says whether all of it worked."""
    steps = _Steps(say)
    try:
        await _do(till, world, steps)
    except Exception as error:  # noqa: BLE001 - whatever fails is what the check is there to find
        say(f"FAILED    {steps.current}: {type(error).__name__} {error}")
        return False
    say(f"done in   {steps.total_seconds * 1000:7.1f} ms")
    return True


class _Steps:
    """Says each step with the time it took."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.current = "start"
        self.total_seconds = 0.0
        self._say = say
        self._started = time.perf_counter()

    def begin(self, name: str) -> None:
        self.current, self._started = name, time.perf_counter()

    def end(self, detail: str = "") -> None:
        seconds = time.perf_counter() - self._started
        self.total_seconds += seconds
        self._say(f"ok        {seconds * 1000:7.1f} ms  {self.current}{'  ' + detail if detail else ''}")


async def _do(till: Till, world: DemoWorld, steps: _Steps) -> None:
    phone = world.phones[0]
    steps.begin("a program is made")
    program = await till.post("/api/v1/programs", {"kind": "loyalty", "name": "Probe"})
    steps.end(program["program_id"])
    steps.begin("a card is issued")
    new = {"program_id": program["program_id"], "customer": {"last_name": "Probe"}}
    card = await till.post("/api/v1/cards", new)
    steps.end(card["serial_number"])
    steps.begin("its QR is drawn")
    picture = await till.get(urlsplit(card["add_qr_svg_url"]).path)
    _expect(b"<svg" in picture, "the QR is no SVG")
    steps.end(f"{len(picture)} bytes")
    await _book(till, steps, card, _OPENING)
    steps.begin("a phone opens the link, takes the pass and registers")
    installed = await world.add_card(phone, card["add_url"])
    _expect(installed.is_registered, "the phone is not registered")
    _expect(installed.value("balance") == str(_OPENING), f"the phone shows {installed.value('balance')}")
    steps.end(f"shows {installed.value('balance')}")
    pushes = len(phone.pushes)
    changed = asyncio.Event()
    phone.listeners.append(lambda _: changed.set())
    await _book(till, steps, card, _POINTS)
    steps.begin("the phone is pushed, asks, fetches, and shows the new balance")
    async with asyncio.timeout(_SEEN_SECONDS):
        while installed.value("balance") != str(_OPENING + _POINTS):
            changed.clear()
            await changed.wait()
    steps.end(f"shows {installed.value('balance')}")
    await _google(till, world, steps, card)
    steps.begin("everything is quiet and in order")
    await world.until_idle()
    _expect(len(phone.pushes) > pushes, "the change came without a push")
    _expect(not phone.complaints, f"the phone complains: {[each.log_line for each in phone.complaints]}")
    deliveries: Any = json.loads(await till.get(f"/api/v1/cards/{card['serial_number']}/deliveries"))
    _expect(bool(deliveries), "no delivery is known")
    steps.end(f"{len(phone.pushes) - pushes} push, {len(phone.notifications)} banner, no complaint")


async def _google(till: Till, world: DemoWorld, steps: _Steps, card: Any) -> None:
    """Save the same card on an Android phone, and see a booking there."""
    phone, changed = world.androids[0], asyncio.Event()
    phone.listeners.append(lambda _: changed.set())
    steps.begin("an Android phone opens the link and saves the card in Google Wallet")
    saved = await phone.add_from_url(card["add_url"])
    shown = saved.stored.body["loyaltyPoints"]["balance"]
    _expect(shown == {"int": _OPENING + _POINTS}, f"Google shows {shown}")
    steps.end(f"shows {shown['int']}")
    await _book(till, steps, card, _POINTS)
    steps.begin("Google is told, and shows the new balance")
    async with asyncio.timeout(_SEEN_SECONDS):
        while saved.stored.body["loyaltyPoints"]["balance"] != {"int": _OPENING + 2 * _POINTS}:
            changed.clear()
            await changed.wait()
    found: Any = json.loads(await till.get(f"/api/v1/cards/{card['serial_number']}/google"))
    _expect(found["saved"], "the shop was not told that the card was saved")
    steps.end(f"shows {saved.stored.body['loyaltyPoints']['balance']['int']}")


async def _book(till: Till, steps: _Steps, card: Any, points: int) -> None:
    steps.begin("points are booked")
    booked = await till.post(
        "/api/v1/transactions", {"card": card["serial_number"], "type": "credit", "amount": points}
    )
    steps.end(f"balance {booked['entries'][0]['balance_after']}")


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion, which Python may leave out
    if not holds:
        raise AssertionError(otherwise)
