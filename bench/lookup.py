"""The till's look-up by key: what a hundred times as many cards cost it."""

from __future__ import annotations

import random
import time

from bench.figures import Figure, thousands
from bench.rates import Scale, median, stay_on_core
from bench.shop import Shop, database_url, folder, open_shop, run_loop, settings_for

_ASKED = 400


def run(scale: Scale) -> list[Figure]:
    """Look cards up one after the other, in a small and in a large database, in turns."""
    stay_on_core(1)
    few, many = scale.pick(10_000, 10_000, 20), scale.pick(1_000_000, 100_000, 100)
    return [run_loop(_compare(few, many, scale))]


async def _compare(few: int, many: int, scale: Scale) -> Figure:
    with folder() as one, folder() as other:
        small, large = (
            settings_for(one, database_url("sqlite", one)),
            settings_for(other, database_url("sqlite", other)),
        )
        async with open_shop(small) as first, open_shop(large) as second:
            await first.fill(few)
            await second.fill(many)
            pairs = [(await _seconds(second, many), await _seconds(first, few)) for _ in range(scale.rounds + 1)]
    # The first round warms up. Seconds per look-up: less is better, and noise only adds.
    measured, limit = min(pair[0] for pair in pairs[1:]), min(pair[1] for pair in pairs[1:])
    what = f"till's look-up by key among {thousands(many)} cards"
    return Figure(what, measured * 1e6, limit * 1e6, f"among {thousands(few)}", 1.5, "µs", at_most=True)


async def _seconds(shop: Shop, cards: int) -> float:
    """Return the median time of a look-up of a card that nobody asked for lately."""
    chance = random.Random()
    taken = []
    for _ in range(_ASKED):
        key = f"bench-{chance.randint(1, cards)}"
        start = time.perf_counter()
        await shop.services.cards.by_key(shop.by, key)
        taken.append(time.perf_counter() - start)
    return median(taken)
