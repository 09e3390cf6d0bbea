"""Apple's fetch over HTTP: fresh passes beside the bare RSA signature, and 304 beside a raw ASGI application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import servers
from bench.delivery.sample import make_sample
from bench.delivery.signing import bare_rsa
from bench.figures import Figure
from bench.ledger import http_load
from bench.ledger.http_load import get
from bench.rates import Scale, alternate, stay_on_core, wall_rate
from bench.shop import database_url, environment_for, folder, open_shop, run_loop, settings_for

_CONNECTIONS = 16


def run_fresh(scale: Scale) -> list[Figure]:
    """Fetch more passes in turn than walletd keeps in memory, so that each is packaged and signed anew."""
    stay_on_core(1)
    bare = bare_rsa(make_sample())
    with folder() as place:
        url = database_url("sqlite", place)
        paths = run_loop(_published_cards(place, url, scale.pick(1000, 600, 3)))
        requests = [get(path, Authorization=authorization) for path, authorization in paths]
        with servers.walletd(environment_for(place, url), place / "log") as server:

            def fetch() -> float:
                load = http_load.run(server.port, requests, connections=_CONNECTIONS, count=scale.pick(4000, 1500, 6))
                assert set(load.statuses) == {200}, load.statuses
                return load.rate

            turns = alternate(fetch, lambda: wall_rate(bare, scale.seconds), scale.rounds)
    return [Figure("fresh pass over HTTP", turns.subject, turns.limit, "bare RSA-2048", 0.60)]


def run_unchanged(scale: Scale) -> list[Figure]:
    """Ask for passes that did not change, and in turns the raw application for nothing at all."""
    stay_on_core(1)
    with folder() as place:
        url = database_url("sqlite", place)
        paths = run_loop(_published_cards(place, url, scale.pick(100, 100, 2)))
        with servers.walletd(environment_for(place, url), place / "log") as server, servers.raw(place / "raw") as raw:
            requests = _conditional(server.port, paths)
            count = scale.pick(60_000, 20_000, 20)

            def ask(port: int) -> float:
                load = http_load.run(port, requests, connections=2 * _CONNECTIONS, count=count)
                assert set(load.statuses) == {304}, load.statuses
                return load.rate

            turns = alternate(lambda: ask(server.port), lambda: ask(raw.port), scale.rounds)
    return [Figure("304 over HTTP", turns.subject, turns.limit, "raw ASGI application", 0.70)]


def _conditional(port: int, paths: Sequence[tuple[str, str]]) -> list[bytes]:
    """Fetch each pass once and return the requests that ask whether it changed since."""
    requests = []
    for path, authorization in paths:
        last_modified = http_load.last_modified(port, get(path, Authorization=authorization))
        requests.append(get(path, Authorization=authorization, If_Modified_Since=last_modified))
    # The second answer of each comes from the database and teaches the memory that the later ones are answered from.
    http_load.run(port, requests, connections=1, count=len(requests))
    return requests


async def _published_cards(place: Path, url: str, count: int) -> list[tuple[str, str]]:
    """Make published cards and return the path and the Authorization header of each one's pass."""
    async with open_shop(settings_for(place, url)) as shop:
        serials = await shop.fill(count)
        await shop.publish_all()
        return [(f"/apple/v1/passes/{shop.topic}/{serial}", shop.authorization(serial)) for serial in serials]
