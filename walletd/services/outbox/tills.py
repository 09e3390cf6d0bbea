"""Tills: told of merges by a connector, once the merge is committed, again until it works (D2.3.5, C-11)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

from walletd.db.customers import merges
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.db.merchants.merchants import MerchantRow
from walletd.db.outbox import jobs
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.changes import TillFolderSet
from walletd.domain.merchants.principals import Principal
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.jobs import Job, new_job
from walletd.domain.outbox.tills import MergeEvent, MergeNotice, TillState
from walletd.domain.validation import invalid
from walletd.services.changes.recorder import record
from walletd.services.runtime import Runtime

KIND: Final = "till"
"""The kind of the jobs that notify tills."""


class Tills:
    """Use cases about the till systems beside walletd."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def set_folder(self, by: Principal, folder: str) -> str | None:
        """Store where the till takes its files from; empty for none. Raises ValidationFailed."""
        now, stored = self._runtime.clock(), _checked(folder) if folder.strip() else None

        def write(tx: Tx) -> None:
            merchants.store_till_folder(tx, by.merchant_id, stored)
            record(tx, by, now, TillFolderSet(by.merchant_id))

        await self._runtime.database.write(write)
        return stored

    async def notify(self, job: Job) -> Attempt:
        """Do a job of the kind `till`, and note on the merge that its till knows."""
        database, notice = self._runtime.database, _notice(job.content or {})
        merchant = await database.read(merchants.get, job.merchant_id)
        if merchant.till_folder is None:
            return Attempt(Verdict.REFUSED, "the shop has no till any more: walletd merchant set --till-folder")
        attempt = await self._runtime.connect_till(merchant.till_folder).merge_customers(notice)
        if attempt.verdict is Verdict.DONE:
            await database.write(merges.set_till, notice.merge_id, TillState.DONE)
        return attempt


def _checked(folder: str) -> str:
    path = Path(folder.strip()).absolute()
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        raise invalid("/till_folder", "must be a folder that is there and may be written to")
    return str(path)


def queue_merge_notice(tx: Tx, merchant: MerchantRow, notice: MergeNotice, now: datetime) -> None:
    """Queue a notice in the transaction of the merge, where the shop has a till."""
    if merchant.till_folder is None:
        return
    merges.set_till(tx, notice.merge_id, TillState.PENDING)
    content = {name: str(value) for name, value in asdict(notice).items()}
    subject = f"{notice.event} {notice.merge_id}"
    jobs.insert(tx, [new_job(new_id("job", now), merchant.id, KIND, subject, content, now)])


def _notice(content: Mapping[str, str]) -> MergeNotice:
    numbers = ("survivor_number", "absorbed_number", "card_number_of")
    values = {**content, **{name: int(content[name]) for name in numbers}, "event": MergeEvent(content["event"])}
    return MergeNotice(**values)  # type: ignore[arg-type]
