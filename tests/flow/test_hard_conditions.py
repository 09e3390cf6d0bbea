"""Convergence where phones share passes, are refreshed by hand, lose answers, and balances go there and back."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.flow.test_phones_never_complain import all_current, let_time_pass
from tests.flow.world import World, open_world
from walletd.db.engine.database import Database
from walletd.demo.apns.delivery import NetworkConditions
from walletd.demo.iphone.iphone import VirtualIPhone

SEED = 7
PHONES = 8
CARDS = 12
TRANSACTIONS = 240


class LossyNetwork(httpx.AsyncHTTPTransport):
    """One phone's network: it loses one answer in eight after the server sent it, but not as often as a phone tries.

    A phone that gives up asks again with its next push, and so that one may not come: the request for a pass names no
    device, so a fetch by another phone that holds the pass is taken for one by both.
    """

    def __init__(self, draw: random.Random, retries: int) -> None:
        super().__init__()
        self._draw = draw
        self._retries = retries
        self._in_a_row = 0
        self.lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; lose the answer now and then."""
        response = await super().handle_async_request(request)
        may_lose = "/apple/" in request.url.path and self._in_a_row < self._retries
        if may_lose and self._draw.random() < 0.125:
            await response.aread()
            self.lost += 1
            self._in_a_row += 1
            raise httpx.ReadError("the connection broke", request=request)
        self._in_a_row = 0
        return response


async def open_shop(world: World, networks: list[LossyNetwork], stack: AsyncExitStack) -> list[str]:
    """Hand every card out to two phones, each on a network of its own; return their serial numbers."""
    for number, network in enumerate(networks):
        client = httpx.AsyncClient(transport=network, trust_env=False, timeout=60)
        http = await stack.enter_async_context(client)
        phone = VirtualIPhone(f"phone {number}", http, world.phone_settings)
        world.apns.know(phone.push_token)
        world.phones.append(phone)
    program = (await world.post("/programs", {"kind": "loyalty", "name": "Points"})).json()["id"]
    serials = []
    for number in range(CARDS):
        body: dict[str, object] = {"program_id": program, "customer": {"last_name": f"Muster {number}"}}
        card = (await world.post("/cards", body)).json()
        for step in (0, 1):
            await world.phones[(number + step) % PHONES].add_from_url(card["add_url"])
        serials.append(card["serial_number"])
    return serials


async def use_phones(world: World, draw: random.Random) -> None:
    """Refresh cards by hand now and then."""
    while True:
        await asyncio.sleep(0.02)
        phone = draw.choice(world.phones)
        if phone.cards:
            phone.pull_to_refresh(draw.choice(list(phone.cards)))


@pytest.mark.timeout(300)
async def test_every_phone_converges_under_hard_conditions(database: Database, tmp_path: Path) -> None:
    """Shared passes, refreshes, lost answers, balances there and back: in the end every phone shows the truth."""
    draw = random.Random(SEED)
    async with open_world(database, tmp_path) as world, AsyncExitStack() as stack:
        retries = len(world.phone_settings.retry_delays_seconds)
        networks = [LossyNetwork(draw, retries) for _ in range(PHONES)]
        serials = await open_shop(world, networks, stack)
        world.apns.conditions = NetworkConditions(lose=0.2, double=0.2, delay=(0.0, 0.2), seed=SEED)
        using = asyncio.create_task(use_phones(world, draw))
        for turn in range(TRANSACTIONS):
            kind = draw.choice(["credit", "debit"])
            await world.post(
                "/transactions", {"card": draw.choice(serials), "type": kind, "amount": draw.choice([1, 2])}, f"k{turn}"
            )
        using.cancel()
        await asyncio.sleep(0.3)
        await world.until_idle()
        world.apns.conditions = NetworkConditions()
        await let_time_pass(world)
        assert sum(network.lost for network in networks) > PHONES
        assert await all_current(world)
        await world.services.proof.verify()
