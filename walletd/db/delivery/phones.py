"""How far each phone has come with one card: what was published, notified, listed and fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select

from walletd.db.delivery.devices import apple_devices, apple_registrations
from walletd.db.delivery.targets import delivery_targets
from walletd.db.engine.base import Tx, moment
from walletd.domain.calendar import from_milliseconds


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """How far one phone has come with one card."""

    device: str
    scheme: str
    registered_at: datetime
    listed_sequence: int
    fetched_sequence: int
    fetched_hash: str
    notified_sequence: int
    notified_at: datetime | None
    due_at: datetime | None
    last_reason: str


def phones_of_card(tx: Tx, serial_number: str) -> list[PhoneRow]:
    """Return every phone that holds the card, with how far it has come."""
    here = and_(
        delivery_targets.c.platform == "apple",
        delivery_targets.c.topic == apple_registrations.c.topic,
        delivery_targets.c.device == apple_registrations.c.device,
    )
    device = and_(
        apple_devices.c.topic == apple_registrations.c.topic, apple_devices.c.device == apple_registrations.c.device
    )
    rows = tx.execute(
        select(
            apple_registrations,
            apple_devices.c.scheme,
            func.coalesce(delivery_targets.c.told_sequence, 0).label("told_sequence"),
            delivery_targets.c.due_at,
            delivery_targets.c.told_at,
            func.coalesce(delivery_targets.c.last_reason, "").label("last_reason"),
        )
        .select_from(apple_registrations.join(apple_devices, device).outerjoin(delivery_targets, here))
        .where(apple_registrations.c.serial_number == serial_number)
        .order_by(apple_registrations.c.registered_at, apple_registrations.c.device)
    )
    return [
        PhoneRow(
            device=row.device,
            scheme=row.scheme,
            registered_at=from_milliseconds(row.registered_at),
            listed_sequence=row.listed_sequence,
            fetched_sequence=row.fetched_sequence,
            fetched_hash=row.fetched_hash,
            notified_sequence=row.told_sequence,
            notified_at=moment(row.told_at),
            due_at=moment(row.due_at),
            last_reason=row.last_reason,
        )
        for row in rows
    ]
