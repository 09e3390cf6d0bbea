"""Lists by keyset: one page of a query, ordered by a column and the id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, tuple_

from walletd.db.base import Tx
from walletd.domain.pages import Page, PageRequest, decode_cursor, encode_cursor
from walletd.domain.programs import invalid

Item = TypeVar("Item")


def fetch_page(
    tx: Tx,
    query: Select[Any],
    request: PageRequest,
    *,
    sorts: Mapping[str, ColumnElement[Any]],
    identifier: ColumnElement[Any],
    to_item: Callable[[Row[Any]], Item],
) -> Page[Item]:
    """Return one page. `sort` is a name of `sorts`, with a minus in front for descending order; the first is usual."""
    wanted = request.sort or next(iter(sorts))
    column = sorts.get(wanted.removeprefix("-"))
    if column is None:
        raise invalid("/sort", f"must be one of {', '.join(sorts)}, with - in front for descending order")
    descending = wanted.startswith("-")
    position = decode_cursor(request.cursor, 2)
    if position is not None:
        here, last = tuple_(column, identifier), tuple_(*position)
        query = query.where(here < last if descending else here > last)
    order = (column.desc(), identifier.desc()) if descending else (column, identifier)
    rows = tx.execute(
        query.order_by(*order)
        .add_columns(column.label("sort_value"), identifier.label("sort_id"))
        .limit(request.page_size + 1)
    ).all()
    shown = rows[: request.page_size]
    more = len(rows) > request.page_size
    cursor = encode_cursor(shown[-1].sort_value, shown[-1].sort_id) if more else None
    return Page(tuple(to_item(row) for row in shown), cursor)


def contains(column: ColumnElement[Any], search: str) -> ColumnElement[bool]:
    """Return the condition that a lower-case column contains the text, taken literally."""
    return column.like(f"%{literally(search.casefold())}%", escape="\\")


def literally(text: str) -> str:
    """Return a text as LIKE takes it literally, with a backslash as escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
