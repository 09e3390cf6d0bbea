"""Promises of the ledger at the counts that make luck unlikely (P3, P4 and P18)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders import Shop
from walletd.domain.errors import CardIsRevoked, HoldClosed, HoldExpired, IdempotencyKeySpent, InsufficientBalance
from walletd.domain.ledger.movements import Booking

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_RESERVED_FOR = timedelta(minutes=15)


async def booked(shop: Shop) -> int:
    """Return how many transactions the books hold."""
    query = text("SELECT count(*) FROM transactions")
    return int(await shop.runtime.database.read(lambda tx: tx.execute(query).scalar_one()))


async def states(shop: Shop) -> Counter[str]:
    """Return how many redemptions are in each state."""
    query = text("SELECT state, count(*) AS total FROM redemptions GROUP BY state")
    rows = await shop.runtime.database.read(lambda tx: tx.execute(query).all())
    return Counter({row.state: row.total for row in rows})


async def cards(shop: Shop, count: int, amount: int) -> list[str]:
    """Issue gift cards with an amount on each."""
    issued = [(await shop.card("gift"))["serial_number"] for _ in range(count)]
    await asyncio.gather(*(shop.book(serial, "credit", amount) for serial in issued))
    return issued


def outcomes(results: list[Any]) -> Counter[str]:
    """Return how many calls ended in each way: booked, or the name of the error."""
    return Counter("booked" if isinstance(result, dict) else type(result).__name__ for result in results)


async def test_a_hundred_copies_of_five_hundred_requests_book_five_hundred_times(shop: Shop) -> None:
    """P3: of 50 000 requests under 500 keys, in any order, 500 are booked; after 400 days still none more."""
    issued = await cards(shop, 10, 1_000)
    before, chance = await booked(shop), random.Random(3)
    requests = [(Booking(issued[key % 10], "debit", 1), f"copy-{key}") for key in range(500)]
    copies = requests * 100
    chance.shuffle(copies)
    bodies: dict[str, set[bytes]] = {key: set() for _, key in requests}
    fresh = 0
    for start in range(0, len(copies), 500):
        part = copies[start : start + 500]
        answers = await asyncio.gather(*(shop.services.ledger.book(shop.principal, *request) for request in part))
        for (_, key), answer in zip(part, answers, strict=True):
            bodies[key].add(answer.body)
            fresh += not answer.replayed
    assert fresh == 500
    assert all(len(seen) == 1 for seen in bodies.values())
    assert await booked(shop) == before + 500
    shop.clock.advance(days=400)
    await shop.services.upkeep.purge()
    late = await asyncio.gather(
        *(shop.services.ledger.book(shop.principal, *request) for request in requests), return_exceptions=True
    )
    assert {type(result) for result in late} == {IdempotencyKeySpent}
    assert await booked(shop) == before + 500


@pytest.mark.parametrize("by", ["debit", "reservation"])
async def test_two_hundred_times_sixty_four_redeem_one_of_ten_and_ten_win(shop: Shop, by: str) -> None:
    """P4: 64 at once redeem 1.00 of 10.00; in each of 200 rounds exactly ten succeed, and nothing is overdrawn."""
    issued = await cards(shop, 200, 1_000)
    for serial in issued:
        calls = (shop.book(serial, "debit", 100) if by == "debit" else shop.reserve(serial, 100) for _ in range(64))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert outcomes(results) == {"booked": 10, "InsufficientBalance": 54}
        assert (await shop.balances(serial)).redeemable == 0


async def test_of_a_capture_and_the_end_of_its_reservation_one_wins_a_thousand_times(shop: Shop) -> None:
    """P4: at the instant when 1 000 reservations end, each is captured or discarded, never both, never neither."""
    chance, expected = random.Random(4), Counter[str]()
    issued = await cards(shop, 50, 20_000)
    held = dict.fromkeys(issued, 20_000)
    for _ in range(20):
        reserved = {serial: (await shop.reserve(serial, 100))["code"] for serial in issued}
        shop.clock.advance(milliseconds=_RESERVED_FOR / timedelta(milliseconds=1) - 1)
        captures = [after(chance.random() / 20, shop.capture(code, 60)) for code in reserved.values()]
        results = await asyncio.gather(after(1 / 40, pass_the_end(shop)), *captures, return_exceptions=True)
        for serial, result in zip(issued, results[1:], strict=True):
            assert isinstance(result, dict | HoldExpired | HoldClosed), result
            expected["captured" if isinstance(result, dict) else "discarded"] += 1
            held[serial] -= 60 if isinstance(result, dict) else 0
    assert await states(shop) == expected
    assert sum(expected.values()) == 1_000
    assert min(expected["captured"], expected["discarded"]) > 50
    assert {serial: (await shop.balances(serial)).redeemable for serial in issued} == held


async def after(seconds: float, call: Coroutine[Any, Any, Any]) -> Any:
    """Call a little later."""
    await asyncio.sleep(seconds)
    return await call


async def pass_the_end(shop: Shop) -> None:
    """Let the clock pass the end of the reservations, and book what ended."""
    shop.clock.advance(milliseconds=1)
    await shop.services.upkeep.advance_due()


async def test_after_the_answer_of_a_revocation_nothing_is_redeemed_in_two_thousand_races(shop: Shop) -> None:
    """P18: tills and a revocation race on 500 cards; what a till asks after the revocation's answer is refused."""
    issued = await cards(shop, 500, 100)
    tried = Counter[str]()
    for start in range(0, len(issued), 25):
        part = issued[start : start + 25]
        results = await asyncio.gather(*(race(shop, serial) for serial in part))
        for late in results:
            tried.update(late)
    assert tried == {"CardIsRevoked": 2_000}
    for serial in issued:
        assert (await shop.balances(serial)).total >= 0


async def race(shop: Shop, serial: str) -> Counter[str]:
    """Redeem while the card is revoked, then four times more; return how these four ended."""
    early = [asyncio.ensure_future(shop.book(serial, "debit", 1)) for _ in range(2)]
    await shop.services.cards.revoke(shop.principal, serial, "lost")
    late = await asyncio.gather(*(shop.book(serial, "debit", 1) for _ in range(4)), return_exceptions=True)
    for result in await asyncio.gather(*early, return_exceptions=True):
        assert isinstance(result, dict | CardIsRevoked | InsufficientBalance), result
    return outcomes(late)
