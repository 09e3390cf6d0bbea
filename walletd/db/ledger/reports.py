"""Sums over the books for reports. They read every entry of a merchant once; nothing here is asked by a till."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from walletd.db.engine.base import Tx
from walletd.domain.calendar import milliseconds

# What was moved, by what it was: the four sums and nothing else make up the balance.
# A merge moves value within a program: it is neither credited nor redeemed.
_MOVED = text(
    "SELECT a.program_id, p.name, p.kind, a.unit, a.currency,"
    " SUM(CASE WHEN e.kind NOT IN ('expire', 'reversal', 'merge', 'merge_out', 'merge_undo') AND e.amount > 0"
    " THEN e.amount ELSE 0 END) AS credited,"
    " SUM(CASE WHEN e.kind NOT IN ('expire', 'reversal', 'merge', 'merge_out', 'merge_undo') AND e.amount < 0"
    " THEN -e.amount ELSE 0 END) AS redeemed,"
    " SUM(CASE WHEN e.kind = 'expire' THEN -e.amount ELSE 0 END) AS expired,"
    " SUM(CASE WHEN e.kind = 'reversal' THEN e.amount ELSE 0 END) AS reversed"
    " FROM ledger_entries e JOIN accounts a ON a.id = e.account_id JOIN programs p ON p.id = a.program_id"
    " WHERE e.merchant_id = :merchant AND e.status = 'active' AND e.created_at < :until"
    " GROUP BY a.program_id, p.name, p.kind, a.unit, a.currency ORDER BY p.name, a.program_id"
)
_LAST = text(
    "SELECT a.program_id, COUNT(*) AS accounts, SUM(e.debt_after) AS debt FROM ledger_entries e"
    " JOIN (SELECT account_id, MAX(sequence) AS sequence FROM ledger_entries"
    " WHERE merchant_id = :merchant AND created_at < :until GROUP BY account_id) last"
    " ON last.account_id = e.account_id AND last.sequence = e.sequence"
    " JOIN accounts a ON a.id = e.account_id GROUP BY a.program_id"
)
# An expiry is booked some seconds after the end of the validity; a report counts it at the end itself.
_BOOKED_LATER = text(
    "SELECT a.program_id, SUM(-e.amount) AS expired FROM lots l"
    " JOIN lot_consumptions c ON c.account_id = l.account_id AND c.lot_id = l.id"
    " JOIN ledger_entries e ON e.id = c.entry_id JOIN accounts a ON a.id = l.account_id"
    " WHERE l.merchant_id = :merchant AND l.valid_until <= :until AND e.kind = 'expire' AND e.created_at >= :until"
    " GROUP BY a.program_id"
)


@dataclass(frozen=True, slots=True)
class Sums:
    """What was moved in one program from the first entry up to an instant, in its unit."""

    program_id: str
    name: str
    kind: str
    unit: str
    currency: str | None
    accounts: int
    credited: int
    redeemed: int
    expired: int
    reversed: int
    debt: int


def sums_until(tx: Tx, merchant_id: str, until: datetime) -> list[Sums]:
    """Return the sums over all entries before an instant, per program."""
    parameters = {"merchant": merchant_id, "until": milliseconds(until)}
    last = {row.program_id: row for row in tx.execute(_LAST, parameters)}
    later = {row.program_id: int(row.expired) for row in tx.execute(_BOOKED_LATER, parameters)}
    return [
        Sums(
            row.program_id,
            row.name,
            row.kind,
            row.unit,
            row.currency,
            accounts=int(last[row.program_id].accounts),
            credited=int(row.credited),
            redeemed=int(row.redeemed),
            expired=int(row.expired) + later.get(row.program_id, 0),
            reversed=int(row.reversed),
            debt=int(last[row.program_id].debt),
        )
        for row in tx.execute(_MOVED, parameters)
    ]
