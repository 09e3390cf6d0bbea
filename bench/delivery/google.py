"""Google Wallet under its limit: how much of the allowed pace is used, and how soon a booking passes a campaign."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from sqlalchemy import text

from bench.figures import Figure, thousands
from bench.rates import Scale
from bench.shop import Shop, database_url, folder, open_shop, run_loop, settings_for
from tests.wallets.google.serving import ISSUER, Served, a_fake_google
from walletd.bootstrap import read_key_file, utc_now
from walletd.db.engine.base import Tx
from walletd.domain.ledger.movements import Booking

_ALLOWED: Final = 20
"""Requests in a second that Google allows; the fake answers 429 beyond."""
_CALLED_SOON_SECONDS: Final = 5.0


def run(scale: Scale) -> list[Figure]:
    """Bring a campaign of many cards to Google for a while, and book in the middle of it."""
    return run_loop(_campaign(scale.pick(10_000, 2_000, 40), scale.pick(20, 10, 2)))


async def _campaign(cards: int, seconds: int) -> list[Figure]:
    async with a_fake_google() as served:
        with folder() as place:
            addresses = {
                "google_api_url": served.url,
                "google_save_url": f"{served.url}/gp/v/save",
                "google_callback_keys_url": f"{served.url}/gp/m/issuer/keys",
            }
            settings = settings_for(place, database_url("sqlite", place), **addresses)
            async with open_shop(settings) as shop:
                return await _measure(shop, served, cards, seconds)


async def _measure(shop: Shop, served: Served, cards: int, seconds: int) -> list[Figure]:
    serials = await shop.fill(cards)
    credentials = read_key_file(ISSUER, served.key_file)
    await shop.services.merchants.set_credentials(
        shop.by.merchant_id, "google", ISSUER, credentials.to_bytes(), utc_now()
    )
    await shop.publish_all()
    await shop.runtime.database.write(_all_due)
    served.google.faults.per_second = _ALLOWED
    await shop.services.object_delivery.send_due()
    served.google.faults.requests.clear()
    sending = asyncio.create_task(_send(shop, time.perf_counter() + seconds))
    await asyncio.sleep(seconds / 2)
    seen = await _seconds_until_seen(shop, served, serials[-1])
    await sending
    requests = list(served.google.faults.requests)
    refused = sum(request.status == 429 for request in requests)
    spent = max(requests[-1].at - requests[0].at, 0.001)
    waiting = (cards - len(requests)) / max(len(requests) / spent, 1.0)
    what = f"Google, a campaign of {thousands(cards)} cards"
    return [
        Figure(f"{what}, calls", (len(requests) - 1) / spent, float(_ALLOWED), "allowed", 0.70),
        Figure(f"{what}, refused", float(refused), float(len(requests)), "made", 0.0, "calls", at_most=True),
        Figure(f"{what}, a booking is seen after", seen, max(waiting, 0.1), "until its end", 0.1, "s", at_most=True),
    ]


async def _send(shop: Shop, until: float) -> None:
    while time.perf_counter() < until and await shop.services.object_delivery.send_due():
        pass


async def _seconds_until_seen(shop: Shop, served: Served, serial: str) -> float:
    """Book on a card of the campaign and wait until Google shows it."""
    shown, started = asyncio.Event(), time.perf_counter()
    served.google.store.on_change.append(lambda stored: shown.set() if stored.body["id"].endswith(serial) else None)
    await shop.services.ledger.book(shop.by, Booking(serial, "credit", 5), "bench-google")
    await shop.publish_all()
    try:
        async with asyncio.timeout(_CALLED_SOON_SECONDS):
            await shown.wait()
    except TimeoutError:
        return _CALLED_SOON_SECONDS
    return time.perf_counter() - started


def _all_due(tx: Tx) -> None:
    """Make every card an object that is due, as one of many."""
    tx.execute(
        text(
            "INSERT INTO wallet_objects (platform, serial_number, merchant_id, told_hash, due_at, leased_until,"
            " attempts, last_reason, created_at, urgency, notify, notified, saved)"
            " SELECT platform, serial_number, merchant_id, '', 1, 0, 0, '', 1, 2, 0, '[]', 0 FROM published_passes"
            " WHERE platform = 'google'"
        )
    )
