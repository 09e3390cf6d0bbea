"""Who did what to whom, as it can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from walletd.domain.merchants.principals import PrincipalKind

MOVES: Final = ("merge", "merge_undo")
"""Types of transactions that only move what was bought before: their turnover is no new one."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One audit entry: the id of the API key, or `cli`, `phone`, `holder`, that did `action` to `subject`."""

    id: str
    at: datetime
    actor: str
    actor_kind: PrincipalKind
    action: str
    subject: str
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which audit entries are wanted; None does not narrow them."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One thing between a customer and the shop (S2-044 to S2-048): a ledger entry, or an audit entry."""

    id: str
    at: datetime
    source: str
    """The name of the API key that did it, or `cli`, `phone`, `holder`, or `walletd` for what time brought about."""
    event: str
    """The kind of an entry, or the action of an audit entry, which has a dot in it."""
    subject: str
    """The account, card or customer."""
    turnover: int = 0
    """What was bought, in minor units of the merchant's currency; negative where it was taken back."""
    amount: int | None = None
    unit: str | None = None
    """Of the amount; a currency where it is money."""
    reference: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class QuickInfos:
    """What is known of a customer at a glance (S2-038 to S2-040, D-31); money in minor units."""

    registered_at: datetime
    last_visit: datetime | None
    """The newest entry that somebody at a till or back end booked."""
    contacts: int
    """How many rows the history has."""
    last_turnover: int
    total_turnover: int
    currency: str
