"""What walletd takes for itself: memory after many passes, and time to start with many cards."""

from __future__ import annotations

import gc
from pathlib import Path

from bench import servers
from bench.figures import Figure, thousands
from bench.rates import Scale, memory_bytes
from bench.shop import database_url, environment_for, folder, open_shop, run_loop, settings_for

_WARM_UP = 1000
_GOAL_MEGABYTES = 100.0
_GOAL_SECONDS = 3.0


def run_memory(scale: Scale) -> list[Figure]:
    """Make many passes through the service and see how much more memory the process holds than after the first ones."""
    return run_loop(_passes(scale.pick(100_000, 10_000, 10), scale.pick(5000, 2000, 5)))


def run_start(scale: Scale) -> list[Figure]:
    """Start `walletd serve` over many published cards and wait until it says that it is ready."""
    count = scale.pick(100_000, 10_000, 10)
    with folder() as place:
        url = database_url("sqlite", place)
        run_loop(_published(place, url, count))
        taken = []
        for _ in range(scale.rounds):
            with servers.walletd(environment_for(place, url), place / "log") as server:
                taken.append(server.started_in_seconds)
    what = f"walletd serve until ready, {thousands(count)} cards"
    return [Figure(what, sorted(taken)[len(taken) // 2], _GOAL_SECONDS, "allowed", 1.0, "s", at_most=True)]


async def _passes(count: int, cards: int) -> list[Figure]:
    with folder() as place:
        async with open_shop(settings_for(place, database_url("sqlite", place))) as shop:
            serials = await shop.fill(cards)
            await shop.publish_all()

            async def make(how_many: int) -> None:
                for number in range(how_many):
                    file = await shop.services.passes.of_card(shop.by, serials[number % len(serials)])
                    assert file.content.startswith(b"PK")

            # By then the caches, which are bounded, are as full as they get.
            await make(min(count, _WARM_UP))
            gc.collect()
            before = memory_bytes()
            await make(count)
            gc.collect()
            grown = (memory_bytes() - before) / 1e6
    what = f"memory grown by {thousands(count)} passes"
    return [Figure(what, max(grown, 0.0), _GOAL_MEGABYTES, "allowed", 1.0, "MB", at_most=True)]


async def _published(place: Path, url: str, count: int) -> None:
    async with open_shop(settings_for(place, url)) as shop:
        await shop.fill(count)
        await shop.publish_all()
