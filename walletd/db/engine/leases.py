"""The one queue: rows of a table that become due, are claimed by one process at a time, and settled.

A table is a queue by four columns: `due_at` (milliseconds; NULL: nothing is to be done), `leased_by`, `leased_until`
(0: free), `attempts`. A lease ends by itself, so a crash between claim and settle loses nothing: the row is still due.
What makes a row due, and how long it pauses after a failure, is for the modules of the tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, delete, func, select, tuple_, update

from walletd.db.engine.base import Tx, moment
from walletd.domain.calendar import milliseconds


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds something, and until when."""

    holder: str
    until: datetime


class LeaseQueue:
    """The queue in a table."""

    def __init__(self, table: Table, *, order: Sequence[ColumnElement[Any]] = ()) -> None:
        """Take the table; `order` says which due rows are claimed first, the longest due unless it is given."""
        self._table = table
        self._key = tuple(table.primary_key.columns)
        self._order = tuple(order) or (table.c.due_at,)

    def is_due(self, at: datetime) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions under which a row can be claimed."""
        return self._table.c.due_at <= milliseconds(at), self.is_free(at)

    def is_free(self, at: datetime) -> ColumnElement[bool]:
        """Return the condition that nobody holds a row, due or not."""
        return self._table.c.leased_until <= milliseconds(at)

    def is_one_of(self, keys: Sequence[Row[Any]]) -> ColumnElement[bool]:
        """Return the condition that a row is among those that `claim` returned."""
        return self._named().in_([tuple(key) for key in keys] if len(self._key) > 1 else [key[0] for key in keys])

    def claim(self, tx: Tx, at: datetime, limit: int, lease: Lease, *only: ColumnElement[bool]) -> list[Row[Any]]:
        """Lease up to `limit` due rows and return their keys, in no order; nobody else gets them until it ends."""
        pick = select(*self._key).where(*self.is_due(at), *only).order_by(*self._order).limit(limit)
        # A CTE is worked out once; as a subquery it could be asked again for every row.
        picked = pick.with_for_update(skip_locked=True).cte("pick")
        return self._take(tx, lease, self._named().in_(select(picked)))

    def claim_whole(self, tx: Tx, at: datetime, lease: Lease, *only: ColumnElement[bool]) -> list[Row[Any]]:
        """Lease all due rows of a few; return their keys."""
        return self._take(tx, lease, *self.is_due(at), *only)

    def claim_one(self, tx: Tx, at: datetime, lease: Lease, *only: ColumnElement[bool]) -> bool:
        """Lease one row, due or not; say whether nobody else had it."""
        return bool(self._take(tx, lease, self.is_free(at), *only))

    def settle(self, tx: Tx, values: Mapping[str, Any], *only: ColumnElement[bool], holder: str | None = None) -> None:
        """Store what came of a row and give its lease back; with `holder` only where that one still holds it."""
        held = () if holder is None else (self._table.c.leased_by == holder,)
        tx.execute(update(self._table).where(*only, *held).values(leased_by=None, leased_until=0, **values))

    def next_due(self, tx: Tx, at: datetime, *only: ColumnElement[bool]) -> datetime | None:
        """Return when the next row can be claimed: it becomes due, or the lease of a process that died ends."""
        due, until, now = self._table.c.due_at, self._table.c.leased_until, milliseconds(at)
        free = select(func.min(due)).where(due.is_not(None), until <= now, *only)
        held = select(func.min(until)).where(due.is_not(None), until > now, *only)
        found = (tx.execute(query).scalar_one() for query in (free, held))
        return moment(min((value for value in found if value is not None), default=None))

    def owners_with_due(self, tx: Tx, at: datetime, *only: ColumnElement[bool]) -> list[str]:
        """Return the merchants that have a due row."""
        owner = self._table.c.merchant_id
        return list(tx.execute(select(owner).where(*self.is_due(at), *only).distinct()).scalars())

    def count_due(self, tx: Tx, at: datetime) -> tuple[int, datetime | None]:
        """Return how many rows are due, leased or not, and since when the oldest is."""
        due = self._table.c.due_at
        query = select(func.count().label("rows"), func.min(due).label("since")).where(due <= milliseconds(at))
        row = tx.execute(query).one()
        return int(row.rows), moment(row.since)

    def count_by_state(self, tx: Tx, states: Sequence[str]) -> Mapping[str, int]:
        """Return how many rows are in each of some states."""
        state = self._table.c.state
        query = select(state, func.count().label("rows")).where(state.in_(states)).group_by(state)
        return {row.state: int(row.rows) for row in tx.execute(query)}

    def release_all(self, tx: Tx) -> None:
        """End every lease: for the start of a process that is the only one."""
        tx.execute(update(self._table).where(self._table.c.leased_until > 0).values(leased_by=None, leased_until=0))

    def purge(self, tx: Tx, before: datetime, limit: int) -> int:
        """Forget up to `limit` rows that ended before an instant; return how many."""
        old = select(*self._key).where(self._table.c.ended_at < milliseconds(before)).limit(limit)
        return int(tx.execute(delete(self._table).where(self._named().in_(old))).rowcount)

    def _take(self, tx: Tx, lease: Lease, *only: ColumnElement[bool]) -> list[Row[Any]]:
        taken = update(self._table).where(*only).values(leased_by=lease.holder, leased_until=milliseconds(lease.until))
        return list(tx.execute(taken.returning(*self._key)))

    def _named(self) -> ColumnElement[Any]:
        return tuple_(*self._key) if len(self._key) > 1 else self._key[0]
