"""Bookings over HTTP, and in turns a raw ASGI application, which says how much this machine can be asked for.

The goal is a rate on one machine, and a rate does not travel. So it is scaled by what the raw
application answers here and answered there, in the same client's hands.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Final

from bench import servers
from bench.figures import Figure
from bench.ledger import http_load
from bench.ledger.http_load import get, post
from bench.rates import Scale, alternate, stay_on_core
from bench.shop import ENGINES, database_url, environment_for, folder, open_shop, run_loop, settings_for

_CARDS: Final = 2000
_CONNECTIONS: Final = 32
_GOAL: Final = 1500.0
_RAW_AT_GOAL: Final = 52_400.0
"""Answers per second of the raw application on the machine of the goal: the limit of `unchanged` there."""


def run(scale: Scale) -> list[Figure]:
    """Book over HTTP on both engines: walletd in one process with all its roles, the client on the other core."""
    cores = os.sched_getaffinity(0)
    try:
        return [_on(engine, scale) for engine in ENGINES]
    finally:
        os.sched_setaffinity(0, cores)


def _on(engine: str, scale: Scale) -> Figure:
    with folder() as place:
        url = database_url(engine, place)
        secret, serials = run_loop(_filled(place, url))
        keys = itertools.count()
        with servers.walletd(environment_for(place, url), place / "log") as server, servers.raw(place / "raw") as raw:
            stay_on_core(1)

            def book() -> float:
                count = scale.pick(10_000, 3000, 40)
                requests = [_request(secret, serials[number % len(serials)], next(keys)) for number in range(count)]
                load = http_load.run(server.port, requests, connections=_CONNECTIONS, count=count)
                assert set(load.statuses) == {201}, load.statuses
                return load.rate

            def ask() -> float:
                count = scale.pick(30_000, 10_000, 20)
                return http_load.run(raw.port, [get("/")], connections=_CONNECTIONS, count=count).rate

            turns = alternate(book, lambda: _GOAL * ask() / _RAW_AT_GOAL, 1 + scale.rounds // 2)
    name = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[engine]
    what = f"POST /transactions over HTTP, {_CONNECTIONS} connections, {name}"
    asked_for = f"asked for: {_GOAL:.0f}/s where the raw application gives {_RAW_AT_GOAL:.0f}/s"
    return Figure(what, turns.subject, turns.limit, asked_for, 1.0)


async def _filled(place: Path, url: str) -> tuple[str, list[str]]:
    async with open_shop(settings_for(place, url)) as shop:
        return shop.secret, await shop.fill(_CARDS)


def _request(secret: str, serial: str, number: int) -> bytes:
    body = json.dumps({"card": serial, "type": "credit", "amount": 1, "reference": "till 1"}).encode()
    return post("/api/v1/transactions", body, Authorization=f"Bearer {secret}", Idempotency_Key=f"http-{number}")
