"""Batches: who waits for whom, and that nobody waits in vain."""

from __future__ import annotations

import asyncio

import pytest

from tests.builders import Shop
from walletd.services.ledger.bookings.batches import Stored


@pytest.mark.parametrize(
    ("size", "seconds", "waits"), [(1, 0.2, 0.0), (7, 0.2, 0.0), (8, 0.004, 0.002), (64, 0.02, 0.01), (64, 2.0, 0.01)]
)
def test_only_after_a_large_batch_the_next_one_waits_and_never_long(size: int, seconds: float, waits: float) -> None:
    """Half of what the last one took, ten milliseconds at most; a till that is alone waits for nobody."""
    last = Stored(size, size, began_at=100.0, ended_at=100.0 + seconds)
    assert last.waits_until - last.ended_at == pytest.approx(waits)


async def test_a_caller_who_comes_alone_after_a_crowd_is_answered_although_nobody_else_returns(shop: Shop) -> None:
    """The crowd is expected back, and the one who comes is not left waiting for it."""
    serials = [(await shop.card())["serial_number"] for _ in range(4)]
    await asyncio.gather(*(shop.post(serials[place % 4], "credit", amount=1) for place in range(40)))
    async with asyncio.timeout(10):
        await shop.post(serials[0], "credit", amount=1)
    assert [await shop.balance(serial) for serial in serials] == [11, 10, 10, 10]


async def test_callers_who_give_up_while_a_batch_waits_for_company_leave_the_others_answered(shop: Shop) -> None:
    """What was begun is stored all the same, as its key says; the books hold both."""
    serial = (await shop.card())["serial_number"]
    await asyncio.gather(*(shop.post(serial, "credit", amount=1) for _ in range(20)))
    leaving = asyncio.create_task(shop.post(serial, "credit", key="left", amount=5))
    staying = asyncio.create_task(shop.post(serial, "credit", amount=7))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    await shop.post(serial, "credit", key="left", amount=5)
    assert await shop.balance(serial) == 20 + 7 + 5
