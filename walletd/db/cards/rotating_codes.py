"""Rotating codes that booked something: each period of a card counts once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import BigInteger, Column, Index, String, Table, select, text

from walletd.db.engine.base import Tx, merchant_column, metadata, reference
from walletd.db.engine.bulk import insert_rows

rotating_codes = Table(
    "rotating_codes",
    metadata,
    Column("serial_number", String(26), primary_key=True),
    Column("counter", BigInteger, primary_key=True),
    merchant_column(),
    reference("cards", "serial_number", target=("merchant_id", "serial_number")),
    Index(None, "counter"),
)

_PURGE: Final = text(
    "DELETE FROM rotating_codes WHERE (serial_number, counter) IN"
    " (SELECT serial_number, counter FROM rotating_codes WHERE counter < :before LIMIT :limit)"
)


def used(tx: Tx, serial_numbers: Collection[str]) -> set[tuple[str, int]]:
    """Return the periods of cards that booked something."""
    query = select(rotating_codes).where(rotating_codes.c.serial_number.in_(list(serial_numbers)))
    return {(row.serial_number, row.counter) for row in tx.execute(query)}


def use(tx: Tx, codes: Collection[tuple[str, str, int]]) -> None:
    """Note codes that booked something: merchant, serial number, period."""
    rows = [
        {"merchant_id": merchant, "serial_number": serial_number, "counter": counter}
        for merchant, serial_number, counter in codes
    ]
    insert_rows(tx, rotating_codes, rows)


def purge(tx: Tx, before: int, limit: int) -> int:
    """Forget up to `limit` codes of periods long over; return how many."""
    return tx.execute(_PURGE, {"before": before, "limit": limit}).rowcount
