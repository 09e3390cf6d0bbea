"""The till's look-up by key, and a page of the list of customers: what a hundred times as many cards cost them."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import text

from bench.figures import Figure, thousands
from bench.rates import Scale, median, stay_on_core
from bench.shop import ENGINES, Shop, database_url, folder, open_shop, run_loop, settings_for
from walletd.domain.customers.lists import CustomerFilter
from walletd.domain.pages import PageRequest

_ASKED: Final = 400
_PAGES: Final = 40
_NAMES: Final = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
_WILLING: Final = CustomerFilter(crm_active=True, redeem_blocked=False)

Ask = Callable[[Shop, int], Awaitable[float]]


def run(scale: Scale) -> list[Figure]:
    """Ask one thing after the other, in a small and in a large database, in turns, on each engine."""
    stay_on_core(1)
    few, many = scale.pick(10_000, 10_000, 20), scale.pick(1_000_000, 100_000, 100)
    return [figure for engine in ENGINES for figure in run_loop(_compare(engine, few, many, scale))]


async def _compare(engine: str, few: int, many: int, scale: Scale) -> list[Figure]:
    with folder() as one, folder() as other:
        small, large = (settings_for(place, database_url(engine, place)) for place in (one, other))
        async with open_shop(small) as first, open_shop(large) as second:
            for shop, count in ((first, few), (second, many)):
                await shop.fill(count)
                # As a server that has run for a day does by itself.
                await shop.runtime.database.write(lambda tx: tx.execute(text("ANALYZE")))
            figures = []
            for what, ask in (("till's look-up by key", _look_up), ("page of customers, by name and filtered", _list)):
                pairs = [(await ask(second, many), await ask(first, few)) for _ in range(scale.rounds + 1)]
                # The first round warms up. Seconds: less is better, and noise only adds.
                measured, limit = min(pair[0] for pair in pairs[1:]), min(pair[1] for pair in pairs[1:])
                named = f"{what} among {thousands(many)}, {_NAMES[engine]}"
                figures.append(
                    Figure(named, measured * 1e6, limit * 1e6, f"among {thousands(few)}", 1.5, "µs", at_most=True)
                )
            return figures


async def _look_up(shop: Shop, cards: int) -> float:
    """Return the median time of a look-up of a card that nobody asked for lately."""
    chance = random.Random()
    taken = []
    for _ in range(_ASKED):
        key = f"bench-{chance.randint(1, cards)}"
        start = time.perf_counter()
        await shop.services.cards.by_key(shop.by, key)
        taken.append(time.perf_counter() - start)
    return median(taken)


async def _list(shop: Shop, _cards: int) -> float:
    """Return the median time of a page of customers, on from one page to the next."""
    taken: list[float] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        request = PageRequest(page_size=50, cursor=cursor, sort="name")
        start = time.perf_counter()
        page = await shop.services.customer_lists.page(shop.by, request, _WILLING)
        taken.append(time.perf_counter() - start)
        cursor = page.next_cursor
    return median(taken)
