"""Apple devices and what is registered on them; the device library identifier is a secret and leaves only shortened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Row,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)

from walletd.db.delivery.publishing import dirty_cards, published_passes
from walletd.db.engine.base import Tx, merchant_column, metadata, reference
from walletd.db.engine.bulk import one_of
from walletd.domain.calendar import milliseconds

apple_devices = Table(
    "apple_devices",
    metadata,
    Column("topic", String(160), primary_key=True),
    Column("device", String(160), primary_key=True),
    merchant_column(),
    Column("push_token", String(200), nullable=False),
    Column("scheme", String(32), nullable=False),
    Column("token_set_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
)


apple_registrations = Table(
    "apple_registrations",
    metadata,
    Column("serial_number", String(26), primary_key=True),
    Column("device", String(160), primary_key=True),
    Column("topic", String(160), primary_key=True),
    merchant_column(),
    Column("registered_at", BigInteger, nullable=False),
    Column("listed_sequence", BigInteger, nullable=False),
    Column("fetched_sequence", BigInteger, nullable=False),
    Column("fetched_hash", String(64), nullable=False),
    reference("cards", "serial_number", target=("merchant_id", "serial_number")),
    ForeignKeyConstraint(["topic", "device"], ["apple_devices.topic", "apple_devices.device"]),
    Index(None, "topic", "device"),
)


@dataclass(frozen=True, slots=True)
class Registration:
    """A pass on a device."""

    serial_number: str
    topic: str
    device: str
    merchant_id: str
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class ListedPass:
    """A pass registered on a device: what is published of it, and whether its card is dirty."""

    serial_number: str
    merchant_id: str
    sequence: int
    is_held: bool
    """Whether the device is known to hold exactly what is published."""
    dirty: bool


_UPSERT_DEVICE = text(
    "INSERT INTO apple_devices (topic, device, merchant_id, push_token, scheme, token_set_at, created_at)"
    " VALUES (:topic, :device, :merchant_id, :push_token, :scheme, :now, :now)"
    " ON CONFLICT (topic, device) DO UPDATE SET push_token = excluded.push_token, scheme = excluded.scheme,"
    " token_set_at = excluded.token_set_at"
)
_INSERT_REGISTRATION = text(
    "INSERT INTO apple_registrations"
    " (serial_number, device, topic, merchant_id, registered_at, listed_sequence, fetched_sequence,"
    " fetched_hash)"
    " VALUES (:serial_number, :device, :topic, :merchant_id, :registered_at, 0, 0, '')"
    " ON CONFLICT (serial_number, device, topic) DO NOTHING"
)
_LISTED = (
    select(
        apple_registrations.c.serial_number,
        apple_registrations.c.merchant_id,
        func.coalesce(published_passes.c.sequence, 0).label("sequence"),
        (apple_registrations.c.fetched_hash == published_passes.c.content_hash).label("is_held"),
        dirty_cards.c.serial_number.is_not(None).label("dirty"),
    )
    .select_from(
        apple_registrations.outerjoin(
            published_passes,
            and_(
                published_passes.c.serial_number == apple_registrations.c.serial_number,
                published_passes.c.platform == "apple",
            ),
        ).outerjoin(dirty_cards, dirty_cards.c.serial_number == apple_registrations.c.serial_number)
    )
    .where(apple_registrations.c.topic == bindparam("topic"), apple_registrations.c.device == bindparam("device"))
)


def store_device(tx: Tx, registration: Registration, push_token: str, scheme: str) -> None:
    """Store a device with its newest push token (W4)."""
    tx.execute(
        _UPSERT_DEVICE,
        {
            "topic": registration.topic,
            "device": registration.device,
            "merchant_id": registration.merchant_id,
            "push_token": push_token,
            "scheme": scheme,
            "now": milliseconds(registration.registered_at),
        },
    )


def store_registration(tx: Tx, registration: Registration) -> bool:
    """Register a pass on a device; False where it was registered already."""
    stored = tx.execute(
        _INSERT_REGISTRATION,
        {
            "serial_number": registration.serial_number,
            "device": registration.device,
            "topic": registration.topic,
            "merchant_id": registration.merchant_id,
            "registered_at": milliseconds(registration.registered_at),
        },
    )
    return stored.rowcount == 1


def is_registered(tx: Tx, topic: str, serial_number: str, device: str) -> bool:
    """Say whether the pass is registered on the device."""
    found = tx.execute(
        select(apple_registrations.c.device).filter_by(serial_number=serial_number, device=device, topic=topic)
    )
    return found.first() is not None


def count_registrations(tx: Tx, serial_number: str, since: datetime) -> tuple[int, int]:
    """Return how many devices hold the pass, and how many of them registered since a moment."""
    row = tx.execute(
        select(
            func.count().label("devices"),
            func.count().filter(apple_registrations.c.registered_at >= milliseconds(since)).label("recent"),
        ).where(apple_registrations.c.serial_number == serial_number)
    ).one()
    return int(row.devices), int(row.recent)


def remove_registration(tx: Tx, topic: str, serial_number: str, device: str) -> bool:
    """Unregister a pass, and forget the device with its last one (W5); True where the device is gone."""
    removed = tx.execute(
        delete(apple_registrations).where(
            apple_registrations.c.serial_number == serial_number,
            apple_registrations.c.device == device,
            apple_registrations.c.topic == topic,
        )
    )
    if not removed.rowcount or _passes_on(tx, topic, device):
        return False
    _forget_device(tx, topic, device)
    return True


def remove_device(tx: Tx, topic: str, device: str, *, push_token: str, not_after: datetime | None) -> list[str] | None:
    """Forget a device and return the serial numbers it held (A3: 410, BadDeviceToken).

    The device stays, and None is returned, where it has another push token by now, or registered the same one later
    than `not_after`.
    """
    known = tx.execute(
        select(apple_devices.c.token_set_at, apple_devices.c.push_token)
        .filter_by(topic=topic, device=device)
        .with_for_update()
    ).one_or_none()
    if known is None:
        return []
    if known.push_token != push_token or (not_after is not None and known.token_set_at > milliseconds(not_after)):
        return None
    serial_numbers = _passes_on(tx, topic, device)
    tx.execute(
        delete(apple_registrations).where(apple_registrations.c.topic == topic, apple_registrations.c.device == device)
    )
    _forget_device(tx, topic, device)
    return serial_numbers


def listed(tx: Tx, topic: str, device: str) -> list[ListedPass]:
    """Return all passes registered on a device, from one snapshot."""
    rows = tx.execute(_LISTED, {"topic": topic, "device": device})
    return [
        ListedPass(
            serial_number=row.serial_number,
            merchant_id=row.merchant_id,
            sequence=row.sequence,
            is_held=bool(row.is_held),
            dirty=bool(row.dirty),
        )
        for row in rows
    ]


def count_passes(tx: Tx, topic: str, device: str) -> int:
    """Return how many passes are registered on the device."""
    return len(_passes_on(tx, topic, device))


_REMEMBER_LISTED = (
    update(apple_registrations)
    .where(
        apple_registrations.c.topic == bindparam("on_topic"),
        apple_registrations.c.device == bindparam("on_device"),
        apple_registrations.c.serial_number == bindparam("serial"),
        apple_registrations.c.listed_sequence < bindparam("listed"),
    )
    .values(listed_sequence=bindparam("listed"))
)


def remember_listed(tx: Tx, topic: str, device: str, news: Sequence[ListedPass]) -> None:
    """Remember that a list sent the device for these passes, each up to its sequence."""
    tx.execute(
        _REMEMBER_LISTED,
        [{"on_topic": topic, "on_device": device, "serial": row.serial_number, "listed": row.sequence} for row in news],
    )


def remember_fetched(tx: Tx, serial_number: str, sequence: int, content_hash: str) -> None:
    """Remember that a pass was sent out as of the sequence.

    The request for a pass names no device. Where a list sent the only device that holds the pass, it is taken to hold
    this content from now on. Whatever else is taken for known about a device is forgotten when something newer was
    sent out that no list had asked for: nobody can say who took it.
    """
    rows = tx.execute(select(apple_registrations).where(apple_registrations.c.serial_number == serial_number)).all()
    for row in rows:
        if row.listed_sequence > row.fetched_sequence:
            alone = len(rows) == 1
            reached = sequence if alone else min(sequence, row.listed_sequence)
            _store_knowledge(tx, row, max(reached, row.fetched_sequence), content_hash if alone else "")
        elif row.fetched_hash not in {"", content_hash}:
            _store_knowledge(tx, row, row.fetched_sequence, "")


def _store_knowledge(tx: Tx, row: Row[Any], fetched_sequence: int, fetched_hash: str) -> None:
    tx.execute(
        update(apple_registrations)
        .where(
            apple_registrations.c.serial_number == row.serial_number,
            apple_registrations.c.device == row.device,
            apple_registrations.c.topic == row.topic,
        )
        .values(fetched_sequence=fetched_sequence, fetched_hash=fetched_hash)
    )


_DEVICES_OF = (
    select(apple_registrations.c.serial_number, apple_registrations.c.topic, apple_registrations.c.device)
    .select_from(
        apple_registrations.join(
            apple_devices,
            and_(
                apple_devices.c.topic == apple_registrations.c.topic,
                apple_devices.c.device == apple_registrations.c.device,
            ),
        )
    )
    .where(one_of(apple_registrations.c.serial_number, "serials"), apple_devices.c.scheme == "ApplePass")
)


def devices_of(tx: Tx, serial_numbers: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return serial number, topic and device of every registration of the cards that Apple can push to."""
    rows = tx.rows(_DEVICES_OF, {"serials": list(serial_numbers)})
    return [(row.serial_number, row.topic, row.device) for row in rows]


def count_of_card(tx: Tx, serial_number: str) -> int:
    """Return on how many devices the card's pass is registered."""
    query = select(func.count()).where(apple_registrations.c.serial_number == serial_number)
    return int(tx.execute(query).scalar_one())


def _passes_on(tx: Tx, topic: str, device: str) -> list[str]:
    rows = tx.execute(select(apple_registrations.c.serial_number).filter_by(topic=topic, device=device))
    return [row.serial_number for row in rows]


def _forget_device(tx: Tx, topic: str, device: str) -> None:
    tx.execute(delete(apple_devices).where(apple_devices.c.topic == topic, apple_devices.c.device == device))
