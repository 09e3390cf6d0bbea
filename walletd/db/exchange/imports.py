"""Imports and their rows: validated, booked batch by batch, forgotten after a while."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
    update,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, moment, partial_index, reference, stored
from walletd.db.engine.bulk import insert_rows, one_of, update_rows
from walletd.db.engine.pages import Listing, fetch_page
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.exchange.imports import CardAction, CheckedRow, CustomerAction, ImportHead, ImportState
from walletd.domain.merchants.principals import kind_of
from walletd.domain.pages import Page, PageRequest

imports = Table(
    "imports",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("program_id", String(30)),
    Column("actor", String(30), nullable=False),
    Column("actor_kind", String(16)),
    Column("state", String(16), nullable=False),
    Column("lenient", Boolean, nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("rules_digest", String(64), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("warnings", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("cards", BigInteger, nullable=False),
    Column("bookings", BigInteger, nullable=False),
    Column("booked", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("left_out", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("reason", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "id"),
    Index(None, "created_at"),
)

import_rows = Table(
    "import_rows",
    metadata,
    Column("import_id", String(30), primary_key=True),
    Column("line", BigInteger, primary_key=True),
    merchant_column(),
    Column("place", Text),
    Column("email", Text),
    Column("number", BigInteger),
    Column("card_key", String(64)),
    Column("action", String(16), nullable=False),
    Column("card", String(16), nullable=False),
    Column("customer_id", String(30)),
    Column("seen", String(32), nullable=False),
    Column("amount", BigInteger),
    Column("wish", JSON, nullable=False),
    Column("findings", JSON, nullable=False),
    Column("level", Integer, nullable=False),
    Column("outcome", Text),
    Column("serial_number", String(26)),
    Column("transaction_id", String(30)),
    reference("imports", "import_id"),
    Index(None, "import_id", "place"),
    Index(None, "customer_id"),
    Index(None, "import_id", "email"),
    Index(None, "import_id", "card_key"),
    partial_index("ix_import_rows_noted", "import_id", "line", where="level > 0"),
    partial_index("ix_import_rows_left_out", "import_id", "line", where="outcome IS NOT NULL"),
)

_COUNTS: Final = ("rows", "errors", "warnings", "created", "updated", "cards", "bookings", "booked")


_HEAD_FIELDS: Final = tuple(item.name for item in fields(ImportHead))
# One column keeps the name that the first schema gave it, because rows are forgotten after a while anyhow.
_ROW_COLUMNS: Final = {item.name: {"content": "wish"}.get(item.name, item.name) for item in fields(CheckedRow)}


def _lines_with(name: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    column = import_rows.c[name]
    return select(import_rows.c.line, column.label("value")).where(
        import_rows.c.import_id == bindparam("import"), one_of(column, "values"), *conditions
    )


_LINES_WITH: Final = {
    "place": _lines_with("place"),
    "email": _lines_with("email"),
    "email_alone": _lines_with("email", import_rows.c.number.is_(None)),
    "card_key": _lines_with("card_key"),
}


def insert(tx: Tx, head: ImportHead) -> None:
    """Store a new import."""
    values = {name: getattr(head, name) for name in _HEAD_FIELDS}
    values |= {"created_at": milliseconds(head.created_at), "ended_at": stored(head.ended_at)}
    tx.execute(imports.insert(), values)


def store(tx: Tx, head: ImportHead) -> None:
    """Store what an import has come to."""
    values = {name: getattr(head, name) for name in (*_COUNTS, "state", "done", "left_out", "position", "reason")}
    tx.execute(update(imports).where(imports.c.id == head.id).values(**values, ended_at=stored(head.ended_at)))


def find(tx: Tx, merchant_id: str, import_id: str, *, lock: bool = False) -> ImportHead | None:
    """Return a merchant's import; with `lock` it stays as read until commit."""
    query = select(imports).where(imports.c.id == import_id, imports.c.merchant_id == merchant_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _head(row)


def running_with(tx: Tx, merchant_id: str, program_id: str | None, sha256: str) -> ImportHead | None:
    """Return the import of the same file into the same program that is being booked, if there is one."""
    query = select(imports).where(
        imports.c.merchant_id == merchant_id, imports.c.state == ImportState.COMMITTING, imports.c.file_sha256 == sha256
    )
    found = (_head(row) for row in tx.execute(query))
    return next((head for head in found if head.program_id == program_id), None)


def insert_import_rows(tx: Tx, head: ImportHead, made: Sequence[CheckedRow]) -> None:
    """Store validated rows."""
    insert_rows(
        tx,
        import_rows,
        [
            {
                "import_id": head.id,
                "merchant_id": head.merchant_id,
                **{column: getattr(row, name) for name, column in _ROW_COLUMNS.items()},
            }
            for row in made
        ],
    )


def lines_with(tx: Tx, import_id: str, what: str, values: Collection[str]) -> dict[str, int]:
    """Return in which line of an import values stand, for those that do.

    `what` is `place`, `email`, `card_key`, or `email_alone`: addresses of rows without a number.
    """
    if not values:
        return {}
    rows = tx.execute(_LINES_WITH[what], {"import": import_id, "values": sorted(values)})
    return {row.value: row.line for row in rows}


def rows_after(tx: Tx, import_id: str, line: int, limit: int) -> list[CheckedRow]:
    """Return the next rows after a line, in order."""
    return _rows_of(tx, import_rows.c.import_id == import_id, import_rows.c.line > line, limit=limit)


def page_of_rows(tx: Tx, import_id: str, request: PageRequest) -> Page[CheckedRow]:
    """Return a page of the rows of an import, in the order of the file."""
    query = select(import_rows).where(import_rows.c.import_id == import_id)
    line = import_rows.c.line
    return fetch_page(tx, query, request, Listing({"line": line}, line, _row))


def noted_rows(tx: Tx, import_id: str, limit: int) -> list[CheckedRow]:
    """Return the first rows about which there is something to say."""
    return _rows_of(tx, import_rows.c.import_id == import_id, import_rows.c.level > 0, limit=limit)


def left_out_rows(tx: Tx, import_id: str, limit: int) -> list[CheckedRow]:
    """Return the first rows that were left out."""
    return _rows_of(tx, import_rows.c.import_id == import_id, import_rows.c.outcome.is_not(None), limit=limit)


def highest_number(tx: Tx, import_id: str) -> int | None:
    """Return the highest customer number that rows of an import name."""
    query = select(func.max(import_rows.c.number)).where(import_rows.c.import_id == import_id)
    found: int | None = tx.execute(query).scalar_one()
    return found


def store_outcomes(tx: Tx, import_id: str, done: Sequence[CheckedRow]) -> None:
    """Store what became of rows."""
    update_rows(
        tx,
        import_rows,
        [
            {
                "import_id": import_id,
                "line": row.line,
                "outcome": row.outcome,
                "customer_id": row.customer_id,
                "serial_number": row.serial_number,
                "transaction_id": row.transaction_id,
            }
            for row in done
        ],
    )


def forget_customers(tx: Tx, customer_ids: Collection[str]) -> None:
    """Forget what files said of customers; that there was a row stays."""
    about = import_rows.c.customer_id.in_(list(customer_ids))
    tx.execute(update(import_rows).where(about).values(wish={}, findings=[], place=None, email=None, outcome=None))


def purge(tx: Tx, before: datetime, limit: int) -> int:
    """Forget up to `limit` rows of imports older than an instant, then the imports; return how many went.

    One that is being booked stays.
    """
    old = select(imports.c.id).where(
        imports.c.created_at < milliseconds(before), imports.c.state != ImportState.COMMITTING
    )
    import_ids = list(tx.execute(old.order_by(imports.c.created_at).limit(10)).scalars())
    if not import_ids:
        return 0
    lines = (
        select(import_rows.c.import_id, import_rows.c.line).where(import_rows.c.import_id.in_(import_ids)).limit(limit)
    )
    found = list(tx.execute(lines))
    for import_id in import_ids if found else ():
        gone = [row.line for row in found if row.import_id == import_id]
        tx.execute(delete(import_rows).where(import_rows.c.import_id == import_id, import_rows.c.line.in_(gone)))
    if found:
        return len(found)
    return int(tx.execute(delete(imports).where(imports.c.id.in_(import_ids))).rowcount)


def _rows_of(tx: Tx, *conditions: Any, limit: int) -> list[CheckedRow]:
    query = select(import_rows).where(*conditions).order_by(import_rows.c.line).limit(limit)
    return [_row(row) for row in tx.execute(query)]


def _row(row: Row[Any]) -> CheckedRow:
    values = {name: getattr(row, column) for name, column in _ROW_COLUMNS.items()}
    return CheckedRow(**values | {"action": CustomerAction(row.action), "card": CardAction(row.card)})


def _head(row: Row[Any]) -> ImportHead:
    values = {name: getattr(row, name) for name in _HEAD_FIELDS}
    kind = kind_of(row.actor, row.actor_kind)
    values |= {"state": ImportState(row.state), "actor_kind": kind, "ended_at": moment(row.ended_at)}
    return ImportHead(**values | {"created_at": from_milliseconds(row.created_at)})
