"""Importing: rows per second beside the bare driver's batch insert of the same rows, memory, and what a till waits."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import BinaryIO, Final

from bench.exchange.bare_rows import rate_of_postgres, rate_of_sqlite
from bench.figures import Figure, thousands
from bench.rates import Scale, memory_bytes, percentile
from bench.shop import ENGINES, Shop, database_url, folder, open_shop, run_loop, settings_for
from walletd.domain.ledger.movements import Booking
from walletd.services.exchange.imports.imports import ImportOptions

_GOAL_SHARE: Final = 0.25
_GOAL_MEGABYTES: Final = 300.0
_GOAL_MILLISECONDS: Final = 100.0
_NAMES: Final = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def run(scale: Scale) -> list[Figure]:
    """Import many customers with balances, with a till that books beside it, and write the same rows bare."""
    sizes = {"sqlite": scale.pick(1_000_000, 20_000, 60), "postgres": scale.pick(100_000, 20_000, 60)}
    figures: list[Figure] = []
    for engine in ENGINES:
        with folder() as place:
            figures += run_loop(_import(place, engine, sizes[engine]))
    return figures


async def _import(place: Path, engine: str, rows: int) -> list[Figure]:
    url = database_url(engine, place)
    async with open_shop(settings_for(place, url)) as shop:
        till = await shop.card()
        alone = await _alone(shop, till["serial_number"])
        before, most = memory_bytes(), 0
        with tempfile.TemporaryFile(dir=place) as file:
            _write(file, rows)
            started = time.perf_counter()
            form = await shop.services.imports.examine(file)
            report = await shop.services.imports.upload(shop.by, file, form, ImportOptions(shop.program_id))
        most = memory_bytes()
        assert report.head.state == "VALIDATED", report.noted[:3]
        import_id = report.head.id
        await shop.services.imports.commit(shop.by, import_id)
        waiting = asyncio.create_task(_book_beside(shop, till["serial_number"], "beside"))
        head, booking_began = report.head, time.perf_counter()
        while head.state != "COMMITTED":
            head = await shop.services.imports.book_next(shop.by.merchant_id, import_id)
            most = max(most, memory_bytes())
        ended = time.perf_counter()
        waiting.cancel()
        waits = (await asyncio.gather(waiting, return_exceptions=True))[0]
        assert (head.done, head.left_out) == (rows, 0)
    waited = waits if isinstance(waits, list) else []
    if engine == "sqlite":
        beside, bare = "bare sqlite3", rate_of_sqlite(Path(url.removeprefix("sqlite:///")), place / "bare", rows)
    else:
        beside, bare = "bare psycopg", rate_of_postgres(url, rows)
    what = f"import of {thousands(rows)} rows with balances, {_NAMES[engine]}"
    return [
        Figure(f"{what}: booked", rows / (ended - booking_began), bare, beside, _GOAL_SHARE),
        Figure("checked and booked", rows / (ended - started), bare, beside, _GOAL_SHARE),
        Figure("memory grown by", max(most - before, 0) / 1e6, _GOAL_MEGABYTES, "allowed", 1.0, "MB", at_most=True),
        Figure(
            "a till beside it waits, p99",
            percentile(waited or [0.0], 0.99) * 1e3,
            _GOAL_MILLISECONDS,
            f"allowed, {alone * 1e3:.0f} ms alone",
            1.0,
            "ms",
            at_most=True,
        ),
    ]


async def _alone(shop: Shop, serial: str) -> float:
    """Return what a till waits, p99, while nothing is imported."""
    waiting = asyncio.create_task(_book_beside(shop, serial, "alone"))
    await asyncio.sleep(2.0)
    waiting.cancel()
    return percentile(await waiting or [0.0], 0.99)


async def _book_beside(shop: Shop, serial: str, name: str) -> list[float]:
    """Book on one card without pause until cancelled; return how long each booking took."""
    waits: list[float] = []
    number = 0
    try:
        while True:
            number += 1
            began = time.perf_counter()
            await shop.services.ledger.book(shop.by, Booking(serial, "credit", 1), f"{name}-{number}")
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        return waits


def _write(file: BinaryIO, rows: int) -> None:
    file.write(b"Kundennummer;Vorname;Nachname;E-Mail;PLZ;Ort;Saldo\r\n")
    lines = (f"{n + 1000};Mia;Muster {n};mia{n}@example.org;01067;Dresden;{n % 500 + 1}\r\n" for n in range(rows))
    file.writelines(line.encode() for line in lines)
    file.seek(0)
