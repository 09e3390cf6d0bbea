"""The books of an earlier schema: upgraded with all they hold, and still proved."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from tests.builders import START
from walletd.bootstrap import build_runtime
from walletd.db.engine.database import migrate, open_database
from walletd.db.ledger import accounts, lots
from walletd.domain.calendar import milliseconds, rfc3339
from walletd.domain.errors import ReversalNotAllowed
from walletd.domain.ledger.bookings.commands import Reverse
from walletd.domain.merchants.principals import Principal, PrincipalKind
from walletd.services.ledger.ledger import Ledger
from walletd.services.ledger.proof import Proof
from walletd.settings import Settings

_MIGRATIONS = Path(__file__).parents[2] / "walletd" / "db" / "migrations"
_AMOUNTS = (30, -10, 50, -60, 5)


_MERCHANT = "INSERT INTO merchants VALUES ('mer_1', 'Shop', 'EUR', 'UTC', '[]', 1, 0)"
_PROGRAM = (
    "INSERT INTO programs (id, merchant_id, kind, name, unit, template, rules, created_at)"
    " VALUES ('prg_1', 'mer_1', 'loyalty', 'Card', 'points', 'loyalty', '{}', 0)"
)
_CUSTOMER = (
    "INSERT INTO customers (id, merchant_id, number, address, tags, custom_fields, utm, search_text, crm_active,"
    " loyalty_status, redeem_blocked, created_at)"
    " VALUES ('cus_1', 'mer_1', 1, '{}', '[]', '{}', '{}', '', true, 'active', false, 0)"
)
_ACCOUNT = "INSERT INTO accounts VALUES ('acc_1', 'mer_1', 'prg_1', 'cus_1', 'points', NULL, 15, 85, 5, :head)"


def seed(connection: Connection) -> None:
    """Make the first schema with an account that five entries of the first format lead to."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    rows = (_MERCHANT, _PROGRAM, _CUSTOMER, _ACCOUNT)
    entries = chain()
    head = entries[-1]["hash"]
    for row in rows:
        connection.execute(text(row), {"head": head} if ":head" in row else {})
    for entry in entries:
        connection.execute(
            text(
                "INSERT INTO transactions (id, merchant_id, serial_number, account_id, type, purchase_total, actor,"
                " created_at) VALUES (:transaction_id, 'mer_1', 's', 'acc_1', 'purchase', 3000, 'key', :created_at)"
            ),
            entry,
        )
        connection.execute(
            text(
                "INSERT INTO ledger_entries (account_id, sequence, id, merchant_id, transaction_id, merchant_account,"
                " kind, amount, unit, balance_after, created_at, previous_hash, hash) VALUES ('acc_1', :sequence, :id,"
                " 'mer_1', :transaction_id, 'issued', :kind, :amount, 'points', :balance, :created_at, :previous,"
                " :hash)"
            ),
            entry,
        )


def chain() -> list[dict[str, object]]:
    """Return entries as the first schema hashed them."""
    made, previous, balance = list[dict[str, object]](), "0" * 64, 0
    for number, amount in enumerate(_AMOUNTS, 1):
        balance += amount
        kind = "manual_credit" if amount > 0 else "manual_debit"
        names = (previous, f"ent_{number}", f"txn_{number}", "acc_1", "issued", kind, str(amount), "points", "")
        content = "\x1f".join((*names, str(number), str(balance), rfc3339(START)))
        digest = hashlib.sha256(content.encode()).hexdigest()
        made.append(
            {
                "sequence": number,
                "id": f"ent_{number}",
                "transaction_id": f"txn_{number}",
                "kind": kind,
                "amount": amount,
                "balance": balance,
                "created_at": milliseconds(START),
                "previous": previous,
                "hash": digest,
            }
        )
        previous = digest
    return made


async def upgraded(url: str) -> tuple[tuple[int, int], list[tuple[str, int]]]:
    """Upgrade, prove, and return what was proved and what is left of which lot."""
    migrate(url)
    database = open_database(url)
    await database.start()
    settings = Settings(environment="demo", database_url=url, public_url="https://shop.test", master_key="42" * 32)
    runtime, apple, _ = build_runtime(settings, database, {}, lambda: START)
    try:
        proved = await Proof(runtime).verify()
        with pytest.raises(ReversalNotAllowed):
            await Ledger(runtime).reverse(
                Principal("mer_1", PrincipalKind.API_KEY, "key", "key"), Reverse("txn_1"), "k"
            )
        account = await database.read(accounts.find, "mer_1", "acc_1")
        pages = await database.read(lambda tx: list(lots.in_consumption_order(tx, "acc_1")))
    finally:
        await apple.close()
        await database.close()
    assert account is not None
    assert account.balance == 15
    return proved, [(lot.id, lot.remaining) for page in pages for lot in page]


async def test_the_first_schema_is_upgraded_on_sqlite_and_its_books_still_hold(tmp_path: Path) -> None:
    """What is left of old credits becomes lots, as if the oldest had been consumed first."""
    url = f"sqlite:///{tmp_path / 'walletd.sqlite3'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        seed(connection)
    engine.dispose()
    assert await upgraded(url) == ((1, 5), [("ent_3", 10), ("ent_5", 5)])
    assert (tmp_path / "walletd-before-upgrade-from-0001.db").stat().st_size > 0


async def test_the_first_schema_is_upgraded_on_postgresql_and_its_books_still_hold(empty_postgres_url: str) -> None:
    """The same on the large installation's engine."""
    engine = create_engine(empty_postgres_url)
    with engine.begin() as connection:
        seed(connection)
    engine.dispose()
    assert await upgraded(empty_postgres_url) == ((1, 5), [("ent_3", 10), ("ent_5", 5)])
