"""Publishing: dirty cards, the merchant's counter of update sequence numbers, and what is published."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    Row,
    SmallInteger,
    String,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, moment, partial_index, reference
from walletd.db.engine.bulk import delete_rows, finding, insert_rows, one_of, where_one_of
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.delivery.publishing import MANY

dirty_cards = Table(
    "dirty_cards",
    metadata,
    Column("serial_number", String(26), primary_key=True),
    merchant_column(),
    Column("mark", BigInteger, nullable=False),
    Column("dirty_at", BigInteger, nullable=False),
    Column("retry_at", BigInteger, nullable=False),
    Column("urgency", SmallInteger, nullable=False, server_default="0"),
    partial_index("ix_dirty_cards_urgent", "merchant_id", "dirty_at", where="urgency < 2"),
    reference("cards", "serial_number", target=("merchant_id", "serial_number")),
    Index(None, "merchant_id", "dirty_at"),
)


published_passes = Table(
    "published_passes",
    metadata,
    Column("serial_number", String(26), primary_key=True),
    Column("platform", String(16), primary_key=True),
    merchant_column(),
    Column("sequence", BigInteger, nullable=False),
    Column("last_modified", BigInteger, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("parts", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("checks", BigInteger, nullable=False),
    reference("cards", "serial_number", target=("merchant_id", "serial_number")),
    UniqueConstraint("merchant_id", "sequence"),
)


@dataclass(frozen=True, slots=True)
class DirtyCard:
    """A card to publish anew; `mark` tells which change was seen."""

    serial_number: str
    merchant_id: str
    mark: int
    dirty_at: datetime
    urgency: int


@dataclass(frozen=True, slots=True)
class PublishedPass:
    """The newest published document of a card on one platform; `last_modified` in whole seconds."""

    serial_number: str
    platform: str
    merchant_id: str
    sequence: int
    last_modified: int
    content_hash: str
    parts: str
    document: bytes
    checks: int
    """How often a publisher looked at the card, whether it changed or not: tells who was overtaken by another."""


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """What of a published document says whether a newer one differs; see `PublishedPass`."""

    sequence: int
    last_modified: int
    content_hash: str
    checks: int


_WITH_DIRTY_CARDS = select(dirty_cards.c.merchant_id).where(dirty_cards.c.retry_at <= bindparam("now")).distinct()
_NEXT_DIRTY = (
    select(dirty_cards)
    .where(dirty_cards.c.merchant_id == bindparam("merchant"), dirty_cards.c.retry_at <= bindparam("now"))
    .order_by(dirty_cards.c.dirty_at)
    .limit(bindparam("limit"))
)
_NEXT_URGENT = _NEXT_DIRTY.where(dirty_cards.c.urgency < literal_column(str(MANY)))
_DIRTY_OF_SERIALS = select(dirty_cards).where(one_of(dirty_cards.c.serial_number, "serials"))
_PUBLISHED = select(published_passes).where(
    published_passes.c.platform == bindparam("platform"),
    one_of(published_passes.c.serial_number, "serials"),
)
_VERSIONS = _PUBLISHED.with_only_columns(
    *(published_passes.c[name] for name in ("serial_number", "sequence", "last_modified", "content_hash", "checks"))
)
_INSTEAD_OF_OLDER = (
    "ON CONFLICT (serial_number, platform) DO UPDATE SET sequence = excluded.sequence,"
    " last_modified = excluded.last_modified, content_hash = excluded.content_hash, parts = excluded.parts,"
    " document = excluded.document, checks = excluded.checks"
)


_MARKING = (
    "INSERT INTO dirty_cards (serial_number, merchant_id, mark, dirty_at, retry_at, urgency)"
    " SELECT {rows}"
    " ON CONFLICT (serial_number) DO UPDATE SET mark = excluded.mark, retry_at = 0, urgency ="
    " CASE WHEN excluded.urgency < dirty_cards.urgency THEN excluded.urgency ELSE dirty_cards.urgency END"
    " RETURNING serial_number"
)
_MARK = _MARKING.format(
    rows="serial_number, merchant_id, :mark, :now, 0, :urgency FROM cards WHERE {condition}",
)
_MARK_EACH = _MARKING.format(
    rows="cards.serial_number, cards.merchant_id, given.mark, given.now, 0, given.urgency"
    " FROM json_to_recordset(%s) AS given (account_id text, mark bigint, now bigint, urgency smallint)"
    " JOIN cards ON cards.account_id = given.account_id",
)
_MARK_OF_MERCHANT = text(
    _MARK.format(
        condition="serial_number IN (SELECT serial_number FROM cards WHERE merchant_id = :merchant"
        " AND serial_number > :after ORDER BY serial_number LIMIT :limit)"
    )
)
_MARK_OF_PARTS = text(
    _MARK.format(
        condition="serial_number IN (SELECT serial_number FROM published_passes WHERE platform = :platform"
        " AND parts = :parts AND serial_number > :after ORDER BY serial_number LIMIT :limit)"
    )
)
_MARK_OF_PROGRAM = text(
    _MARK.format(
        condition="serial_number IN (SELECT serial_number FROM cards WHERE program_id = :program"
        " AND serial_number > :after ORDER BY serial_number LIMIT :limit)"
    )
)
_MARK_BITS = 62


def mark_cards_dirty(tx: Tx, urgencies: Mapping[str, int], now: datetime) -> list[str]:
    """Mark cards dirty, by their urgency, so that their passes are published anew; return their serial numbers."""
    return _mark_by_urgency(tx, "serial_number", urgencies, now)


def mark_customers_dirty(tx: Tx, urgencies: Mapping[str, int], now: datetime) -> list[str]:
    """Mark every card of customers dirty, by their urgency, and return their serial numbers."""
    return _mark_by_urgency(tx, "customer_id", urgencies, now)


def mark_accounts_dirty(tx: Tx, urgencies: Mapping[str, int], now: datetime) -> list[str]:
    """Mark every card of accounts dirty, by their urgency; return their serial numbers, `together` at its end."""
    mark = secrets.randbits(_MARK_BITS)
    rows = [
        {"account_id": account_id, "mark": mark, "now": milliseconds(now), "urgency": urgency}
        for account_id, urgency in urgencies.items()
    ]
    serial_numbers = finding(tx, f"{_MARK_EACH} AS found", rows)
    if serial_numbers is None:
        return _mark_by_urgency(tx, "account_id", urgencies, now)
    tx.invalidate(serial_numbers)
    tx.announce("publish")
    return serial_numbers


def _mark_by_urgency(tx: Tx, column: str, urgencies: Mapping[str, int], now: datetime) -> list[str]:
    statement = where_one_of(tx.engine, _MARK, column, "names")
    serial_numbers = list[str]()
    for urgency in sorted(set(urgencies.values())):
        serial_numbers += _mark(
            tx, statement, now, urgency, names=[name for name, its in urgencies.items() if its == urgency]
        )
    return serial_numbers


def mark_merchant_dirty(tx: Tx, merchant_id: str, now: datetime, *, after: str, limit: int) -> list[str]:
    """Mark the next `limit` cards of a merchant dirty, by serial number."""
    return sorted(_mark(tx, _MARK_OF_MERCHANT, now, MANY, merchant=merchant_id, after=after, limit=limit))


def mark_parts_dirty(tx: Tx, platform: str, parts: str, now: datetime, after: str, limit: int) -> list[str]:
    """Mark the next `limit` cards dirty whose published pass has these parts, by serial number."""
    wanted: dict[str, str | int] = {"platform": platform, "parts": parts, "after": after, "limit": limit}
    return sorted(_mark(tx, _MARK_OF_PARTS, now, MANY, **wanted))


def parts_in_use(tx: Tx, platform: str) -> list[str]:
    """Return the names of the template parts that published passes were made of."""
    query = select(published_passes.c.parts).where(published_passes.c.platform == platform).distinct()
    return [row.parts for row in tx.execute(query)]


def mark_program_dirty(tx: Tx, program_id: str, now: datetime, *, after: str, limit: int) -> list[str]:
    """Mark the next `limit` cards of a program dirty, by serial number; fewer than `limit` means all are done."""
    return sorted(_mark(tx, _MARK_OF_PROGRAM, now, MANY, program=program_id, after=after, limit=limit))


def _mark(tx: Tx, statement: TextClause, now: datetime, urgency: int, **where: str | int | list[str]) -> list[str]:
    # A mark is drawn anew each time: a publisher removes exactly the mark it saw, never a later one.
    parameters = {"mark": secrets.randbits(_MARK_BITS), "now": milliseconds(now), "urgency": urgency, **where}
    serial_numbers = [row.serial_number for row in tx.rows(statement, parameters)]
    tx.invalidate(serial_numbers)
    tx.announce("publish")
    return serial_numbers


def merchants_with_dirty_cards(tx: Tx, now: datetime) -> list[str]:
    """Return the merchants that have something to publish now."""
    return [row.merchant_id for row in tx.rows(_WITH_DIRTY_CARDS, {"now": milliseconds(now)})]


def next_dirty(tx: Tx, merchant_id: str, limit: int, now: datetime) -> list[DirtyCard]:
    """Return a merchant's dirty cards, the longest dirty first, without those put aside for a while.

    Those that are many wait while there are others.
    """
    wanted = {"merchant": merchant_id, "now": milliseconds(now), "limit": limit}
    return [_dirty(row) for row in tx.rows(_NEXT_URGENT, wanted) or tx.rows(_NEXT_DIRTY, wanted)]


def dirty_among(tx: Tx, serial_numbers: Sequence[str]) -> list[DirtyCard]:
    """Return those of the cards that are dirty."""
    return [_dirty(row) for row in tx.rows(_DIRTY_OF_SERIALS, {"serials": list(serial_numbers)})]


def count_dirty(tx: Tx) -> tuple[int, datetime | None]:
    """Return how many cards are dirty, and since when the oldest is."""
    row = tx.execute(select(func.count().label("cards"), func.min(dirty_cards.c.dirty_at).label("since"))).one()
    return int(row.cards), moment(row.since)


_PUT_ASIDE = (
    update(dirty_cards)
    .where(dirty_cards.c.serial_number == bindparam("serial"), dirty_cards.c.mark == bindparam("seen"))
    .values(retry_at=bindparam("retry"))
)


def put_aside(tx: Tx, seen: Iterable[DirtyCard], until: datetime) -> None:
    """Leave cards that could not be rendered alone until a moment, unless they change before."""
    parameters = [{"serial": card.serial_number, "seen": card.mark, "retry": milliseconds(until)} for card in seen]
    if parameters:
        tx.execute(_PUT_ASIDE, parameters)


def remove_dirty(tx: Tx, seen: Iterable[DirtyCard]) -> None:
    """Take the marks away that were seen; a card that changed since keeps its new mark."""
    delete_rows(tx, dirty_cards, [{"serial_number": card.serial_number, "mark": card.mark} for card in seen])


def published(tx: Tx, platform: str, serial_numbers: Sequence[str]) -> dict[str, PublishedPass]:
    """Return what is published of the cards, by serial number."""
    rows = tx.execute(_PUBLISHED, {"platform": platform, "serials": list(serial_numbers)})
    return {row.serial_number: _published(row) for row in rows}


def published_versions(tx: Tx, platform: str, serial_numbers: Sequence[str]) -> dict[str, PublishedVersion]:
    """Return which versions of the cards are published, by serial number, without reading the documents."""
    rows = tx.rows(_VERSIONS, {"platform": platform, "serials": list(serial_numbers)})
    return {
        row.serial_number: PublishedVersion(
            sequence=row.sequence, last_modified=row.last_modified, content_hash=row.content_hash, checks=row.checks
        )
        for row in rows
    }


def store_published(tx: Tx, passes: Sequence[PublishedPass]) -> None:
    """Store or replace published documents."""
    insert_rows(
        tx,
        published_passes,
        [
            {
                "serial_number": item.serial_number,
                "platform": item.platform,
                "merchant_id": item.merchant_id,
                "sequence": item.sequence,
                "last_modified": item.last_modified,
                "content_hash": item.content_hash,
                "parts": item.parts,
                "document": item.document,
                "checks": item.checks,
            }
            for item in passes
        ],
        on_conflict=_INSTEAD_OF_OLDER,
    )


def _dirty(row: Row[Any]) -> DirtyCard:
    return DirtyCard(
        serial_number=row.serial_number,
        merchant_id=row.merchant_id,
        mark=row.mark,
        dirty_at=from_milliseconds(row.dirty_at),
        urgency=row.urgency,
    )


def _published(row: Row[Any]) -> PublishedPass:
    return PublishedPass(
        serial_number=row.serial_number,
        platform=row.platform,
        merchant_id=row.merchant_id,
        sequence=row.sequence,
        last_modified=row.last_modified,
        content_hash=row.content_hash,
        parts=row.parts,
        document=row.document,
        checks=row.checks,
    )
