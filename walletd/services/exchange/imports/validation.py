"""Validating: records become rows with a plan and all that is to be said about them, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.exchange import imports
from walletd.domain.customers.matching import email_key
from walletd.domain.exchange.import_files import ImportFileInvalid, Record
from walletd.domain.exchange.import_rows import Finding, FindingLevel, ImportRow, Reader
from walletd.domain.exchange.imports import CardAction, CheckedRow, CustomerAction, ImportHead
from walletd.services.exchange.imports.plans import Plan, Planner

READ_AT_ONCE: Final = 200
_LEVELS: Final = {FindingLevel.INFO: 1, FindingLevel.WARNING: 2, FindingLevel.ERROR: 3}

Read = tuple[int, ImportRow, tuple[Finding, ...]]
"""A record that was read: its line, what it asks for, and what is to be said about it."""


@dataclass(frozen=True, slots=True)
class Validator:
    """Plans what was read, and finds what is there twice."""

    import_id: str
    planner: Planner

    def rows(self, tx: Tx, batch: Sequence[Read], now: datetime) -> list[CheckedRow]:
        """Return rows as they are stored; needs the rows before them stored."""
        plans = self.planner.plan(tx, [given for _, given, _ in batch], now)
        made = [_row(line, given, plan, said) for (line, given, said), plan in zip(batch, plans, strict=True)]
        return _without_doubles(tx, self.import_id, made)


def read_batches(records: Iterator[Record], reader: Reader, rows_max: int | None) -> Iterator[list[Read]]:
    """Yield what records ask for, some at a time."""
    count = 0
    while batch := list(islice(records, READ_AT_ONCE)):
        count += len(batch)
        if rows_max is not None and count > rows_max:
            raise ImportFileInvalid(
                f"Line {batch[-1].line}: more than {rows_max} rows at once; use walletd import.", line=batch[-1].line
            )
        yield [(record.line, *reader.read(record.cells)) for record in batch]


def _row(line: int, given: ImportRow, plan: Plan, said: Sequence[Finding]) -> CheckedRow:
    email = email_key(given.email)
    named = email if given.number is None else str(given.number)
    findings = [*said, *plan.findings]
    return CheckedRow(
        line=line,
        place=named if plan.customer is None else plan.customer.id,
        email=email,
        number=given.number,
        card_key=given.card_key,
        action=plan.action,
        card=plan.card,
        customer_id=None if plan.customer is None else plan.customer.id,
        seen=plan.seen,
        amount=plan.amount,
        content=given.to_json(),
        findings=[_said(finding) for finding in findings],
        level=max((_LEVELS[finding.level] for finding in findings), default=0),
    )


def _said(finding: Finding) -> dict[str, str]:
    return {"level": finding.level, "column": finding.column, "detail": finding.detail}


def _without_doubles(tx: Tx, import_id: str, rows: Sequence[CheckedRow]) -> list[CheckedRow]:
    """Return the rows with an error on each that names what an earlier row named: nobody can say which counts."""
    checked = list(rows)
    for what, column in _DOUBLES:
        asked = [getattr(row, what.removesuffix("_alone")) if _counts(what, row) else None for row in rows]
        earlier = imports.lines_with(tx, import_id, what, {value for value in asked if value is not None})
        for index, row in enumerate(checked):
            value = asked[index]
            first = None if value is None else earlier.get(value)
            if first is not None and row.level < _LEVELS[FindingLevel.ERROR]:
                said = _said(Finding(FindingLevel.ERROR, column, f"is the same as in line {first}"))
                checked[index] = replace(row, findings=[*row.findings, said], level=_LEVELS[FindingLevel.ERROR])
            kept = getattr(row, what.removesuffix("_alone"))
            if kept is not None and (what != "email_alone" or row.number is None):
                earlier.setdefault(kept, row.line)
    return checked


_DOUBLES: Final = (("place", "number"), ("email", "email"), ("email_alone", "email"), ("card_key", "card_key"))


def _counts(what: str, row: CheckedRow) -> bool:
    """Say whether a row minds what others hold.

    A row that is found by its e-mail address minds all others' addresses, a row with a number only those of rows that
    are found by theirs.
    """
    return what not in {"email", "email_alone"} or (row.number is None) == (what == "email")


def counted(head: ImportHead, rows: Sequence[CheckedRow]) -> ImportHead:
    """Return the import with further rows counted in."""
    amounts = [row.amount for row in rows if row.amount is not None]
    return replace(
        head,
        rows=head.rows + len(rows),
        errors=head.errors + sum(row.level == _LEVELS[FindingLevel.ERROR] for row in rows),
        warnings=head.warnings + sum(row.level == _LEVELS[FindingLevel.WARNING] for row in rows),
        created=head.created + sum(row.action == CustomerAction.CREATE for row in rows),
        updated=head.updated + sum(row.action == CustomerAction.UPDATE for row in rows),
        cards=head.cards + sum(row.card == CardAction.ISSUE for row in rows),
        bookings=head.bookings + len(amounts),
        booked=head.booked + sum(amounts),
    )
