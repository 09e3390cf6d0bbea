"""Batches: whatever arrived while the last batch was stored is the next one, committed once and answered one by one.

One batch at a time in a process, also where the engine has several writers: batches side by side are smaller, which
costs more than waiting for the disk does, and wait for each other's locks. After a large batch the next one waits a
moment for those who were just answered, as they will call again: else a large and a small batch take turns, and two
cost nearly twice what one does. A batch that fails as a whole is done again command by command, so that only the
culprit fails.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.engine.bulk import together
from walletd.db.merchants import idempotency
from walletd.db.merchants.idempotency import IdempotencyRow, Place
from walletd.domain.errors import Conflict, Overloaded, StorageUnavailable, WalletdError
from walletd.domain.ledger.bookings.decisions import decide
from walletd.services.changes.recorder import Recorded
from walletd.services.idempotency import Answer, answered, declined, repeat
from walletd.services.ledger.bookings.commands import Command
from walletd.services.ledger.bookings.contexts import load
from walletd.services.ledger.bookings.outcomes import store
from walletd.services.runtime import Runtime

Outcome = Answer | WalletdError

_AT_ONCE: Final = 256
_WAITING_MAX: Final = 10_000
_CROWD: Final = 8
"""From so many commands in a batch on, the next one waits for company."""
_COMPANY_SECONDS: Final = 0.010
"""How long at most; and never longer than half of what the last batch took."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of the last batch, by the clock of the loop."""

    size: int
    expected: int
    """How many were in it or waited when it ended: so many will wait if all call again."""
    began_at: float
    ended_at: float

    @property
    def waits_until(self) -> float:
        """Return until when the next batch waits for company."""
        if self.size < _CROWD:
            return self.ended_at
        return self.ended_at + min((self.ended_at - self.began_at) / 2, _COMPANY_SECONDS)


class Batches:
    """The way of all commands into the books."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: deque[tuple[Command, asyncio.Future[Outcome]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._last = Stored(0, 0, 0.0, 0.0)
        self._is_complete = asyncio.Event()

    async def submit(self, command: Command) -> Outcome:
        """Return what the command came to once it is stored; refusals that are answers come back as errors.

        Raises what leaves no trace: requests that are not well formed, and errors of the storage.
        """
        if len(self._waiting) >= _WAITING_MAX:
            raise Overloaded
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((command, future))
        if len(self._waiting) >= self._last.expected:
            self._is_complete.set()
        if self._running is None or self._running.done():
            self._running = loop.create_task(self._run())
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._wait_for_company(loop)
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
            began_at = loop.time()
            try:
                outcomes = await self._store([command for command, _ in batch])
            except StorageUnavailable as error:
                outcomes = [error] * len(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to one command; the others must not suffer
                outcomes = [error] if len(batch) == 1 else [await self._alone(command) for command, _ in batch]
            self._last = Stored(len(batch), len(batch) + len(self._waiting), began_at, loop.time())
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                _answer(future, outcome)

    async def _wait_for_company(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let those who were answered by the last batch come back, if they do so soon."""
        self._is_complete.clear()
        if len(self._waiting) < self._last.expected and loop.time() < self._last.waits_until:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._last.waits_until):
                    await self._is_complete.wait()

    async def _alone(self, command: Command) -> Outcome | Exception:
        try:
            return (await self._store([command]))[0]
        except Exception as error:  # noqa: BLE001 - the caller gets whatever its own command raised
            return error

    async def _store(self, commands: Sequence[Command]) -> Sequence[Outcome | Exception]:
        return await self._runtime.database.write(run_batch, self._runtime, commands)


def run_batch(tx: Tx, runtime: Runtime, commands: Sequence[Command]) -> Sequence[Outcome | Exception]:
    """Load, decide and store commands in one transaction; return what each came to."""
    now = runtime.clock()
    rows = [None if command.protected is None else command.protected.row(now) for command in commands]
    taken = idempotency.taken_keys(tx, [row for row in rows if row is not None])
    context = load(
        tx,
        [command for command, row in zip(commands, rows, strict=True) if row is None or row.place not in taken],
        now,
        runtime.vault,
    )
    fresh: dict[Place, IdempotencyRow] = {}
    recorded = list[Recorded]()
    outcomes = list[Outcome | Exception]()
    for command, row in zip(commands, rows, strict=True):
        earlier = None if row is None else taken.get(row.place) or fresh.get(row.place)
        try:
            if row is not None and earlier is not None and command.protected is not None:
                outcomes.append(repeat(command.protected, earlier, row))
                continue
            decision = decide(context, command.by, command.work)
        except Conflict as error:
            if row is not None and earlier is None and command.protected is not None:
                fresh[row.place] = declined(command.protected, row, error)
            outcomes.append(error)
        except WalletdError as error:
            outcomes.append(error)
        else:
            answer = Answer.created(decision.document)
            if row is not None and command.protected is not None:
                fresh[row.place] = answered(command.protected, row, decision.subject, answer.body)
            if decision.change is not None:
                recorded.append((command.by, decision.change))
            outcomes.append(answer)
    with together(tx):
        store(tx, context, recorded)
        idempotency.insert_keys(tx, list(fresh.values()))
    return outcomes


def _answer(future: asyncio.Future[Outcome], outcome: Outcome | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, Answer | Conflict):
        future.set_result(outcome)
    elif isinstance(outcome, Exception):
        future.set_exception(outcome)
