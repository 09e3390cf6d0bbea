"""`make soak`: walletd under load, killed at random moments, before an APNs that loses, doubles, delays and breaks.

On each engine tills book and reserve without pause and repeat every request that got no answer under its key, phones
follow their cards, and `kill -9` comes when it comes. In the end the books are read back and compared with what the
tills were answered, and the phones with the books: lost 0, doubled 0, negative 0, wrong sums 0, devices behind 0. The
exit code is 1 for anything else.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.figures import thousands
from bench.rates import memory_bytes
from bench.shop import ENGINES, database_url, folder
from tests.processes.outside import Outside, an_outside, open_program
from tests.processes.servers import Served, free_port
from walletd.demo.apns.fake_apns import Answer, Breakage, NetworkConditions

_PHONES: Final = 40
_OTHER_CARDS: Final = 200
_TILLS: Final = 32
_RESERVE: Final = 0.3
"""How many of a till's requests reserve first."""
_VISITS_PER_PHONE: Final = 50
"""So many bookings of each card on a phone that its push throttle, which counts over hours, does not set in."""
_BETWEEN_KILLS_SECONDS: Final = (0.1, 2.5)
_BETWEEN_TROUBLES_SECONDS: Final = (1.0, 8.0)
_CONDITIONS: Final = (0.10, 0.10, (0.0, 2.0))
_CATCH_UP_SECONDS: Final = 120.0
# No 429, 500 or 503: after these walletd waits for minutes, as Apple asks, longer than phones are given to catch up.
_TROUBLES: Final = (
    Answer(delay_seconds=1.5),
    Answer(breakage=Breakage.RESET),
    Answer(breakage=Breakage.GOAWAY),
    Answer(breakage=Breakage.DROP),
)


@dataclass(slots=True)
class Outcome:
    """What a run on one engine came to."""

    engine: str
    bookings: int
    kills: int
    repeats: int
    lost: int
    doubled: int
    negative: int
    """Entries after which an account was below zero."""
    wrong: int
    """Accounts whose entries sum up to something else than what was answered."""
    behind: int
    is_proved: bool
    megabytes: float

    @property
    def is_good(self) -> bool:
        """Whether the books are as they were answered, every phone is right, and the ledger proves itself."""
        return self.is_proved and not self.lost + self.doubled + self.negative + self.wrong + self.behind

    def line(self) -> str:
        """Return the outcome in one line."""
        proof = "proved" if self.is_proved else "NOT PROVED"
        return (
            f"{self.engine}: {thousands(self.bookings)} bookings, {self.kills} kills, {thousands(self.repeats)}"
            f" requests repeated, {self.megabytes:.0f} MB at the end, ledger {proof}:"
            f" lost {self.lost}, doubled {self.doubled}, negative {self.negative}, wrong sums {self.wrong},"
            f" devices behind {self.behind}"
        )


class Soak:
    """One run on one engine."""

    def __init__(self, outside: Outside, served: Served, seconds: float) -> None:
        self._outside = outside
        self._served = served
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds
        self._on_phones: list[str] = []
        self._accounts: dict[str, str] = {}

    async def run(self, engine: str) -> Outcome:
        """Start, trouble, stop, and count."""
        await self._begin()
        lose, double, delay = _CONDITIONS
        self._outside.apns.conditions = NetworkConditions(lose, double, delay)
        self._ends_at = time.monotonic() + self._seconds
        others = [serial for serial in self._accounts if serial not in self._on_phones]
        async with asyncio.TaskGroup() as work:
            for _ in range(_TILLS):
                work.create_task(self._book(others))
            work.create_task(self._visit())
            work.create_task(self._trouble())
            work.create_task(self._kill())
        behind = await self._phones_behind()
        compared = await self._compare()
        megabytes = memory_bytes(self._served.process.pid) / 1e6
        await self._served.stop()
        till = self._outside.till
        return Outcome(
            engine=engine,
            bookings=sum(len(answered) for answered in till.answered.values()),
            kills=self._served.kills,
            repeats=till.repeats,
            **compared,
            behind=behind,
            is_proved=await self._is_proved(),
            megabytes=megabytes,
        )

    @property
    def _is_over(self) -> bool:
        return time.monotonic() > self._ends_at

    async def _begin(self) -> None:
        self._served.start()
        await self._served.ready()
        await open_program(self._outside)
        for number in range(_PHONES + _OTHER_CARDS):
            card: dict[str, Any] = await self._outside.till.card(self._outside.program_id, f"Person {number}")
            serial = card["serial_number"]
            self._accounts[serial] = card["account_id"]
            if number < _PHONES:
                self._on_phones.append(serial)
                await self._outside.phone_with(f"Phone {number}", card)

    async def _book(self, serials: Sequence[str]) -> None:
        while not self._is_over:
            serial = random.choice(serials)
            if random.random() < _RESERVE:
                await self._outside.till.redeem(serial, random.randint(1, 8))
            else:
                await self._outside.till.book(serial, random.choice((5, 3, 8, -2, -4)))

    async def _visit(self) -> None:
        pause = self._seconds / (_PHONES * _VISITS_PER_PHONE)
        while not self._is_over:
            await self._outside.till.book(random.choice(self._on_phones), random.choice((5, 3, -2)))
            await asyncio.sleep(random.uniform(0, 2 * pause))

    async def _trouble(self) -> None:
        while not self._is_over:
            await asyncio.sleep(random.uniform(*_BETWEEN_TROUBLES_SECONDS))
            self._outside.apns.faults.play(random.choice(_TROUBLES), random.randint(1, 3))

    async def _kill(self) -> None:
        while not self._is_over:
            await asyncio.sleep(random.uniform(*_BETWEEN_KILLS_SECONDS))
            await self._served.kill()
            self._served.start()
            await self._served.ready()

    async def _phones_behind(self) -> int:
        """Clear the sky, book once more on each card, and count the phones that do not come to show the truth.

        A push that was lost is made good by the next one, or by the reminder, for which a soak is too short.
        """
        self._outside.apns.faults.clear()
        self._outside.apns.conditions = NetworkConditions()
        for serial in self._on_phones:
            await self._outside.till.book(serial, 1)
        ends_at = time.monotonic() + _CATCH_UP_SECONDS
        while (behind := self._count_behind()) and time.monotonic() < ends_at:  # noqa: ASYNC110 - phones set no event
            await asyncio.sleep(0.1)
        return behind

    def _count_behind(self) -> int:
        expected = self._outside.till.expected
        return sum(1 for serial, shown in self._outside.shown().items() if shown != expected[serial])

    async def _compare(self) -> dict[str, int]:
        """Return how many answered bookings are missing from the books, how many stand there without an answer, ….

        What time discards of reservations that nobody came back to changes nothing and is answered to nobody.
        """
        found = {"lost": 0, "doubled": 0, "negative": 0, "wrong": 0}
        till = self._outside.till
        for serial, account in self._accounts.items():
            answered, entries = till.answered[serial], await till.entries(account)
            active = [entry for entry in entries if entry["status"] == "active"]
            booked = [
                entry["transaction_id"]
                for entry in entries
                if entry["status"] == "active" or entry["transaction_id"] in answered
            ]
            found["lost"] += len(answered - set(booked))
            found["doubled"] += len(booked) - len(answered & set(booked))
            found["negative"] += sum(entry["balance_after"] < 0 for entry in entries)
            found["wrong"] += sum(entry["amount"] for entry in active) != till.expected[serial]
        return found

    async def _is_proved(self) -> bool:
        proof = Served(self._served.environ, self._served.folder, ("ledger", "verify"), "proof")
        proof.start()
        return await proof.ended(300) == 0


async def soak(engine: str, seconds: float) -> Outcome:
    """Run on one engine, in a folder that is removed again."""
    with folder() as place:
        return await _soak_in(place, engine, seconds)


async def _soak_in(place: Path, engine: str, seconds: float) -> Outcome:
    async with an_outside(place, database_url(engine, place), free_port()) as outside:
        served = Served(outside.environ, place)
        try:
            return await Soak(outside, served, seconds).run(engine)
        finally:
            served.clear_away()


def main(arguments: list[str] | None = None) -> int:
    """Run on the engines that were asked for and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description="Run walletd under load, with kills and faults."
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="how long, for all engines together")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="on this engine; may be repeated")
    given = parser.parse_args(arguments)
    engines = given.engine or list(ENGINES)
    outcomes = []
    for engine in engines:
        outcome = asyncio.run(soak(engine, given.minutes * 60 / len(engines)))
        print(outcome.line(), flush=True)
        outcomes.append(outcome)
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
