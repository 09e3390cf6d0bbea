"""The virtual iPhone never has a reason to complain, whatever happens to the pushes."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.flow.world import World, open_world
from walletd.db.engine.database import Database
from walletd.demo.apns.delivery import NetworkConditions
from walletd.demo.iphone.card import Card
from walletd.domain.cards.kinds import KINDS

PHONES = 50
CARDS = 200
TRANSACTIONS = 2000
SEED = 20261122


async def hand_out_cards(world: World, draw: random.Random) -> list[dict[str, object]]:
    """Issue cards of all kinds and add each to one phone by its link."""
    programs = {}
    for kind in KINDS:
        made = await world.post("/programs", {"kind": kind, "name": f"{kind} of ours"})
        programs[kind] = made.json()["id"]
    cards = []
    for number in range(CARDS):
        body: dict[str, object] = {
            "program_id": programs[KINDS[number % len(KINDS)]],
            "customer": {"last_name": f"Muster {number}"},
        }
        card = (await world.post("/cards", body)).json()
        await draw.choice(world.phones).add_from_url(card["add_url"])
        cards.append(card)
    return cards


async def book_at_random(world: World, cards: list[dict[str, object]], draw: random.Random) -> Counter[int]:
    """Book transactions at random from eight tills at once; return how often each status was answered.

    Amounts are drawn from many, so that no balance comes back to what a phone held while it is on its way to fetch:
    then even a perfect server could only let it complain that nothing changed.
    """
    statuses: Counter[int] = Counter()

    async def till(number: int) -> None:
        for turn in range(TRANSACTIONS // 8):
            kind = draw.choice(["credit", "credit", "purchase", "debit"])
            figure = "purchase_total" if kind == "purchase" else "amount"
            body = {"card": draw.choice(cards)["serial_number"], "type": kind, figure: draw.randint(1, 5_000_000)}
            answer = await world.post("/transactions", body, f"{number}-{turn}")
            statuses[answer.status_code] += 1

    await asyncio.gather(*(till(number) for number in range(8)))
    return statuses


async def is_current(world: World, card: Card) -> bool:
    """Say whether the phone holds exactly what the server would give out now.

    The shop's own route is asked: what leaves by Apple's route is taken for fetched by a phone, and a phone that is
    taken to hold the newest is not reminded.
    """
    headers = {"authorization": f"Bearer {world.api_key}"}
    newest = await world.till.get(f"{world.url}/api/v1/cards/{card.key.serial}/pass.pkpass", headers=headers)
    return newest.headers["last-modified"] == card.last_modified


async def all_current(world: World) -> bool:
    """Say whether every card on every phone is the newest."""
    return all([await is_current(world, card) for phone in world.phones for card in phone.cards.values()])


async def let_time_pass(world: World) -> None:
    """Let hours go by, with reminders for phones that were told but did not fetch, until every phone is current."""
    for _ in range(40):
        if await all_current(world):
            return
        world.clock.shift += timedelta(minutes=20)
        await world.services.upkeep.remind_stale()
        await world.until_idle()


@pytest.mark.timeout(300)
async def test_every_phone_ends_with_the_newest_state_and_none_complains(database: Database, tmp_path: Path) -> None:
    """50 phones, 200 cards, 2 000 transactions, pushes lost, doubled and delayed: all converge in silence."""
    draw = random.Random(SEED)
    async with open_world(database, tmp_path) as world:
        for number in range(PHONES):
            world.phone(f"phone {number}")
        cards = await hand_out_cards(world, draw)
        await world.until_idle()
        world.apns.conditions = NetworkConditions(lose=0.2, double=0.2, delay=(0.0, 0.3), seed=SEED)
        statuses = await book_at_random(world, cards, draw)
        assert set(statuses) <= {201, 409, 422}
        assert statuses[201] > TRANSACTIONS // 2
        assert len(world.apns.pushes) > PHONES
        await asyncio.sleep(0.4)
        await world.until_idle()
        world.apns.conditions = NetworkConditions()
        await let_time_pass(world)
        assert await all_current(world)
        assert [complaint for phone in world.phones for complaint in phone.complaints] == []
        assert sum(len(phone.cards) for phone in world.phones) == CARDS
        await world.services.proof.verify()
