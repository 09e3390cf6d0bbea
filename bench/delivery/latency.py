"""How long people wait: from a booking's commit to the push, and from a new card's request to its pass."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Final

from bench import servers
from bench.delivery.apns import ApnsProcess, fake_apns
from bench.figures import Figure
from bench.ledger import http_load
from bench.ledger.http_load import Connection, get, post
from bench.rates import Scale, percentile, stay_on_core
from bench.shop import Shop, database_url, environment_for, folder, open_shop, run_loop, settings_for
from walletd.bootstrap import utc_now
from walletd.domain.ledger.movements import Booking
from walletd.wallets.apple.demo_credentials import make_demo_credentials
from walletd.worker import Worker

_WARM_UP: Final = 5
_POLL_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.02
_NO_LONGER_THAN_MS: Final = 100.0


def run_push(scale: Scale) -> list[Figure]:
    """Book on one card after the other, each on a phone of its own, with the real worker and an APNs elsewhere."""
    return run_loop(_until_push(scale.pick(400, 100, 3)))


def run_new_card(scale: Scale) -> list[Figure]:
    """Ask walletd over HTTP for a new card and then for its pass, one after the other."""
    stay_on_core(1)
    with folder() as place:
        url = database_url("sqlite", place)
        secret, program = run_loop(_prepared(place, url))
        with servers.walletd(environment_for(place, url), place / "log") as server:
            taken = [_new_card(server.port, secret, program) for _ in range(scale.pick(400, 100, 3))][1:]
    return _percentiles("new card, from the request to the bytes of its pass", taken, (0.5, 0.99), _NO_LONGER_THAN_MS)


async def _until_push(count: int) -> list[Figure]:
    credentials = make_demo_credentials(utc_now())
    with folder() as place, fake_apns(place, credentials) as apns:
        settings = settings_for(place, database_url("sqlite", place), apns_url=apns.url, apns_ca_file=str(apns.ca_file))
        async with open_shop(settings, credentials) as shop:
            serials = [str((await shop.card())["serial_number"]) for _ in range(count + _WARM_UP)]
            # Published before a phone hears of them, so that the only pushes are those of the bookings.
            await shop.publish_all()
            for number, serial in enumerate(serials):
                await _register(shop, number, serial)
            stop = asyncio.Event()
            worker = Worker(shop.services, shop.runtime.database.subscribe, _POLL_SECONDS)
            working = asyncio.create_task(worker.run(stop))
            async with asyncio.timeout(_PATIENCE_SECONDS + count):
                taken = [await _booked(shop, apns, number, serial) for number, serial in enumerate(serials)]
            stop.set()
            await working
    what = "commit to push at APNs"
    taken = taken[_WARM_UP:]
    return [*_percentiles(what, taken, (0.5,), 15.0), *_percentiles(what, taken, (0.99,), 50.0)]


async def _register(shop: Shop, number: int, serial: str) -> None:
    await shop.services.devices.register(
        shop.topic, serial, f"phone-{number}", shop.authorization(serial), _token(number)
    )


async def _booked(shop: Shop, apns: ApnsProcess, number: int, serial: str) -> float:
    """Book once and return the seconds from the answer, when it is committed, to the push at APNs."""
    await shop.services.ledger.book(shop.by, Booking(serial, "credit", 1), f"push-{number}")
    committed = time.monotonic_ns()
    arrived = await apns.arrival_of(_token(number))
    # Until the worker has settled what it told and waits again: one event in an idle system.
    await asyncio.sleep(_PAUSE_SECONDS)
    return (arrived - committed) / 1e9


def _token(number: int) -> str:
    return f"{number:064x}"


async def _prepared(place: Path, url: str) -> tuple[str, str]:
    async with open_shop(settings_for(place, url)) as shop:
        return shop.secret, shop.program_id


def _new_card(port: int, secret: str, program: str) -> float:
    asked = {"program_id": program, "customer": {"first_name": "Mia", "last_name": "Muster"}}
    connection, bearer = Connection(port), f"Bearer {secret}"
    start = time.perf_counter()
    status, body = http_load.answer(connection, post("/api/v1/cards", json.dumps(asked).encode(), Authorization=bearer))
    assert status == 201, body
    serial = json.loads(body)["serial_number"]
    status, body = http_load.answer(connection, get(f"/api/v1/cards/{serial}/pass.pkpass", Authorization=bearer))
    taken = time.perf_counter() - start
    assert (status, body[:2]) == (200, b"PK"), (status, body[:200])
    connection.socket.close()
    return taken


def _percentiles(what: str, seconds: list[float], shares: tuple[float, ...], allowed_ms: float) -> list[Figure]:
    return [
        Figure(
            f"{what}, p{share * 100:.0f}", percentile(seconds, share) * 1e3, allowed_ms, "allowed", 1.0, "ms",
            at_most=True,
        )
        for share in shares
    ]  # fmt: skip
