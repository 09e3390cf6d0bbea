"""Settling targets: what is stored of each after it was notified, refused, or found to lack nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import case, literal, update

from walletd.db.delivery.targets import QUEUE, TargetKey, TargetRow, delivery_targets, is_target
from walletd.db.engine.base import Tx, stored
from walletd.domain.calendar import milliseconds
from walletd.domain.delivery.publishing import Throttle


def settle_notified(tx: Tx, target: TargetRow, throttle: Throttle, next_due: datetime) -> None:
    """Store that a target was notified; it is due again where something newer was published meanwhile."""
    sequence = target.published_sequence
    values = {
        "told_sequence": sequence,
        "due_at": _if_newer(sequence, milliseconds(next_due)),
        "attempts": 0,
        "score": throttle.score,
        "told_at": stored(throttle.notified_at),
        "rejected_at": None,
        "last_reason": "",
    }
    QUEUE.settle(tx, values, *is_target(target.key))


def settle_known(tx: Tx, target: TargetRow, now: datetime) -> None:
    """Store that a target has all that was published without having been notified; what is newer is due at once."""
    sequence = target.published_sequence
    values = {"told_sequence": sequence, "due_at": _if_newer(sequence, milliseconds(now)), "attempts": 0}
    QUEUE.settle(tx, values, *is_target(target.key))


def settle_rejected(tx: Tx, target: TargetRow, *, due: datetime, reason: str, now: datetime) -> None:
    """Keep a target whose address was rejected, for a second judgement at `due`."""
    settle_failed(tx, target, due=due, reason=reason, attempts=target.attempts + 1)
    tx.execute(update(delivery_targets).where(*is_target(target.key)).values(rejected_at=milliseconds(now)))


def renew(tx: Tx, key: TargetKey, now: datetime) -> None:
    """Take a target for new: it registered again, so earlier trouble with its address says nothing any more."""
    at_once = literal(milliseconds(now))
    lacking = delivery_targets.c.published_sequence > delivery_targets.c.told_sequence
    tx.execute(
        update(delivery_targets)
        .where(*is_target(key), delivery_targets.c.attempts > 0)
        .values(attempts=0, rejected_at=None, due_at=case((lacking, at_once), else_=delivery_targets.c.due_at))
    )


def settle_failed(tx: Tx, target: TargetRow, *, due: datetime, reason: str, attempts: int) -> None:
    """Give a target back that could not be notified; it is due again at `due`."""
    QUEUE.settle(tx, {"due_at": milliseconds(due), "attempts": attempts, "last_reason": reason}, *is_target(target.key))


def _if_newer(sequence: int, due: int) -> Any:
    return case((delivery_targets.c.published_sequence > sequence, literal(due)), else_=None)
