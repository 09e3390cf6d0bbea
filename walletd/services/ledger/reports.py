"""Reports for the bookkeeper: what a merchant owes to holders of cards, and how it came to that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from walletd.db.engine.base import Tx
from walletd.db.ledger import reports
from walletd.db.ledger.reports import Sums
from walletd.db.merchants import merchants
from walletd.domain.calendar import moment_of, on_wall
from walletd.domain.merchants.principals import Principal
from walletd.domain.validation import invalid
from walletd.services.ledger.ledger import Ledger
from walletd.services.runtime import Runtime

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Liability:
    """One program in a period, in its unit; money in minor units."""

    program_id: str
    name: str
    kind: str
    unit: str
    currency: str | None
    accounts: int
    opening: int
    credited: int
    redeemed: int
    expired: int
    reversed: int
    """What reversals gave back, less what they took back."""
    closing: int
    """opening + credited - redeemed - expired + reversed."""
    debt: int
    """What holders owe at the end; `closing` is less by it than what is owed to the others."""
    owed: int
    """closing + debt: the liability."""


@dataclass(frozen=True, slots=True)
class LiabilityReport:
    """The report on a period, from `since` up to and without `until`."""

    since: datetime | None
    until: datetime
    lines: tuple[Liability, ...]


class Reports:
    """Use cases about reports."""

    def __init__(self, runtime: Runtime, ledger: Ledger) -> None:
        self._runtime = runtime
        self._ledger = ledger

    async def liability(self, by: Principal, since: str | None, until: str | None) -> LiabilityReport:
        """Return what is owed per program at the end of a period, and what moved in it.

        Both ends are instants (RFC 3339) or days on the merchant's calendar; a day as the end is included. Without an
        end it is now, without a beginning the first entry. Raises ValidationFailed.
        """
        now = self._runtime.clock()
        zone = await self._zone(by.merchant_id)
        start = None if since is None else _instant(since, now, zone, "/from", days=0)
        end = now + timedelta(milliseconds=1) if until is None else _instant(until, now, zone, "/as_of", days=1)
        if start is not None and start > end:
            raise invalid("/from", "must not be after as_of")
        if end > now:
            await self._ledger.advance_due()

        def read(tx: Tx) -> tuple[Liability, ...]:
            earlier = [] if start is None else reports.sums_until(tx, by.merchant_id, start)
            before = {sums.program_id: sums for sums in earlier}
            return tuple(
                _line(sums, before.get(sums.program_id)) for sums in reports.sums_until(tx, by.merchant_id, end)
            )

        return LiabilityReport(start, end, await self._runtime.database.long_read(read))

    async def _zone(self, merchant_id: str) -> ZoneInfo:
        rows = await self._runtime.database.read(merchants.all_merchants)
        return ZoneInfo(next(row.timezone for row in rows if row.id == merchant_id))


def _instant(text: str, now: datetime, zone: ZoneInfo, pointer: str, *, days: int) -> datetime:
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-12-31") else None
        if day is not None:
            return on_wall(datetime(day.year, day.month, day.day) + timedelta(days=days), zone)  # noqa: DTZ001 - a wall time
    except (ValueError, OverflowError):
        day = None
    found = moment_of(text, now, zone)
    if found is None or found < _BEGINNING:
        raise invalid(pointer, "must be a day such as 2026-12-31, or an instant such as 2026-12-31T23:00:00Z")
    return found


def _line(after: Sums, before: Sums | None) -> Liability:
    was = before or replace(after, credited=0, redeemed=0, expired=0, reversed=0)
    closing = _balance(after)
    return Liability(
        after.program_id,
        after.name,
        after.kind,
        after.unit,
        after.currency,
        after.accounts,
        opening=_balance(was),
        credited=after.credited - was.credited,
        redeemed=after.redeemed - was.redeemed,
        expired=after.expired - was.expired,
        reversed=after.reversed - was.reversed,
        closing=closing,
        debt=after.debt,
        owed=closing + after.debt,
    )


def _balance(sums: Sums) -> int:
    return sums.credited - sums.redeemed - sums.expired + sums.reversed
