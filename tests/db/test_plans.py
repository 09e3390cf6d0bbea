"""What a till waits for costs the same in a large shop: no statement of it walks through a table."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from tests.builders import Shop, new_customer, open_shop
from tests.services.customers.merging import merged
from tests.services.exchange.importing import a_file, take_in
from walletd.db.engine.base import Tx
from walletd.db.engine.bulk import count_small_tables
from walletd.db.engine.database import open_database
from walletd.db.merchants import idempotency
from walletd.db.schema import metadata
from walletd.domain.promotions.orders import NewOrder

Looked = TypeVar("Looked")

# Queues, from which everything that is there is taken, and tables with a row or two per merchant.
_SMALL = {
    "dirty_cards",
    "delivery_targets",
    "delivery_lanes",
    "webhook_messages",
    "publish_counters",
    "merchant_credentials",
}

_STROLL = re.compile(r"SEARCH (customers|cards|accounts|orders) .*\(merchant_id=\?\)")


async def test_no_booking_and_no_publishing_walks_through_a_table(sqlite_url: str) -> None:
    """Every statement of a booking, a reservation, a reversal and a publishing finds its rows by an index."""
    async with a_listened_shop(sqlite_url) as (shop, spoken):
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
        await shop.until_idle()
        shop.clock.advance(minutes=16)
        await shop.services.upkeep.advance_due()
    assert len(spoken) > 100
    walked = {step for statement in set(spoken) for step in steps(sqlite_url, statement) if walks(step)}
    assert walked == set()


async def test_nothing_that_is_done_to_one_customer_walks_through_all_of_them(sqlite_url: str) -> None:
    """Registration, an import, an order, a merge and its undoing cost the same with a million customers beside."""
    async with a_listened_shop(sqlite_url) as (shop, spoken):
        program = await shop.program()
        spoken.clear()
        new = new_customer(last_name="Muster", email="a@b.example", phone="0171 5550199")
        one, other = [await shop.card(customer=new) for _ in range(2)]
        rows = ([7, "Neu", "c@d.example", 5], ["", "Alt", "a@b.de", 1])
        await take_in(shop, a_file(["Kundennummer", "Nachname", "E-Mail", "Saldo"], *rows), "loyalty")
        order = NewOrder("webshop", "1", "order", 1, "EUR", shop.clock())
        await shop.services.orders.report(shop.principal, order, customer_id=one["customer_id"], card=None)
        merge = await merged(shop, one, other)
        await shop.undo(merge["merge_id"])
        await shop.services.customers.update(shop.principal, one["customer_id"], {"email": "x@y.example"})
    assert program
    assert len(spoken) > 100
    walked = [
        f"{step}: {statement}"
        for statement in sorted(set(spoken))
        for step in steps(sqlite_url, statement)
        if walks(step) or strolls(step)
    ]
    assert walked == []


@asynccontextmanager
async def a_listened_shop(url: str) -> AsyncIterator[tuple[Shop, list[str]]]:
    """Open a shop, and write down every statement that it speaks to SQLite."""
    spoken: list[str] = []

    def listen(connection: Any, _record: object) -> None:
        def write_down(line: str) -> None:
            if not line.startswith("--"):
                spoken.append(line)

        if hasattr(connection, "run_async"):  # a connection of long reads, which belongs to a thread of aiosqlite
            connection.run_async(lambda driver: driver.set_trace_callback(write_down))
        else:
            connection.set_trace_callback(write_down)

    database = open_database(url)
    event.listen(Engine, "connect", listen)
    try:
        await database.start()
        async with open_shop(database) as shop:
            yield shop, spoken
    finally:
        event.remove(Engine, "connect", listen)
        await database.close()


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


def strolls(step: str) -> bool:
    """Say whether a step reads everything that a merchant has in a table which grows with the customers."""
    return _STROLL.fullmatch(step) is not None


@pytest.mark.parametrize(("keys", "counted"), [(100_000, True), (2_000, False)], ids=["a busy till", "a new shop"])
async def test_a_server_finds_keys_by_the_whole_key(postgres_url: str, keys: int, *, counted: bool) -> None:
    """The plan it keeps for any keys does not read all keys that the till ever used, as one by its owner would.

    Nor all that there are, where it was made before the server counted what a new shop has.
    """

    def steps_taken(tx: Tx) -> list[dict[str, Any]]:
        tx.execute(text(_MANY_KEYS), {"keys": keys})
        if counted:
            tx.execute(text("ANALYZE idempotency_records"))
        dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        query = str(idempotency._PLACES.compile(dialect=dialect)).replace("%(places)s", "$1")
        return reading(tx, query, ["[]"])

    found = await on_a_server(postgres_url, steps_taken)
    assert [node["Relation Name"] for node in found] == ["idempotency_records"]
    assert all(name in found[0]["Index Cond"] for name in ("merchant_id", "owner", "route", "key"))


async def test_an_import_makes_a_server_check_references_by_the_whole_key(postgres_url: str) -> None:
    """While it takes a table for small, all indexes that begin with the merchant cost it alike, and the newest wins.

    By any other than the key, each new row would read all customers or all cards of the merchant.
    """
    keys = {
        (reference.referred_table.name, tuple(part.column.name for part in reference.elements))
        for table in metadata.sorted_tables
        for reference in table.foreign_key_constraints
        if reference.referred_table.name in {"customers", "cards", "accounts"}
    }

    def look_up(tx: Tx, target: str, columns: tuple[str, ...]) -> str:
        asked = " AND ".join(f"{name} = ${place}" for place, name in enumerate(columns, 1))
        query = f"SELECT 1 FROM ONLY {target} WHERE {asked} FOR KEY SHARE"  # noqa: S608 - names of our own tables
        found: str = reading(tx, query, [""] * len(columns))[0]["Index Cond"]
        return found

    def conditions(tx: Tx) -> dict[str, str]:
        return {target: look_up(tx, target, columns) for target, columns in keys}

    async def fill(shop: Shop) -> None:
        lines: list[list[object]] = [[f"Muster {n}", f"m{n}@example.org", n] for n in range(1, 111)]
        await take_in(shop, a_file(["Nachname", "E-Mail", "Saldo"], *lines), "loyalty")

    found = await on_a_server(postgres_url, conditions, fill)
    assert set(found) == {"customers", "cards", "accounts"}
    assert [target for target, met in found.items() if not ("(id)" in met or "(serial_number)" in met)] == []


async def test_a_locked_table_is_left_out_when_the_server_counts(postgres_url: str) -> None:
    """An import neither waits nor fails because somebody vacuums a table meanwhile; the others are counted."""

    def counted(tx: Tx) -> dict[str, bool]:
        with psycopg.connect(postgres_url.replace("+psycopg", "")) as other:
            other.execute("LOCK TABLE customers IN SHARE UPDATE EXCLUSIVE MODE")
            count_small_tables(tx)
        names = "SELECT relname, reltuples >= 0 AS is_counted FROM pg_class WHERE relname IN ('customers', 'merchants')"
        return {row.relname: row.is_counted for row in tx.rows(text(names))}

    assert await on_a_server(postgres_url, counted) == {"customers": False, "merchants": True}


async def nothing(_shop: Shop) -> None:
    """Do nothing."""


async def on_a_server(
    url: str, look: Callable[[Tx], Looked], act: Callable[[Shop], Awaitable[None]] = nothing
) -> Looked:
    """Return what is seen from a writing connection to a new shop, after something is done there."""
    database = open_database(url)
    try:
        await database.start()
        async with open_shop(database) as shop:
            await act(shop)
            return await database.write(look)
    finally:
        await database.close()


def reading(tx: Tx, query: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """Return the steps by which a server reads tables, in the plan that it keeps for any values."""
    tx.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    tx.execute(text(f"PREPARE looked AS {query}".replace(":", "\\:")))
    given = ", ".join(f"'{value}'" for value in values)
    plan = tx.execute(text(f"EXPLAIN (FORMAT JSON) EXECUTE looked ({given})")).scalar_one()[0]["Plan"]
    tx.execute(text("DEALLOCATE looked"))
    return [node for node in nodes(plan) if "Relation Name" in node]


_MANY_KEYS = """
INSERT INTO idempotency_records (merchant_id, owner, route, key, request_hash, status, created_at)
SELECT id, 'key_1', 'transactions', 'k' || n, '', 201, 0 FROM merchants, generate_series(1, :keys) AS n
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a plan's steps."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)
