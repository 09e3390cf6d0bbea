"""The recorder: whoever changes something records it here, in the same transaction, and everything else follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from walletd.db.delivery import publishing
from walletd.db.engine.base import Tx
from walletd.db.merchants import audit
from walletd.db.merchants.audit import AuditEntry
from walletd.domain.changes import Change
from walletd.domain.ledger.changes import AccountChanged
from walletd.domain.merchants.principals import Principal
from walletd.services.changes import webhook_events
from walletd.services.changes.consequences import CONSEQUENCES, Consequences
from walletd.services.changes.webhook_events import Event

Recorded = tuple[Principal, Change]
"""Who changed something, and what."""
_Row = tuple[Principal, Change, Consequences]

_MARK: Final[Mapping[str, Callable[[Tx, Mapping[str, int], datetime], list[str]]]] = {
    "cards": publishing.mark_cards_dirty,
    "customers": publishing.mark_customers_dirty,
    "accounts": publishing.mark_accounts_dirty,
}


def record(tx: Tx, by: Principal, now: datetime, change: Change) -> None:
    """Write what follows a change."""
    record_all(tx, now, [(by, change)])


def record_all(tx: Tx, now: datetime, recorded: Sequence[Recorded]) -> None:
    """Write what follows changes, one statement per table."""
    rows = [(by, change, CONSEQUENCES[type(change)]) for by, change in recorded]
    if entries := [_entry(by, change, row) for by, change, row in rows if row.action]:
        audit.append(tx, entries, now)
    if events := [_event(by, change, row) for by, change, row in rows if row.event and _is_wanted(change)]:
        webhook_events.queue(tx, events, now)
    _mark_cards(tx, rows, now)
    for _, _, row in rows:
        for topic in row.wakes:
            tx.announce(topic)


def _entry(by: Principal, change: Change, row: Consequences) -> AuditEntry:
    action = row.action.format(change=change) if "{" in row.action else row.action
    details = getattr(change, row.details) if isinstance(row.details, str) else _values(change, row.details)
    return AuditEntry(by, action, getattr(change, row.subject), details)


def _event(by: Principal, change: Change, row: Consequences) -> Event:
    content = None if row.content is None else _values(change, row.content)
    return Event(by.merchant_id, row.event, str(getattr(change, row.about)), content)


def _is_wanted(change: Change) -> bool:
    return not isinstance(change, AccountChanged) or change.watched


def _values(change: Change, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(change, name) for name in names}


def _mark_cards(tx: Tx, rows: Sequence[_Row], now: datetime) -> None:
    """Mark what is to be published anew; what changed twice is as urgent as the more urgent change."""
    named: dict[str, dict[str, int]] = {}
    for _, change, row in rows:
        if not row.marks:
            continue
        urgency: int = getattr(change, "urgency") if row.urgency is None else row.urgency  # noqa: B009 - of some changes
        marked = getattr(change, row.marked)
        urgencies = named.setdefault(row.marks, {})
        for name in (marked,) if isinstance(marked, str) else marked:
            urgencies[name] = min(urgency, urgencies.get(name, urgency))
    for what, urgencies in named.items():
        if urgencies:
            _MARK[what](tx, urgencies, now)
