"""Imports: a file is validated whole before anything is booked, and booked in small batches that go on after a crash.

UPLOADED → VALIDATED → COMMITTING → COMMITTED, or FAILED (D2.3.11).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo

from walletd.db.cards import programs
from walletd.db.engine.base import Tx
from walletd.db.engine.bulk import count_small_tables
from walletd.db.exchange import imports
from walletd.db.merchants import merchants
from walletd.db.outbox import jobs
from walletd.domain.cards.programs import Program
from walletd.domain.errors import NotFound
from walletd.domain.exchange.changes import ImportCommitted
from walletd.domain.exchange.import_columns import columns_of
from walletd.domain.exchange.import_files import (
    FileForm,
    ImportFileInvalid,
    ImportRefused,
    Record,
    examine,
    read_records,
)
from walletd.domain.exchange.import_rows import FindingLevel, ImportRow, Reader
from walletd.domain.exchange.imports import CardAction, CheckedRow, CustomerAction, ImportHead, ImportState
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.principals import Principal
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.jobs import Job, new_job
from walletd.domain.pages import Page, PageRequest
from walletd.services.changes.recorder import record
from walletd.services.exchange.imports.bookings import RowBooker
from walletd.services.exchange.imports.plans import Plan, Planner
from walletd.services.exchange.imports.validation import READ_AT_ONCE, Read, Validator, counted, read_batches
from walletd.services.runtime import Runtime

KIND: Final = "import"
_BOOKED_AT_ONCE_MAX: Final = 100
_BATCH_SECONDS: Final = 0.04
"""How long a batch may keep the books; a till waits for one at the most, and 100 ms are all that it may wait."""
_COUNTED_AT: Final = (100, 1000, 10_000)
"""After how many rows the database counts what it took for small, so that it still looks rows up by their keys."""
_SHOWN: Final = 100
_NAMED: Final = 10
_SECONDS_PER_JOB: Final = 30.0

Progress = Callable[[int], None]
"""Is told how many rows were read or booked."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be taken."""

    program_id: str | None = None
    lenient: bool = False
    rows_max: int | None = None
    """The most rows that are taken; None: no limit."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """An import with the first rows of which there is something to say, and the first that were left out."""

    head: ImportHead
    noted: tuple[CheckedRow, ...]
    left_out: tuple[CheckedRow, ...]


class Imports:
    """Use cases about imports."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._at_once = 10
        """Rows in a batch; follows how long the last ones took here."""

    async def examine(self, file: BinaryIO) -> FileForm:
        """Read a file from its beginning and say how it is written; afterwards it is at its beginning again.

        Raises ImportFileInvalid.
        """
        file.seek(0)
        form = await asyncio.to_thread(examine, file)
        file.seek(0)
        return form

    async def upload(
        self,
        by: Principal,
        file: BinaryIO,
        form: FileForm,
        options: ImportOptions,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Read and validate an examined file: the dry run. Nothing is booked. Raises ImportFileInvalid, NotFound."""
        now = self._runtime.clock()
        program, zone = await self._program(by.merchant_id, options.program_id)
        records = read_records(file, form)
        first = await asyncio.to_thread(next, records, Record(1, []))
        columns = columns_of(first.cells, with_program=program is not None)
        head = ImportHead(
            id=new_id("imp", now),
            merchant_id=by.merchant_id,
            program_id=options.program_id,
            actor=by.id,
            actor_kind=by.kind,
            state=ImportState.UPLOADED,
            lenient=options.lenient,
            file_sha256=form.sha256,
            rules_digest=_rules_digest(program),
            created_at=now,
            reason=None,
            **_ZEROES,
        )
        await self._runtime.database.write(imports.insert, head)
        reader = Reader(columns, program, options.lenient, now, zone)
        validator = Validator(head.id, Planner(by.merchant_id, program, options.lenient))
        try:
            head = await self._validate(head, read_batches(records, reader, options.rows_max), validator, progress)
        except ImportFileInvalid as error:
            failed = replace(head, state=ImportState.FAILED, reason=error.detail, ended_at=self._runtime.clock())
            await self._runtime.database.write(imports.store, failed)
            raise
        return await self.get(by, head.id)

    async def get(self, by: Principal, import_id: str) -> ImportReport:
        """Return an import as it stands; raises NotFound."""

        def read(tx: Tx) -> ImportReport:
            head = _found(imports.find(tx, by.merchant_id, import_id), import_id)
            noted = imports.noted_rows(tx, import_id, _SHOWN)
            return ImportReport(head, tuple(noted), tuple(imports.left_out_rows(tx, import_id, _SHOWN)))

        return await self._runtime.database.read(read)

    async def rows(self, by: Principal, import_id: str, request: PageRequest) -> Page[CheckedRow]:
        """Return a page of what the rows of an import do; raises NotFound, CursorInvalid, ValidationFailed."""

        def read(tx: Tx) -> Page[CheckedRow]:
            _found(imports.find(tx, by.merchant_id, import_id), import_id)
            return imports.page_of_rows(tx, import_id, request)

        return await self._runtime.database.read(read)

    async def running_with(self, by: Principal, form: FileForm, program_id: str | None) -> ImportHead | None:
        """Return the import of this very file that was interrupted, None where there is none."""
        return await self._runtime.database.read(imports.running_with, by.merchant_id, program_id, form.sha256)

    async def commit(self, by: Principal, import_id: str) -> ImportReport:
        """Begin to book an import; the worker goes on with it. Committing it again says how far it is.

        Raises NotFound, and ImportRefused where it has errors or something changed since the dry run.
        """
        head = (await self.get(by, import_id)).head
        if head.state in {ImportState.COMMITTING, ImportState.COMMITTED}:
            return await self.get(by, import_id)
        if head.state != ImportState.VALIDATED:
            raise ImportRefused(head.reason or "Only a file that was validated without errors can be committed.")
        lines = await self._drifted(head)
        now = self._runtime.clock()

        def write(tx: Tx) -> None:
            present = _found(imports.find(tx, by.merchant_id, import_id, lock=True), import_id)
            if present.state != ImportState.VALIDATED:
                # Somebody else committed it meanwhile; what has drifted since then is its own doing.
                return
            if lines:
                reason = f"Something changed since the dry run, first in line {lines[0]}; upload the file again."
                imports.store(tx, replace(present, state=ImportState.FAILED, reason=reason, ended_at=now))
                return
            highest = imports.highest_number(tx, import_id)
            if highest is not None:
                merchants.raise_customer_number(tx, by.merchant_id, highest)
            imports.store(tx, replace(present, state=ImportState.COMMITTING))
            record(tx, by, now, ImportCommitted(import_id, present.rows, present.booked))
            self._want_work(tx, present, now)

        await self._runtime.database.write(write)
        report = await self.get(by, import_id)
        if report.head.state == ImportState.FAILED:
            raise ImportRefused(report.head.reason, lines=lines)
        return report

    async def book_next(self, merchant_id: str, import_id: str) -> ImportHead:
        """Book the next batch of a committed import in one transaction; return how far it is. Raises NotFound."""
        now = self._runtime.clock()

        def write(tx: Tx) -> tuple[ImportHead, ImportHead]:
            head = _found(imports.find(tx, merchant_id, import_id, lock=True), import_id)
            if head.state != ImportState.COMMITTING:
                return head, head
            began, at_once = time.perf_counter(), self._at_once
            rows = imports.rows_after(tx, import_id, head.position, at_once)
            left_out = 0
            if rows:
                program, zone = _program(tx, merchant_id, head.program_id)
                left_out = RowBooker(self._runtime, head, program, zone, now).book(tx, rows)
            is_last = len(rows) < at_once
            after = replace(
                head,
                done=head.done + len(rows),
                left_out=head.left_out + left_out,
                position=rows[-1].line if rows else head.position,
                state=ImportState.COMMITTED if is_last else ImportState.COMMITTING,
                ended_at=now if is_last else None,
            )
            imports.store(tx, after)
            self._pace(at_once, time.perf_counter() - began)
            return head, after

        before, after = await self._runtime.database.write(write)
        await self._let_count(before.done, after.done)
        return after

    async def _let_count(self, before: int, after: int) -> None:
        if any(before < rows <= after for rows in _COUNTED_AT):
            await self._runtime.database.write(count_small_tables)

    def _pace(self, at_once: int, seconds: float) -> None:
        """Choose how many rows the next batch has, so that it takes about as long as one may."""
        fitting = int(at_once * _BATCH_SECONDS / max(seconds, 0.001))
        self._at_once = max(1, min(fitting, 2 * at_once, _BOOKED_AT_ONCE_MAX))

    async def work(self, job: Job) -> Attempt:
        """Book what is left of an import, for as long as a job may take; then another job goes on."""
        import_id, ends = job.subject.partition(":")[0], time.monotonic() + _SECONDS_PER_JOB
        while True:
            head = await self.book_next(job.merchant_id, import_id)
            if head.state != ImportState.COMMITTING:
                return Attempt(Verdict.DONE, f"{head.done} rows")
            if time.monotonic() > ends:
                await self._runtime.database.write(partial(self._want_work, head=head, now=self._runtime.clock()))
                return Attempt(Verdict.DONE, f"{head.done} of {head.rows} rows")

    async def _validate(
        self, head: ImportHead, batches: Iterator[list[Read]], validator: Validator, progress: Progress | None
    ) -> ImportHead:
        database, now = self._runtime.database, self._runtime.clock()
        while batch := await asyncio.to_thread(next, batches, None):
            rows = await database.long_read(partial(validator.rows, batch=batch, now=now))
            await database.write(partial(imports.insert_import_rows, head=head, made=rows))
            before, head = head.rows, counted(head, rows)
            await self._let_count(before, head.rows)
            if progress is not None:
                progress(len(rows))
        if not head.rows:
            raise ImportFileInvalid("The file holds no rows below the names of its columns.", line=2)
        reason = f"{head.errors} rows have errors; nothing was booked."
        failed = replace(head, state=ImportState.FAILED, reason=reason, ended_at=self._runtime.clock())
        after = failed if head.errors else replace(head, state=ImportState.VALIDATED)
        await database.write(imports.store, after)
        return after

    async def _drifted(self, head: ImportHead) -> list[int]:
        """Return the first lines whose customer, card or account is not as it was in the dry run."""
        program, _ = await self._program(head.merchant_id, head.program_id)
        if _rules_digest(program) != head.rules_digest:
            return [1]
        planner, position, lines = Planner(head.merchant_id, program, head.lenient), 0, list[int]()

        def read(tx: Tx) -> list[tuple[CheckedRow, Plan]]:
            rows = imports.rows_after(tx, head.id, position, READ_AT_ONCE)
            plans = planner.plan(tx, [ImportRow.from_json(row.content) for row in rows], self._runtime.clock())
            return list(zip(rows, plans, strict=True))

        while found := await self._runtime.database.long_read(read):
            position = found[-1][0].line
            lines += [
                row.line for row, plan in found if (*plan.actions, plan.seen) != _actions(row) or _is_refused(plan)
            ]
            if len(lines) >= _NAMED:
                break
        return lines[:_NAMED]

    async def _program(self, merchant_id: str, program_id: str | None) -> tuple[Program | None, ZoneInfo]:
        return await self._runtime.database.read(_program, merchant_id, program_id)

    def _want_work(self, tx: Tx, head: ImportHead, now: datetime) -> None:
        subject = f"{head.id}:{head.position}"
        jobs.insert(tx, [new_job(new_id("job", now), head.merchant_id, KIND, subject, {}, now)])


_ZEROES: Final[Mapping[str, Any]] = dict.fromkeys(
    (
        *("rows", "errors", "warnings", "created", "updated", "cards", "bookings", "booked"),
        *("done", "left_out", "position"),
    ),
    0,
)


def _actions(row: CheckedRow) -> tuple[CustomerAction, CardAction, str | None, str]:
    return row.action, row.card, row.customer_id, row.seen


def _is_refused(plan: Plan) -> bool:
    return any(finding.level == FindingLevel.ERROR for finding in plan.findings)


def _program(tx: Tx, merchant_id: str, program_id: str | None) -> tuple[Program | None, ZoneInfo]:
    if program_id is None:
        return None, ZoneInfo(merchants.get(tx, merchant_id).timezone)
    found = programs.with_zones(tx, [program_id]).get(program_id)
    if found is None or found[0].merchant_id != merchant_id:
        raise NotFound(f"There is no program {program_id}.")
    return found[0], ZoneInfo(found[1])


def _rules_digest(program: Program | None) -> str:
    content = "" if program is None else json.dumps([program.kind, program.rules], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _found(head: ImportHead | None, import_id: str) -> ImportHead:
    if head is None:
        raise NotFound(f"There is no import {import_id}.")
    return head
