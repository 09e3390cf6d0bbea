"""Upkeep: what the scheduler does at its times, in small steps that no till has to wait for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from walletd.db.cards import rotating_codes
from walletd.db.delivery import device_log, publishing, targets, wallet_classes, wallet_objects
from walletd.db.engine.base import Tx
from walletd.db.exchange import imports
from walletd.db.ledger import lots
from walletd.db.merchants import idempotency
from walletd.db.operations import scheduler_runs
from walletd.db.outbox import jobs, webhook_messages
from walletd.domain.cards.rotating_codes import PERIOD_SECONDS
from walletd.domain.ledger.changes import ExpiryNear
from walletd.domain.merchants.principals import walletd
from walletd.services.changes.recorder import record_all
from walletd.services.delivery.objects.objects import WalletObjects
from walletd.services.delivery.targets import Deliveries
from walletd.services.ledger.ledger import Ledger
from walletd.services.merchants.merchants import Merchants
from walletd.services.runtime import Runtime

_ANSWERS_KEPT: Final = timedelta(days=30)
_DEVICE_LOG_KEPT: Final = timedelta(days=14)
_DEVICE_LOG_LINES: Final = 50_000
_RUNS_KEPT: Final = timedelta(days=90)
_RUNS_PER_JOB: Final = 10_000
"""So many runs are kept of a job: about two days of the most frequent one."""
_CODES_KEPT: Final = timedelta(days=1)
_ENDED_KEPT: Final = timedelta(days=30)
_IMPORTS_KEPT: Final = timedelta(days=30)
_AT_ONCE: Final = 500

_QUEUES: Final = (targets.QUEUE, wallet_objects.QUEUE, wallet_classes.QUEUE, webhook_messages.QUEUE, jobs.QUEUE)
"""Everything that a process may have held when it died."""


class Upkeep:
    """Use cases without a caller."""

    def __init__(
        self,
        runtime: Runtime,
        ledger: Ledger,
        deliveries: Deliveries,
        merchants: Merchants,
        wallet_objects: WalletObjects,
    ) -> None:
        self._runtime = runtime
        self._ledger = ledger
        self._deliveries = deliveries
        self._merchants = merchants
        self._objects = wallet_objects

    async def start(self) -> None:
        """Bring a new process into step with the database: credentials, leases of a dead process, changed templates."""
        await self._merchants.load_credentials()
        if self._runtime.database.exclusive:
            for queue in _QUEUES:
                await self._runtime.database.write(queue.release_all)
        await self.republish_changed_templates()
        await self._objects.raise_classes_due()

    async def republish_changed_templates(self) -> int:
        """Mark the cards dirty whose pass was made from a template that changed since; return how many."""
        marked = 0
        for platform in self._runtime.all_platforms:
            parts_in_use = await self._runtime.database.read(
                publishing.parts_in_use,
                platform.name,
            )
            for parts in parts_in_use:
                if not platform.is_current(parts):
                    marked += await self._mark_parts(platform.name, parts)
        return marked

    async def remind_stale(self) -> str:
        """Notify phones once more that were notified but did not fetch."""
        return f"{await self._deliveries.remind_stale()} reminded"

    async def reconcile_wallets(self) -> str:
        """Ask wallets' servers which cards anybody has."""
        return f"{await self._objects.reconcile()} cards changed"

    async def advance_due(self) -> str:
        """Book expiries, ends of locks and of reservations, so that passes show them."""
        return f"{await self._ledger.advance_due()} accounts advanced"

    async def notice_expiring(self) -> str:
        """Bring to the phones, once per lot, that something expires within 30 days."""
        now, noticed = self._runtime.clock(), 0

        def write(tx: Tx) -> int:
            found = lots.notice(tx, now, _AT_ONCE)
            record_all(
                tx,
                now,
                [(walletd(merchant_id), ExpiryNear(account_id)) for account_id, merchant_id in sorted(set(found))],
            )
            return len(found)

        while True:
            done = await self._runtime.database.write(write)
            noticed += done
            if done < _AT_ONCE:
                return f"{noticed} lots expire soon"

    async def purge(self) -> str:
        """Forget old answers of idempotency keys, lines of phones, runs and raw imports; the keys themselves stay."""
        now = self._runtime.clock()
        answers = await self._forget(idempotency.forget_bodies, now - _ANSWERS_KEPT)
        lines = await self._runtime.database.write(device_log.purge, now - _DEVICE_LOG_KEPT, _DEVICE_LOG_LINES)
        await self._runtime.database.write(scheduler_runs.purge, now - _RUNS_KEPT, _RUNS_PER_JOB)
        messages = await self._forget(webhook_messages.QUEUE.purge, now - _ENDED_KEPT)
        done_jobs = await self._forget(jobs.QUEUE.purge, now - _ENDED_KEPT)
        await self._forget(imports.purge, now - _IMPORTS_KEPT)
        await self._objects.purge()
        before = int((now - _CODES_KEPT).timestamp()) // PERIOD_SECONDS
        await self._runtime.database.write(rotating_codes.purge, before, 100_000)
        return f"{answers} answers, {lines} device messages, {messages} webhook messages and {done_jobs} jobs forgotten"

    async def claim_slot(self, job: str, slot: datetime) -> bool:
        """Take a slot of a scheduled job; False where another scheduler has it."""
        now = self._runtime.clock()
        return await self._runtime.database.write(scheduler_runs.claim, job, slot, now)

    async def finish_slot(self, job: str, slot: datetime, outcome: str) -> None:
        """Store how a scheduled run ended."""
        now = self._runtime.clock()
        await self._runtime.database.write(scheduler_runs.finish, job, slot, now, outcome)

    async def last_slot(self, job: str) -> datetime | None:
        """Return the newest slot of a job that was taken."""
        return await self._runtime.database.read(scheduler_runs.last_slot, job)

    async def timezone(self) -> str:
        """Return the time zone that nightly work follows: the first merchant's."""
        rows = await self._merchants.list()
        return rows[0].timezone if rows else "UTC"

    async def _forget(self, purge: Callable[[Tx, datetime, int], int], before: datetime) -> int:
        """Forget what ended before an instant, some at a time; return how much."""
        forgotten = 0
        while done := await self._runtime.database.write(purge, before, _AT_ONCE):
            forgotten += done
        return forgotten

    async def _mark_parts(self, platform: str, parts: str) -> int:
        now, marked = self._runtime.clock(), 0
        last = ""
        while True:

            def write(tx: Tx, after: str = last) -> list[str]:
                return publishing.mark_parts_dirty(tx, platform, parts, now, after, _AT_ONCE)

            done = await self._runtime.database.write(write)
            marked += len(done)
            if len(done) < _AT_ONCE:
                return marked
            last = done[-1]
