"""Objects at wallets that keep cards on their own servers: delivery targets, one per card and platform.

A card has a row from the first time somebody wants to save it; before, no call is made for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Row,
    SmallInteger,
    String,
    Table,
    and_,
    case,
    literal,
    or_,
    select,
    text,
    update,
)

from walletd.db.cards.cards import cards
from walletd.db.delivery.channels import paused_merchants
from walletd.db.delivery.publishing import published_passes
from walletd.db.delivery.wallet_classes import target_columns
from walletd.db.engine.base import Tx, metadata, moment, partial_index, reference, stored
from walletd.db.engine.leases import Lease, LeaseQueue
from walletd.domain.calendar import from_milliseconds, milliseconds

wallet_objects = Table(
    "wallet_objects",
    metadata,
    Column("platform", String(16), primary_key=True),
    Column("serial_number", String(26), primary_key=True),
    *target_columns(),
    Column("urgency", SmallInteger, nullable=False),
    Column("notify", Boolean, nullable=False),
    Column("notified", JSON, nullable=False),
    Column("saved", Boolean, nullable=False),
    Column("saved_at", BigInteger),
    Column("messages_notified", JSON, nullable=False, server_default="[]"),
    reference("cards", "serial_number", target=("merchant_id", "serial_number")),
    partial_index("ix_wallet_objects_due", "platform", "merchant_id", "urgency", "due_at", where="due_at IS NOT NULL"),
)

QUEUE: Final = LeaseQueue(wallet_objects, order=(wallet_objects.c.urgency, wallet_objects.c.due_at))


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """An object with what is published of its card."""

    platform: str
    serial_number: str
    merchant_id: str
    program_id: str
    sent: bytes | None
    sent_hash: str
    attempts: int
    notify: bool
    notified: tuple[datetime, ...]
    """When holders were notified of changes, at least of the last day."""
    document: bytes | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class StoredStatus:
    """What staff see of a card at one wallet."""

    platform: str
    saved: bool
    is_current: bool
    sent_at: datetime | None
    due_at: datetime | None
    last_reason: str


_ENSURE: Final = text(
    "INSERT INTO wallet_objects (platform, serial_number, merchant_id, told_hash, due_at, leased_until, attempts,"
    " last_reason, created_at, urgency, notify, notified, saved)"
    " VALUES (:platform, :serial, :merchant, '', :now, 0, 0, '', :now, 0, :no, '[]', :no)"
    " ON CONFLICT (platform, serial_number) DO NOTHING"
)


def ensure(tx: Tx, platform: str, merchant_id: str, serial_number: str, now: datetime) -> None:
    """Make a card a target, due now, unless it is one."""
    values = {"platform": platform, "serial": serial_number, "merchant": merchant_id, "no": False}
    tx.execute(_ENSURE, {**values, "now": milliseconds(now)})


def raise_due(tx: Tx, platform: str, raised: Mapping[tuple[int, bool], Sequence[str]], now: datetime) -> int:
    """Make those of the cards due that are targets; by how urgent it is and whether the holder is to be notified.

    What is due already stays as urgent as it was, and a notification that is wanted stays wanted.
    """
    changed = 0
    for (urgency, notify), serial_numbers in raised.items():
        is_due = wallet_objects.c.due_at.is_not(None)
        is_more = and_(is_due, wallet_objects.c.urgency < urgency)
        changed += tx.execute(
            update(wallet_objects)
            .where(wallet_objects.c.platform == platform, wallet_objects.c.serial_number.in_(list(serial_numbers)))
            .values(
                due_at=case((is_due, wallet_objects.c.due_at), else_=milliseconds(now)),
                urgency=case((is_more, wallet_objects.c.urgency), else_=urgency),
                notify=or_(wallet_objects.c.notify, literal(notify)),
                attempts=0,
            )
        ).rowcount
    return changed


def claim(tx: Tx, platform: str, merchant_id: str, now: datetime, limit: int, lease: Lease) -> list[ObjectRow]:
    """Lease up to `limit` due objects of a merchant, the most urgent first; nobody else writes them meanwhile."""
    mine = (wallet_objects.c.platform == platform, wallet_objects.c.merchant_id == merchant_id)
    return of_serials(tx, platform, [row.serial_number for row in QUEUE.claim(tx, now, limit, lease, *mine)])


def claim_one(tx: Tx, platform: str, serial_number: str, now: datetime, lease: Lease) -> ObjectRow | None:
    """Lease one object, due or not; None while somebody else is at it."""
    this = (wallet_objects.c.platform == platform, wallet_objects.c.serial_number == serial_number)
    return of_serials(tx, platform, [serial_number])[0] if QUEUE.claim_one(tx, now, lease, *this) else None


def of_serials(tx: Tx, platform: str, serial_numbers: Sequence[str]) -> list[ObjectRow]:
    """Return objects with what is published of their cards, the most urgent first."""
    if not serial_numbers:
        return []
    here = and_(
        published_passes.c.serial_number == wallet_objects.c.serial_number,
        published_passes.c.platform == wallet_objects.c.platform,
    )
    query = (
        select(wallet_objects, cards.c.program_id, published_passes.c.document, published_passes.c.content_hash)
        .join(cards, cards.c.serial_number == wallet_objects.c.serial_number)
        .outerjoin(published_passes, here)
        .where(wallet_objects.c.platform == platform, wallet_objects.c.serial_number.in_(list(serial_numbers)))
        .order_by(wallet_objects.c.urgency, wallet_objects.c.due_at)
    )
    return [_row(row) for row in tx.execute(query)]


def note_notified(tx: Tx, row: ObjectRow, notified: Sequence[datetime]) -> None:
    """Store when holders were notified, before it happens: an attempt whose reply is lost counts."""
    tx.execute(update(wallet_objects).where(*_is(row)).values(notified=list(map(milliseconds, notified))))


def messages_notified(tx: Tx, platform: str, serial_number: str) -> list[datetime] | None:
    """Return when holders were notified of messages, None where the card is no object; it stays so until commit."""
    query = select(wallet_objects.c.messages_notified).where(
        wallet_objects.c.platform == platform, wallet_objects.c.serial_number == serial_number
    )
    found: list[int] | None = tx.execute(query.with_for_update()).scalar_one_or_none()
    return None if found is None else list(map(from_milliseconds, found))


def note_messages_notified(tx: Tx, platform: str, serial_number: str, notified: Sequence[datetime]) -> None:
    """Store when holders were notified of messages."""
    tx.execute(
        update(wallet_objects)
        .where(wallet_objects.c.platform == platform, wallet_objects.c.serial_number == serial_number)
        .values(messages_notified=list(map(milliseconds, notified)))
    )


def settle_failed(tx: Tx, row: ObjectRow, *, due: datetime | None, reason: str, attempts: int | None = None) -> None:
    """Give an object back that could not be sent; it is due again at `due`, or never where that is None.

    Its attempts stay as they are stored unless they are given: somebody may have begun to count anew.
    """
    counted = {} if attempts is None else {"attempts": attempts}
    QUEUE.settle(tx, {"due_at": stored(due), "last_reason": reason, **counted}, *_is(row))


def settle_sent(tx: Tx, row: ObjectRow, now: datetime, *, reason: str) -> None:
    """Note that an object is what was published; it stays due where something newer was published meanwhile."""
    newest = (
        select(published_passes.c.content_hash)
        .where(published_passes.c.serial_number == row.serial_number, published_passes.c.platform == row.platform)
        .scalar_subquery()
    )
    is_newest = newest == row.content_hash
    values = {
        "told": row.document,
        "told_hash": row.content_hash,
        "told_at": milliseconds(now),
        "due_at": case((is_newest, None), else_=milliseconds(now)),
        "notify": case((is_newest, False), else_=wallet_objects.c.notify),
        "attempts": 0,
        "last_reason": reason,
    }
    QUEUE.settle(tx, values, *_is(row))


def set_saved(tx: Tx, platform: str, saved: Mapping[str, bool], now: datetime) -> list[str]:
    """Store whether anybody has saved objects; return the serial numbers of those of which it was not known."""
    changed = list[str]()
    for value in (True, False):
        serial_numbers = [serial_number for serial_number, has in saved.items() if has is value]
        if serial_numbers:
            query = (
                update(wallet_objects)
                .where(
                    wallet_objects.c.platform == platform,
                    wallet_objects.c.serial_number.in_(serial_numbers),
                    wallet_objects.c.saved.is_not(value),
                )
                .values(saved=value, saved_at=milliseconds(now))
                .returning(wallet_objects.c.serial_number)
            )
            changed += tx.execute(query).scalars()
    return changed


def is_saved(tx: Tx, serial_number: str) -> bool:
    """Say whether any wallet with a server of its own holds the card for somebody."""
    query = select(wallet_objects.c.platform).where(
        wallet_objects.c.serial_number == serial_number, wallet_objects.c.saved.is_(True)
    )
    return tx.execute(query.limit(1)).first() is not None


def statuses(tx: Tx, serial_number: str) -> list[StoredStatus]:
    """Return how a card stands at each wallet."""
    here = and_(
        published_passes.c.serial_number == wallet_objects.c.serial_number,
        published_passes.c.platform == wallet_objects.c.platform,
    )
    query = (
        select(wallet_objects, published_passes.c.content_hash)
        .outerjoin(published_passes, here)
        .where(wallet_objects.c.serial_number == serial_number)
        .order_by(wallet_objects.c.platform)
    )
    return [
        StoredStatus(
            platform=row.platform,
            saved=row.saved,
            is_current=row.told_hash == row.content_hash,
            sent_at=moment(row.told_at),
            due_at=moment(row.due_at),
            last_reason=row.last_reason,
        )
        for row in tx.execute(query)
    ]


def merchants_with_due(tx: Tx, platform: str, now: datetime) -> list[str]:
    """Return the merchants that have a due object and an open channel."""
    return QUEUE.owners_with_due(tx, now, *_of_open_channels(platform, now))


def next_due_at(tx: Tx, platform: str, now: datetime) -> datetime | None:
    """Return when the next object with an open channel can be claimed."""
    return QUEUE.next_due(tx, now, *_of_open_channels(platform, now))


def _is(row: ObjectRow) -> tuple[Any, ...]:
    return (wallet_objects.c.platform == row.platform, wallet_objects.c.serial_number == row.serial_number)


def _of_open_channels(platform: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        wallet_objects.c.platform == platform,
        wallet_objects.c.merchant_id.not_in(paused_merchants(platform, now)),
    )


def _row(row: Row[Any]) -> ObjectRow:
    return ObjectRow(
        platform=row.platform,
        serial_number=row.serial_number,
        merchant_id=row.merchant_id,
        program_id=row.program_id,
        sent=row.told,
        sent_hash=row.told_hash,
        attempts=row.attempts,
        notify=row.notify,
        notified=tuple(map(from_milliseconds, row.notified)),
        document=row.document,
        content_hash=row.content_hash or "",
    )
