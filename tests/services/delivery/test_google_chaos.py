"""Whatever goes wrong at Google, whoever dies meanwhile: Google ends with what the books say (P5)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.builders import Shop
from tests.services.delivery.googling import GoogleShop, a_google_shop
from walletd.demo.google.errors import ApiError
from walletd.demo.google.faults import Fault, GoogleFaults, Request
from walletd.services.delivery.objects.deliveries import ObjectDelivery

CARDS = 100
EVENTS = 1_000
AT_ONCE = 25
FAULTS = (
    Fault(ApiError(429, "rateLimitExceeded", "Quota exceeded")),
    Fault(ApiError(503, "backendError", "Service Unavailable")),
    Fault(ApiError(500, "internalError", "Internal Error")),
    Fault(ApiError(403, "quotaExceeded", "Quota exceeded for issuer")),
    Fault(lost=True),
    Fault(lost=True),
    Fault(delay_seconds=0.05),
    Fault(delay_seconds=0.02),
)


class RandomFaults(GoogleFaults):
    """Every third request meets some fault; who writes what at the same time is noted."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance
        self.on = False
        self.under_way: Counter[str] = Counter()
        self.collisions: list[str] = []

    def begin(self, verb: str, path: str) -> tuple[Request, Fault]:
        """Draw a fault; count the writers of the path."""
        request, fault = super().begin(verb, path)
        self.under_way[path] += 1
        if self.under_way[path] > 1 and "Object/" in path:
            self.collisions.append(path)
        if self.on and self.chance.random() < 0.33:
            fault = self.chance.choice(FAULTS)
        return request, fault

    def end(self, request: Request) -> None:
        """Note that a request was carried out."""
        self.under_way[request.path] -= 1


@pytest_asyncio.fixture
async def at_google(shop: Shop) -> AsyncIterator[GoogleShop]:
    """A shop with a fake Google."""
    async with a_google_shop(shop) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_thousand_events_over_a_hundred_cards_end_as_the_books_say(at_google: GoogleShop) -> None:
    """Random faults, lost replies, two senders of which one dies again and again; nothing goes backwards."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    shop, google = at_google.shop, at_google.google
    serials = [(await at_google.linked())["serial_number"] for _ in range(CARDS)]
    faults = RandomFaults(chance)
    google.faults = faults
    faults.on = True
    for round_number in range(EVENTS // AT_ONCE):
        chosen = [chance.choice(serials) for _ in range(AT_ONCE)]
        await asyncio.gather(*(shop.book(serial, "credit", chance.randint(1, 9)) for serial in chosen))
        await shop.services.publisher.publish_next(200)
        await _send_and_kill(shop, chance, round_number)
        shop.clock.advance(seconds=chance.choice((0, 1, 5, 61)))
    faults.on = False
    for _ in range(8):
        shop.clock.advance(minutes=6)
        await shop.until_idle()
    for serial in serials:
        stored, total = at_google.object_of(serial), await shop.balance(serial)
        seen = [body["loyaltyPoints"]["balance"]["int"] for body in stored.history]
        assert (stored.body["loyaltyPoints"]["balance"], seed) == ({"int": total}, seed)
        assert (seen, seed) == (sorted(seen), seed)
        assert len(stored.field_notifications) <= 3
    assert (faults.collisions, seed) == ([], seed)


async def _send_and_kill(shop: Shop, chance: random.Random, number: int) -> None:
    """Let two processes send, and kill one of them somewhere in the middle every other time."""
    others = ObjectDelivery(replace(shop.runtime, instance=f"other-{number}"))
    tasks = [asyncio.create_task(sender.send_due()) for sender in (shop.services.object_delivery, others)]
    if chance.random() < 0.5:
        await asyncio.sleep(chance.random() / 20)
        tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_merchant_never_calls_faster_than_its_pace(at_google: GoogleShop) -> None:
    """G3.5: Google allows twenty in a second; two processes together stay below, without one refusal."""
    shop, google = at_google.shop, at_google.google
    serials = [(await at_google.linked())["serial_number"] for _ in range(40)]
    shop.runtime.clock = lambda: datetime.now(UTC)
    shop.runtime.call_interval = timedelta(milliseconds=67)
    await asyncio.gather(*(shop.book(serial, "credit", 1) for serial in serials))
    await shop.services.publisher.publish_next(200)
    google.faults.per_second = 20
    google.faults.requests.clear()
    other = ObjectDelivery(replace(shop.runtime, instance="other"))
    while any(await asyncio.gather(shop.services.object_delivery.send_due(), other.send_due())):
        pass
    moments = [request.at for request in google.faults.requests]
    assert len(moments) == 40
    assert {request.status for request in google.faults.requests} == {200}
    assert all(at_google.points(serial) == {"int": 1} for serial in serials)


async def test_a_booking_overtakes_a_change_of_many_cards(at_google: GoogleShop) -> None:
    """Channels: what a holder did goes before what concerns everybody, whenever it comes."""
    shop = at_google.shop
    serials = [(await at_google.linked("reward"))["serial_number"] for _ in range(60)]
    program = await shop.program("reward")
    rules = {"rewards": [{"name": "Kaffee", "price": 50}]}
    await shop.services.programs.update(shop.principal, program, rules=rules)
    while await shop.services.publisher.publish_next(100):
        pass
    hurried = serials[-1]
    await shop.services.object_delivery.send_due()
    await shop.book(hurried, "credit", 7)
    await shop.services.publisher.publish_next(100)
    await shop.services.object_delivery.send_due()
    statuses = {
        serial: (await shop.services.wallet_objects.statuses(shop.principal, serial))[0].is_current
        for serial in serials
    }
    assert at_google.points(hurried) == {"int": 7}
    assert statuses[hurried]
    assert 10 < list(statuses.values()).count(False) < 50
