"""What a till waits for costs the same in a large shop: no statement of it walks through a table."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Engine, event

from tests.builders import open_shop
from walletd.db.database import open_database
from walletd.db.schema import metadata

# Queues, from which everything that is there is taken, and tables with a row or two per merchant.
_SMALL = {
    "dirty_cards",
    "delivery_targets",
    "delivery_lanes",
    "webhook_messages",
    "publish_counters",
    "merchant_credentials",
}


async def test_no_booking_and_no_publishing_walks_through_a_table(sqlite_url: str) -> None:
    """Every statement of a booking, a reservation, a reversal and a publishing finds its rows by an index."""
    spoken: list[str] = []

    def listen(connection: Any, _record: object) -> None:
        connection.set_trace_callback(lambda line: None if line.startswith("--") else spoken.append(line))

    database = open_database(sqlite_url)
    event.listen(Engine, "connect", listen)
    try:
        await database.start()
        async with open_shop(database) as shop:
            card = await shop.card()
            serial = card["serial_number"]
            await shop.register(serial)
            spoken.clear()
            booked = await shop.book(serial, "credit", 50)
            await shop.book(card["key"], "debit", 5)
            await shop.capture((await shop.reserve(serial, 5))["code"], 3)
            await shop.release((await shop.reserve(serial, 5))["code"])
            await shop.reserve(serial, 5)
            await shop.reverse(booked["transaction_id"])
            await shop.settle()
            shop.clock.advance(minutes=16)
            await shop.services.upkeep.settle_due()
    finally:
        event.remove(Engine, "connect", listen)
        await database.close()
    assert len(spoken) > 100
    walked = {step for statement in set(spoken) for step in steps(sqlite_url, statement) if walks(step)}
    assert walked == set()


def steps(url: str, statement: str) -> list[str]:
    """Return how SQLite goes about a statement; nothing where it has no plan."""
    if not statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
        return []
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    finally:
        connection.close()


def walks(step: str) -> bool:
    """Say whether a step reads a whole table."""
    verb, _, rest = step.partition(" ")
    table = rest.partition(" ")[0]
    return verb == "SCAN" and table in set(metadata.tables) - _SMALL
