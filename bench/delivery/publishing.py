"""Publishing many changed cards: how many per second and core, and whether memory stays flat."""

from __future__ import annotations

import gc
import time

from sqlalchemy import text

from bench.figures import Figure, thousands
from bench.rates import Scale, memory_bytes
from bench.shop import Shop, database_url, folder, open_shop, run_loop, settings_for
from walletd.db.delivery import publishing
from walletd.db.engine.base import Tx

_GOAL_PER_SECOND = 2000.0
_GOAL_MEGABYTES = 50.0
_MARKED_AT_ONCE = 500


def run(scale: Scale) -> list[Figure]:
    """Publish all cards once, change every balance, and publish them again; each card is on a phone."""
    return run_loop(_publish(scale.pick(100_000, 10_000, 30)))


async def _publish(count: int) -> list[Figure]:
    with folder() as place:
        async with open_shop(settings_for(place, database_url("sqlite", place))) as shop:
            serial = (await shop.card())["serial_number"]
            await shop.services.devices.register(shop.topic, serial, "phone-0", shop.authorization(serial), "0" * 64)
            await shop.fill(count, phones=True)
            await _mark_all(shop)
            await shop.publish_all()
            await shop.runtime.database.write(_change_balances)
            await _mark_all(shop)
            gc.collect()
            before, cpu, wall = memory_bytes(), time.process_time(), time.perf_counter()
            published = await shop.publish_all()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            assert published > count, (published, count)
            found = await shop.runtime.database.read(_changed_twice)
            # The card that all others were copied from has no phone.
            assert found == (published, published - 1), (found, published)
            grown = (memory_bytes() - before) / 1e6
    what = f"publishing {thousands(count)} changed cards"
    return [
        Figure(f"{what}, per second and core", published / cpu, _GOAL_PER_SECOND, "asked for", 1.0),
        Figure(f"{what}, per second that passed", published / wall, _GOAL_PER_SECOND, "asked for", 1.0),
        Figure(f"{what}, memory grown by", max(grown, 0.0), _GOAL_MEGABYTES, "called flat", 1.0, "MB", at_most=True),
    ]


def _change_balances(tx: Tx) -> None:
    # Straight into the table: this bench is about publishing, and nobody proves these books.
    tx.execute(text("UPDATE accounts SET balance = balance + 7"))


def _changed_twice(tx: Tx) -> tuple[int, int]:
    """Count the passes that got a second version, and the phones that are due to hear of it."""
    counts = (
        "SELECT count(*) FROM published_passes WHERE sequence > (SELECT count(*) FROM cards)",
        "SELECT count(*) FROM delivery_targets WHERE due_at IS NOT NULL",
    )
    first, second = (int(tx.execute(text(count)).scalar_one()) for count in counts)
    return first, second


async def _mark_all(shop: Shop) -> None:
    last, now = "", shop.application.clock()
    while True:
        marked = await shop.runtime.database.write(
            publishing.mark_merchant_dirty, shop.by.merchant_id, now, after=last, limit=_MARKED_AT_ONCE
        )
        if len(marked) < _MARKED_AT_ONCE:
            return
        last = marked[-1]
