"""What a till's look-up waits beside exports: with connections for long reads, and with the readers for everything."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from unittest.mock import patch

from sqlalchemy import text

from bench.figures import Figure, thousands
from bench.rates import Scale, percentile
from bench.shop import ENGINES, Shop, database_url, folder, open_shop, run_loop, settings_for

_GOAL: Final = 1.5
_PAUSE_SECONDS: Final = 0.005
"""Between two look-ups: a till asks, it does not flood."""
_EXPORTS: Final = (1, 8)
"""One, and as many as the larger engine has readers."""
_NAMES: Final = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def run(scale: Scale) -> list[Figure]:
    """Look cards up alone, beside exports, and beside the same exports through the readers, in turns."""
    cards = scale.pick(200_000, 50_000, 20)
    return [figure for engine in ENGINES for figure in run_loop(_measure(engine, cards, scale))]


async def _measure(engine: str, cards: int, scale: Scale) -> list[Figure]:
    figures: list[Figure] = []
    with folder() as place:
        async with open_shop(settings_for(place, database_url(engine, place))) as shop:
            await shop.fill(cards)
            # As a server that has run for a day does by itself.
            await shop.runtime.database.write(lambda tx: tx.execute(text("ANALYZE")))
            for exports in _EXPORTS:
                figures += await _compare(shop, _NAMES[engine], cards, exports, scale)
    return figures


async def _compare(shop: Shop, engine: str, cards: int, exports: int, scale: Scale) -> list[Figure]:
    alone: list[float] = []
    beside: list[float] = []
    through_readers: list[float] = []
    database = shop.runtime.database
    for _ in range(scale.rounds):
        alone += await _look_ups(shop, cards, scale)
        async with _exporting(shop, exports):
            beside += await _look_ups(shop, cards, scale)
        # As it was before long reads had connections of their own.
        with patch.object(database, "long_read", database.read):
            async with _exporting(shop, exports):
                through_readers += await _look_ups(shop, cards, scale)
    what = f"till's look-up beside {exports} export{'s' * (exports > 1)} of {thousands(cards)}, {engine}"
    return [
        _figure(f"{what}, p50", beside, alone, 0.5),
        _figure("p99", beside, alone, 0.99),
        _figure("p99 with the readers for everything", through_readers, alone, 0.99),
    ]


def _figure(what: str, measured: list[float], limit: list[float], share: float) -> Figure:
    first, second = percentile(measured, share) * 1e3, percentile(limit, share) * 1e3
    return Figure(what, first, second, "alone", _GOAL, "ms", at_most=True)


@asynccontextmanager
async def _exporting(shop: Shop, exports: int) -> AsyncIterator[None]:
    """Export all customers with their balances, from the beginning again at the end, until the look-ups are done."""
    running = [asyncio.create_task(_export(shop)) for _ in range(exports)]
    await asyncio.sleep(0.1)
    yield
    assert not any(task.done() for task in running), "an export broke off"
    for task in running:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _export(shop: Shop) -> None:
    while True:
        export = await shop.services.exports.customers(shop.by, shop.program_id, "de")
        async for _ in export.pages:
            pass


async def _look_ups(shop: Shop, cards: int, scale: Scale) -> list[float]:
    """Return what look-ups of any cards took, one after the other."""
    chance = random.Random()
    waits: list[float] = []
    ends = time.perf_counter() + 5 * scale.seconds
    while (began := time.perf_counter()) < ends:
        await shop.services.cards.by_key(shop.by, f"bench-{chance.randint(1, cards)}")
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(_PAUSE_SECONDS)
    return waits
