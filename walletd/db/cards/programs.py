"""Programs and their rules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
    update,
)

from walletd.db.engine.base import Tx, locked, merchant_column, metadata
from walletd.db.engine.bulk import one_of
from walletd.db.engine.pages import Listing, fetch_page, says
from walletd.db.merchants.merchants import merchants
from walletd.db.outbox import webhooks
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.cards.programs import Program
from walletd.domain.pages import Page, PageRequest

programs = Table(
    "programs",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("currency", String(3)),
    Column("template", String(64), nullable=False),
    Column("rules", JSON, nullable=False),
    Column("republish_after", String(26)),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "id"),
)


_WITH_ZONES = (
    select(programs, merchants.c.timezone)
    .join(merchants, merchants.c.id == programs.c.merchant_id)
    .where(one_of(programs.c.id, "ids"))
)
_FOR_BOOKING = _WITH_ZONES.add_columns(webhooks.is_notified(programs.c.merchant_id).label("is_notified"))


def insert(tx: Tx, program: Program) -> None:
    """Store a new program."""
    tx.execute(
        programs.insert(),
        {
            "id": program.id,
            "merchant_id": program.merchant_id,
            "kind": program.kind,
            "name": program.name,
            "unit": program.unit,
            "currency": program.currency,
            "template": program.template,
            "rules": dict(program.rules),
            "created_at": milliseconds(program.created_at),
        },
    )


def find(tx: Tx, merchant_id: str, program_id: str, *, lock: bool = False) -> Program | None:
    """Return a merchant's program; with `lock` it stays as read until commit."""
    query = select(programs).where(programs.c.id == program_id, programs.c.merchant_id == merchant_id)
    row = tx.execute(locked(query) if lock else query).one_or_none()
    return None if row is None else _program(row)


def with_zones(tx: Tx, program_ids: Collection[str]) -> dict[str, tuple[Program, str]]:
    """Return programs by id, each with the time zone of its merchant."""
    rows = tx.execute(_WITH_ZONES, {"ids": list(program_ids)})
    return {row.id: (_program(row), row.timezone) for row in rows}


def for_booking(tx: Tx, program_ids: Collection[str]) -> dict[str, tuple[Program, str, bool]]:
    """Return programs by id, each with the time zone of its merchant and whether any of its endpoints is active."""
    rows = tx.rows(_FOR_BOOKING, {"ids": list(program_ids)})
    return {row.id: (_program(row), row.timezone, bool(row.is_notified)) for row in rows}


def page(tx: Tx, merchant_id: str, request: PageRequest) -> Page[Program]:
    """Return a page of a merchant's programs."""
    query = select(programs).where(programs.c.merchant_id == merchant_id)
    sorts = {"created_at": programs.c.created_at, "name": programs.c.name, "kind": programs.c.kind}
    listing = Listing(sorts, programs.c.id, _program, search=lambda text: says(programs.c.name, text))
    return fetch_page(tx, query, request, listing)


def change(tx: Tx, program: Program) -> None:
    """Store a program's name and rules."""
    tx.execute(
        update(programs)
        .where(programs.c.id == program.id, programs.c.merchant_id == program.merchant_id)
        .values(name=program.name, rules=dict(program.rules))
    )


def request_republishing(tx: Tx, merchant_id: str, program_id: str | None = None) -> list[str]:
    """Store that all cards of a program, or of all programs of a merchant, are to be published anew; return which."""
    chosen = programs.c.merchant_id == merchant_id
    if program_id is not None:
        chosen &= programs.c.id == program_id
    rows = tx.execute(update(programs).where(chosen).values(republish_after="").returning(programs.c.id))
    return sorted(row.id for row in rows)


def to_republish(tx: Tx) -> list[str]:
    """Return the programs of all merchants whose cards are still to be published anew."""
    return list(tx.execute(select(programs.c.id).where(programs.c.republish_after.is_not(None))).scalars())


def lock_republishing(tx: Tx, program_id: str) -> str | None:
    """Return up to which serial number a program's cards are marked, locked until commit; None: nothing is to do."""
    query = select(programs.c.republish_after).where(programs.c.id == program_id)
    after: str | None = tx.execute(locked(query)).scalar_one_or_none()
    return after


def store_republishing(tx: Tx, program_id: str, after: str | None) -> None:
    """Store up to which serial number a program's cards are marked; None once all are."""
    tx.execute(update(programs).where(programs.c.id == program_id).values(republish_after=after))


def _program(row: Row[Any]) -> Program:
    return Program(
        id=row.id,
        merchant_id=row.merchant_id,
        kind=row.kind,
        name=row.name,
        unit=row.unit,
        currency=row.currency,
        template=row.template,
        rules=row.rules,
        created_at=from_milliseconds(row.created_at),
    )
