"""Lists by keyset: one page of a query, ordered by a column and the id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, func, tuple_

from walletd.db.engine.base import Tx
from walletd.domain.errors import CursorInvalid
from walletd.domain.pages import Page, PageRequest, decode_cursor, encode_cursor
from walletd.domain.validation import invalid

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """How a list is read."""

    sorts: Mapping[str, ColumnElement[Any]]
    """Name of each order → its column; a minus in front of the name turns it."""
    identifier: ColumnElement[Any]
    to_item: Callable[[Row[Any]], Item]
    usual: str = ""
    """The order unless another one is asked for; else the first."""
    search: Callable[[str], ColumnElement[bool]] | None = None
    """Return the condition for a text that is searched; None: the list is not searched."""


def fetch_page(tx: Tx, query: Select[Any], request: PageRequest, listing: Listing[Item]) -> Page[Item]:
    """Return one page; raises ValidationFailed for an order or a search that the list does not have."""
    sorts, identifier, to_item = listing.sorts, listing.identifier, listing.to_item
    wanted = request.sort or listing.usual or next(iter(sorts))
    column = sorts.get(wanted.removeprefix("-"))
    if column is None:
        raise invalid("/sort", f"must be one of {', '.join(sorts)}, with - in front for descending order")
    if request.search:
        if listing.search is None:
            raise invalid("/search", "is not possible in this list")
        query = query.where(listing.search(request.search))
    descending = wanted.startswith("-")
    position = decode_cursor(request.cursor, 2)
    if position is not None:
        _check_position(position, (column, identifier))
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


def _check_position(position: Sequence[str | int], columns: Sequence[ColumnElement[Any]]) -> None:
    """Raise CursorInvalid for a cursor of another list, or of another order: it has other types."""
    for part, column in zip(position, columns, strict=True):
        if isinstance(part, int) != (column.type.python_type is not str):
            raise CursorInvalid


def contains(column: ColumnElement[Any], search: str) -> ColumnElement[bool]:
    """Return the condition that a lower-case column contains the text, taken literally."""
    return column.like(f"%{literally(search.casefold())}%", escape="\\")


def either(
    one: ColumnElement[Any], other: ColumnElement[Any], found: Collection[str] | Select[Any]
) -> ColumnElement[bool]:
    """Return the condition that one of two columns is among names, or among what a query finds."""
    names = found if isinstance(found, Select) else list(found)
    return one.in_(names) | other.in_(names)


def says(column: ColumnElement[Any], search: str) -> ColumnElement[bool]:
    """Return the condition that a column of any letters contains the text, as typed or in lower case.

    SQLite itself lowers ASCII only; other letters are found as they were typed.
    """
    lower = func.lower(column).like(f"%{literally(search.lower())}%", escape="\\")
    return column.like(f"%{literally(search)}%", escape="\\") | lower


def literally(text: str) -> str:
    """Return a text as LIKE takes it literally, with a backslash as escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
