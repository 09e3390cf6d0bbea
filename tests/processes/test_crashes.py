"""`kill -9` between request and push: nothing lost, nothing doubled, every phone right in the end (P1, P5)."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.processes.conftest import Start
from tests.processes.outside import Outside, open_program
from walletd.demo.iphone.iphone import Code

_KILLS = 12
_PHONES = 24
_TILLS = 8
_MANY_TILLS, _CARDS, _MANY_KILLS, _ACKNOWLEDGED = 32, 200, 20, 2_000
_LEASE_SECONDS = 50.0
"""Longer than what a killed process held in PostgreSQL stays leased; an embedded database frees it at the start."""


def an_amount() -> int:
    """Draw a booking, from so many that no balance comes back to what a phone held while it is fetching."""
    return random.choice((1, 1, 1, -1)) * random.randint(1, 1_000_000)


@pytest.mark.slow
async def test_killed_processes_lose_and_double_nothing_and_every_phone_shows_the_newest_balance(
    outside: Outside, start: Start
) -> None:
    """Whatever was answered is booked exactly once, and arrives on its phone, however often walletd is killed."""
    served = start(outside.environ)
    await served.ready()
    await open_program(outside)
    till = outside.till
    cards = [await till.card(outside.program_id, f"Person {number}") for number in range(_PHONES)]
    for card in cards:
        await outside.phone_with(card["customer"]["name"], card)
    is_over = asyncio.Event()

    async def keep_booking() -> None:
        while not is_over.is_set():
            await till.book(random.choice(cards)["serial_number"], an_amount())
            await asyncio.sleep(random.uniform(0, 0.1))

    tills = [asyncio.create_task(keep_booking()) for _ in range(_TILLS)]
    for _ in range(_KILLS):
        await asyncio.sleep(random.uniform(0.08, 0.4))
        await served.kill()
        served.start()
        await served.ready()
    is_over.set()
    await asyncio.gather(*tills)

    await outside.converged(_LEASE_SECONDS)
    for card in cards:
        serial = card["serial_number"]
        history = await till.entries(card["account_id"])
        assert {entry["transaction_id"] for entry in history} == till.answered[serial]
        assert len(history) == len(till.answered[serial])
        assert sum(entry["amount"] for entry in history) == till.expected[serial]
        assert min((entry["balance_after"] for entry in history), default=0) >= 0
    assert till.repeats >= _KILLS, "the kills hit no request"
    assert await served.stop() == 0
    proof = start(outside.environ, "ledger", "verify", name="proof")
    assert await proof.ended() == 0
    # A killed server answers nothing, and one killed between sending a pass and noting it sends the phone once more.
    of_kills = {Code.UNEXPECTED_STATUS, Code.UNCHANGED}
    complaints = [each for phone in outside.phones for each in phone.complaints]
    assert [each.log_line for each in complaints if each.code not in of_kills] == []


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_thirty_two_tills_on_two_hundred_cards_lose_nothing_over_twenty_kills(
    outside: Outside, start: Start
) -> None:
    """P1: bookings and reservations, repeated under their keys; lost 0, doubled 0, negative 0, all sums equal."""
    served = start(outside.environ)
    await served.ready()
    await open_program(outside)
    till = outside.till
    accounts = {}
    for number in range(_CARDS):
        card = await till.card(outside.program_id, f"Person {number}")
        accounts[card["serial_number"]] = card["account_id"]
    serials = list(accounts)
    is_over = asyncio.Event()

    async def keep_working() -> None:
        while not is_over.is_set():
            serial = random.choice(serials)
            if random.random() < 0.7:
                await till.book(serial, random.choice((50, 20, 10, -5, -30)))
            else:
                await till.redeem(serial, random.randint(1, 20))

    tills = [asyncio.create_task(keep_working()) for _ in range(_MANY_TILLS)]
    while served.kills < _MANY_KILLS or sum(map(len, till.answered.values())) < _ACKNOWLEDGED:
        await asyncio.sleep(random.uniform(0.1, 2.5))
        assert not any(task.done() for task in tills), [task.exception() for task in tills if task.done()]
        await served.kill()
        served.start()
        await served.ready()
    is_over.set()
    await asyncio.gather(*tills)

    for serial, account_id in accounts.items():
        history = await till.entries(account_id)
        assert {entry["transaction_id"] for entry in history} == till.answered[serial]
        assert len(history) == len(till.answered[serial])
        active = [entry for entry in history if entry["status"] == "active"]
        assert sum(entry["amount"] for entry in active) == till.expected[serial]
        assert min((entry["balance_after"] for entry in history), default=0) >= 0
        account = (await till.ask("GET", f"/api/v1/accounts/{account_id}")).json()
        # `total` is what is neither spent nor reserved.
        assert (account["total"], account["reserved"]) == (
            till.expected[serial] - till.held.get(serial, 0),
            till.held.get(serial, 0),
        )
    assert till.repeats >= _MANY_KILLS, "the kills hit no request"
    assert await served.stop() == 0
    proof = start(outside.environ, "ledger", "verify", name="proof")
    assert await proof.ended() == 0
