"""The worker's loops over services that fail, hang or have nothing to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.builders import open_shop
from walletd.db.engine.database import Database
from walletd.domain.errors import StorageUnavailable
from walletd.services import Services
from walletd.worker import Worker


@dataclass
class Bell:
    """A wakeup that a test rings."""

    rung: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, timeout_seconds: float) -> None:
        """Wait for the bell or the timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self.rung.wait()
        self.rung.clear()

    def close(self) -> None:
        """Nothing to give back."""


async def _nothing(*_arguments: object) -> Any:
    return 0


async def _never() -> None:
    return None


@asynccontextmanager
async def a_worker(
    publish: Callable[..., Awaitable[int]] = _nothing, deliver: Callable[[], Awaitable[int]] = _nothing
) -> AsyncIterator[dict[str, Bell]]:
    """A running worker over services that do what the test says; gives the bells by topic."""
    services = SimpleNamespace(
        publisher=SimpleNamespace(publish_next=publish, release=_never),
        deliveries=SimpleNamespace(deliver_due=deliver, seconds_until_due=_never),
        object_delivery=SimpleNamespace(send_due=_nothing, seconds_until_due=_never),
        webhook_delivery=SimpleNamespace(start_due=_nothing, seconds_until_due=_never, finish=_never),
        jobs=SimpleNamespace(start_due=_nothing, seconds_until_due=_never, finish=_never),
        merchants=SimpleNamespace(load_credentials=_never),
    )
    bells: dict[str, Bell] = {}

    def subscribe(topic: str) -> Bell:
        return bells.setdefault(topic, Bell())

    stop = asyncio.Event()
    running = asyncio.create_task(Worker(cast("Services", services), subscribe, 30.0).run(stop))
    await asyncio.sleep(0.05)
    try:
        yield bells
    finally:
        stop.set()
        await running


@pytest.mark.parametrize("error", [StorageUnavailable(), RuntimeError("a fault")], ids=["storage", "fault"])
async def test_a_round_that_fails_is_tried_again_and_never_spins(error: Exception) -> None:
    """While the storage is away the loop asks a few times a second at the most, and goes on when it is back."""
    asked: list[float] = []

    async def publish(_limit: int) -> int:
        asked.append(time.monotonic())
        if len(asked) < 4:
            raise error
        return 0

    async with a_worker(publish):
        await asyncio.sleep(0.45)
        assert len(asked) <= 4
        async with asyncio.timeout(5):
            while len(asked) < 4:  # noqa: ASYNC110 - the loop under test sets no event
                await asyncio.sleep(0.02)


async def test_a_worker_without_work_sleeps() -> None:
    """Nothing to do means a handful of looks, although something stays due that somebody else holds."""
    rounds = []

    async def deliver() -> int:
        rounds.append(1)
        return 0

    async with a_worker(deliver=deliver):
        await asyncio.sleep(0.5)
    assert len(rounds) <= 8


async def test_a_bell_is_answered_at_once() -> None:
    """What a commit announces is worked on within milliseconds, not at the next poll."""
    rounds: list[float] = []

    async def publish(_limit: int) -> int:
        rounds.append(time.monotonic())
        return 0

    async with a_worker(publish) as bells:
        before, rung = len(rounds), time.monotonic()
        bells["publish"].rung.set()
        await asyncio.sleep(0.2)
        assert rounds[before] - rung < 0.1


async def test_a_platform_that_hangs_for_one_merchant_holds_up_nobody_else() -> None:
    """A round that waits for a slow answer goes on beside the next rounds (P16)."""
    released = asyncio.Event()
    rounds = []

    async def deliver() -> int:
        rounds.append(1)
        if len(rounds) == 1:
            await released.wait()
            return 1
        return 0

    async with a_worker(deliver=deliver) as bells:
        bells["deliver"].rung.set()
        await asyncio.sleep(1.3)
        seen = len(rounds)
        released.set()
    assert seen == 2


async def test_stopping_finishes_the_round_at_hand() -> None:
    """What has begun is done and settled before the worker ends."""
    finished = []

    async def deliver() -> int:
        await asyncio.sleep(0.3)
        finished.append(1)
        return 0

    async with a_worker(deliver=deliver):
        pass
    assert finished == [1]


async def test_a_booking_is_pushed_within_moments(database: Database) -> None:
    """From the commit to the push the worker needs milliseconds on either engine; the bound is for a busy machine."""
    async with open_shop(database) as shop:
        card = await shop.card()
        serial = card["serial_number"]
        stop = asyncio.Event()
        running = asyncio.create_task(Worker(shop.services, database.subscribe, 30.0).run(stop))
        await shop.services.passes.of_card(shop.principal, serial)
        await shop.register(serial)
        taken = []
        for amount in range(1, 4):
            pushed = len(shop.pushes.pushed)
            await shop.book(serial, "credit", amount)
            committed = time.monotonic()
            while len(shop.pushes.pushed) == pushed:
                await asyncio.sleep(0.001)
                assert time.monotonic() - committed < 5
            taken.append(time.monotonic() - committed)
        stop.set()
        await running
        assert min(taken) < 0.5


async def test_after_a_crowd_the_publisher_gathers_for_a_moment_and_else_goes_on_at_once() -> None:
    """Many cards that change at once are published together; one card waits for nobody."""
    began: list[float] = []
    found, is_over = [1, 1, 16, 1], asyncio.Event()

    async def publish(_limit: int) -> int:
        began.append(time.monotonic())
        if not found:
            is_over.set()
        return found.pop(0) if found else 0

    async with a_worker(publish=publish):
        await is_over.wait()
    pauses = [after - before for before, after in pairwise(began)]
    assert pauses[2] >= 0.05
    assert min(pauses[:2]) < 0.05
