"""What a request for a pass has to know, in one indexed read: most requests of phones come down to this query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, bindparam, exists, or_, select

from walletd.db.cards.cards import cards, to_card
from walletd.db.cards.programs import programs
from walletd.db.delivery.devices import apple_registrations
from walletd.db.delivery.publishing import PublishedPass, dirty_cards, published_passes
from walletd.db.engine.base import Tx
from walletd.domain.cards.cards import Card


@dataclass(frozen=True, slots=True)
class StoredPass:
    """A card with what is published of it on one platform."""

    card: Card
    kind: str
    published: PublishedPass | None
    dirty: bool
    """Whether the card changed since."""
    expected: bool
    """Whether a fetch now says something new about what a device holds."""


_STORED: Final = (
    select(
        cards,
        programs.c.kind,
        published_passes.c.sequence,
        published_passes.c.last_modified,
        published_passes.c.content_hash,
        published_passes.c.parts,
        published_passes.c.document,
        published_passes.c.checks,
        dirty_cards.c.mark,
        exists()
        .where(
            apple_registrations.c.serial_number == cards.c.serial_number,
            or_(
                apple_registrations.c.listed_sequence > apple_registrations.c.fetched_sequence,
                apple_registrations.c.fetched_hash.not_in(["", published_passes.c.content_hash]),
            ),
        )
        .label("expected"),
    )
    .select_from(
        cards.join(programs, programs.c.id == cards.c.program_id)
        .outerjoin(
            published_passes,
            and_(
                published_passes.c.serial_number == cards.c.serial_number,
                published_passes.c.platform == bindparam("platform"),
            ),
        )
        .outerjoin(dirty_cards, dirty_cards.c.serial_number == cards.c.serial_number)
    )
    .where(cards.c.serial_number == bindparam("serial"))
)


def find(tx: Tx, platform: str, serial_number: str) -> StoredPass | None:
    """Return a card's pass, whatever its merchant."""
    row = tx.execute(_STORED, {"platform": platform, "serial": serial_number}).one_or_none()
    if row is None:
        return None
    published = None
    if row.sequence is not None:
        published = PublishedPass(
            serial_number=serial_number,
            platform=platform,
            merchant_id=row.merchant_id,
            sequence=row.sequence,
            last_modified=row.last_modified,
            content_hash=row.content_hash,
            parts=row.parts,
            document=row.document,
            checks=row.checks,
        )
    return StoredPass(to_card(row), row.kind, published, dirty=row.mark is not None, expected=row.expected)
