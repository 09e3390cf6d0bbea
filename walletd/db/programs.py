"""Programs and their rules."""

from __future__ import annotations

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
    func,
    select,
    update,
)

from walletd.db.base import Tx, merchant_column, metadata
from walletd.db.pages import contains, fetch_page
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.pages import Page, PageRequest
from walletd.domain.programs import Program

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
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "id"),
)


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


def find(tx: Tx, merchant_id: str, program_id: str) -> Program | None:
    """Return a merchant's program."""
    row = tx.execute(
        select(programs).where(programs.c.id == program_id, programs.c.merchant_id == merchant_id)
    ).one_or_none()
    return None if row is None else _program(row)


def page(tx: Tx, merchant_id: str, request: PageRequest) -> Page[Program]:
    """Return a page of a merchant's programs."""
    query = select(programs).where(programs.c.merchant_id == merchant_id)
    if request.search:
        query = query.where(contains(func.lower(programs.c.name), request.search))
    sorts = {"created_at": programs.c.created_at, "name": programs.c.name, "kind": programs.c.kind}
    return fetch_page(tx, query, request, sorts=sorts, identifier=programs.c.id, to_item=_program)


def change(tx: Tx, program: Program) -> None:
    """Store a program's name and rules."""
    tx.execute(
        update(programs)
        .where(programs.c.id == program.id, programs.c.merchant_id == program.merchant_id)
        .values(name=program.name, rules=dict(program.rules))
    )


def _program(row: Row[Any]) -> Program:
    return Program(
        row.id,
        row.merchant_id,
        row.kind,
        row.name,
        row.unit,
        row.currency,
        row.template,
        row.rules,
        from_milliseconds(row.created_at),
    )
