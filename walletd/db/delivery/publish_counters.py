"""The merchant's counter of update sequence numbers, and the lease of whoever publishes for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, String, Table, bindparam, or_, select, update

from walletd.db.engine.base import Tx, metadata
from walletd.db.engine.leases import Lease
from walletd.domain.calendar import milliseconds

publish_counters = Table(
    "publish_counters",
    metadata,
    Column("merchant_id", String(30), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("leased_by", String(64)),
    Column("leased_until", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
)


@dataclass(frozen=True, slots=True)
class Counter:
    """A merchant's epoch and the newest sequence number given out."""

    epoch: int
    sequence: int


_COUNTER = select(publish_counters.c.epoch, publish_counters.c.sequence).where(
    publish_counters.c.merchant_id == bindparam("merchant")
)
_LOCK_COUNTER = _COUNTER.with_for_update()
_STORE_COUNTER = (
    update(publish_counters)
    .where(publish_counters.c.merchant_id == bindparam("merchant"))
    .values(sequence=bindparam("newest"))
)
_TAKE_LEASE = (
    update(publish_counters)
    .where(
        publish_counters.c.merchant_id == bindparam("merchant"),
        or_(publish_counters.c.leased_by == bindparam("holder"), publish_counters.c.leased_until < bindparam("now")),
    )
    .values(leased_by=bindparam("holder"), leased_until=bindparam("until"))
)


def take_lease(tx: Tx, merchant_id: str, now: datetime, lease: Lease) -> bool:
    """Take or keep the lease of a merchant's publisher; False while another holds it."""
    instants = {"now": milliseconds(now), "until": milliseconds(lease.until)}
    changed = tx.execute(_TAKE_LEASE, {"merchant": merchant_id, "holder": lease.holder, **instants})
    return changed.rowcount == 1


def release_leases(tx: Tx, holder: str) -> None:
    """Give back every publisher's lease of a process, so that another one need not wait for its end."""
    tx.execute(update(publish_counters).where(publish_counters.c.leased_by == holder).values(leased_until=0))


def counter(tx: Tx, merchant_id: str) -> Counter:
    """Return a merchant's counter."""
    row = tx.execute(_COUNTER, {"merchant": merchant_id}).one()
    return Counter(row.epoch, row.sequence)


def lock_counter(tx: Tx, merchant_id: str) -> Counter:
    """Return a merchant's counter, locked until commit: numbers become visible in the order they are given."""
    row = tx.execute(_LOCK_COUNTER, {"merchant": merchant_id}).one()
    return Counter(row.epoch, row.sequence)


def store_counter(tx: Tx, merchant_id: str, sequence: int) -> None:
    """Store the newest sequence number."""
    tx.execute(_STORE_COUNTER, {"merchant": merchant_id, "newest": sequence})


def insert_counter(tx: Tx, merchant_id: str) -> None:
    """Store a new merchant's counter: first epoch, nothing published."""
    tx.execute(publish_counters.insert(), {"merchant_id": merchant_id, "epoch": 1, "sequence": 0, "leased_until": 0})
