"""Reminders: targets that were notified but do not hold what is published."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from walletd.db.delivery.devices import apple_registrations
from walletd.db.delivery.publishing import published_passes
from walletd.db.delivery.targets import (
    TARGETS,
    TargetKey,
    TargetRow,
    delivery_targets,
    holds_outdated,
    is_target,
    to_target,
)
from walletd.db.engine.base import Tx
from walletd.domain.calendar import milliseconds


def stale(tx: Tx, *, notified_before: datetime, reminders: int, limit: int) -> list[TargetRow]:
    """Return targets that were notified, reminded so often, and hold a pass whose newest version was not fetched."""
    unfetched = holds_outdated(
        delivery_targets.c.told_sequence >= published_passes.c.sequence,
        apple_registrations.c.fetched_sequence < published_passes.c.sequence,
        apple_registrations.c.registered_at < delivery_targets.c.told_at,
    )
    rows = tx.execute(
        TARGETS.where(
            delivery_targets.c.told_at < milliseconds(notified_before),
            delivery_targets.c.due_at.is_(None),
            delivery_targets.c.reminders == reminders,
            unfetched,
        ).limit(limit)
    )
    return [to_target(row) for row in rows]


def remind(tx: Tx, key: TargetKey, due: datetime) -> None:
    """Make a target due once more although it was notified."""
    tx.execute(
        update(delivery_targets)
        .where(*is_target(key), delivery_targets.c.due_at.is_(None))
        .values(due_at=milliseconds(due), reminders=delivery_targets.c.reminders + 1)
    )
