"""Long histories: what they cost the next booking, and the proof of a whole ledger."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bench.figures import Figure, thousands
from bench.rates import Scale, median, memory_bytes
from bench.shop import ENGINES, Shop, database_url, folder, open_shop, run_loop, settings_for
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts
from walletd.domain.identifiers import new_id
from walletd.domain.ledger.bookings.postings import post
from walletd.domain.ledger.entries import Transaction
from walletd.domain.ledger.movements import Booking, Movement
from walletd.services.ledger.balances import open_books
from walletd.services.ledger.bookings.outcomes import store_books

_AT_ONCE: Final = 1000
_SHORT: Final = 10
_GOAL_TIMES: Final = 1.5
_GOAL_MEGABYTES: Final = 50.0
_CREDIT: Final = Movement("manual_credit", 1000, "issued")


def run_booking(scale: Scale) -> list[Figure]:
    """Book a debit on accounts with a short, a long and a very long history, in turns, one after the other."""
    lengths = (scale.pick(1000, 1000, 20), scale.pick(100_000, 10_000, 30))
    return [figure for engine in ENGINES for figure in run_loop(_compare(engine, lengths, scale))]


def run_proof(scale: Scale) -> list[Figure]:
    """Prove a ledger with a million entries, a tenth of them on one account, and see what memory it takes."""
    return run_loop(_prove(scale.pick(1_000_000, 100_000, 200)))


async def _compare(engine: str, lengths: Sequence[int], scale: Scale) -> list[Figure]:
    with folder() as place:
        async with open_shop(settings_for(place, database_url(engine, place))) as shop:
            serials = (await shop.fill(1 + len(lengths)))[: 1 + len(lengths)]
            for serial, length in zip(serials, (_SHORT, *lengths), strict=True):
                await _grow(shop, await _account_of(shop, serial), length)
            taken: dict[str, list[float]] = {serial: [] for serial in serials}
            for number in range(scale.pick(600, 200, 4)):
                for serial in serials:
                    taken[serial].append(await _seconds(shop, serial, f"history-{number}-{serial}"))
    short, *others = (median(taken[serial]) * 1e6 for serial in serials)
    name = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[engine]
    return [
        Figure(
            f"one more booking on an account with {thousands(length)} entries, {name}",
            measured,
            short,
            f"with {_SHORT}",
            _GOAL_TIMES,
            "µs",
            at_most=True,
        )
        for length, measured in zip(lengths, others, strict=True)
    ]


async def _prove(entries: int) -> list[Figure]:
    with folder() as place:
        async with open_shop(settings_for(place, database_url("sqlite", place))) as shop:
            serials = await shop.fill(900)
            names = [await _account_of(shop, serial) for serial in serials]
            await _grow(shop, names[0], entries // 10)
            for name in names[1:]:
                await _grow(shop, name, max(1, (entries - entries // 10) // (len(names) - 1)))
            gc.collect()
            before, most = memory_bytes(), 0

            def look(_entries: int) -> None:
                nonlocal most
                most = max(most, memory_bytes())

            _, proved = await shop.services.proof.verify(look)
    what = f"memory grown by the proof of {thousands(proved)} entries"
    return [Figure(what, max(most - before, 0) / 1e6, _GOAL_MEGABYTES, "allowed", 1.0, "MB", at_most=True)]


async def _account_of(shop: Shop, serial: str) -> str:
    return (await shop.services.cards.get(shop.by, serial)).account.id


async def _grow(shop: Shop, account_id: str, entries: int) -> None:
    """Append entries as bookings do, with their lots and hashes, many to a commit and without answers to keep."""
    for first in range(0, entries, _AT_ONCE):
        count = min(_AT_ONCE, entries - first)
        await shop.runtime.database.write(_append, account_id, count, shop.runtime.clock())


def _append(tx: Tx, account_id: str, count: int, now: datetime) -> None:
    states = accounts.by_id(tx, [account_id], lock=True)
    book = open_books(tx, states.values(), now)[account_id]
    for _ in range(count):
        state = book.state
        post(book, Transaction(new_id("txn", now), state.merchant_id, state.id, None, "credit", "bench", now), _CREDIT)
    store_books(tx, [book])


async def _seconds(shop: Shop, serial: str, key: str) -> float:
    start = time.perf_counter()
    await shop.services.ledger.book(shop.by, Booking(serial, "debit", 1), key)
    return time.perf_counter() - start
