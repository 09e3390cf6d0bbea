"""Lots and redemptions (expand): credits with lock and validity, reservations, debt, and a chain that covers them.

Entries of before keep their hashes (format 1). What is left of their credits becomes lots without lock and end, as if
every debit had consumed the oldest credit first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NEVER = 2**62


def upgrade() -> None:
    """Widen accounts, transactions and entries, and make lots of what the accounts hold."""
    _widen_accounts()
    _widen_transactions()
    _widen_entries()
    op.add_column("cards", sa.Column("status_before", sa.String(16), nullable=True))
    _create_lots()
    _create_redemptions()
    _open_lots(op.get_bind())


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _moment(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=True)


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _widen_accounts() -> None:
    with op.batch_alter_table("accounts") as table:
        for name in ("expired", "reserved", "debt", "unallocated", "turnover", "carry"):
            table.add_column(_number(name))
        for name in ("member_until", "due_at", "next_expiry", "last_unlock"):
            table.add_column(_moment(name))
        table.add_column(sa.Column("tier", sa.Text(), nullable=True))
        table.add_column(sa.Column("fault", sa.Text(), nullable=True))
        table.drop_constraint(op.f("ck_accounts_balance_not_negative"), type_="check")
        table.create_check_constraint(op.f("ck_accounts_balance_covered"), "balance + debt >= 0")
        table.create_check_constraint(
            op.f("ck_accounts_parts_not_negative"), "debt >= 0 AND reserved >= 0 AND unallocated >= 0"
        )
    _partial_index("ix_accounts_due", "accounts", ["due_at"], "due_at IS NOT NULL")


def _widen_transactions() -> None:
    with op.batch_alter_table("transactions") as table:
        table.alter_column("serial_number", existing_type=sa.String(26), nullable=True)
        table.add_column(sa.Column("terms", sa.Text(), nullable=True))
        table.add_column(sa.Column("corrects", sa.String(30), nullable=True))
        table.add_column(sa.Column("campaign", sa.Text(), nullable=True))
        table.add_column(sa.Column("note_salt", sa.String(32), nullable=True))
    _partial_index(op.f("ix_transactions_corrects"), "transactions", ["corrects"], "corrects IS NOT NULL")


def _widen_entries() -> None:
    with op.batch_alter_table("ledger_entries") as table:
        table.add_column(sa.Column("status", sa.String(16), nullable=False, server_default="active"))
        for name in ("debt_after", "lot_amount", "turnover", "carry_after"):
            table.add_column(_number(name))
        for name in ("locked_until", "valid_until", "member_until"):
            table.add_column(_moment(name))
        table.add_column(sa.Column("tier", sa.Text(), nullable=True))
        table.add_column(sa.Column("format", sa.SmallInteger(), nullable=False, server_default="1"))
        table.drop_constraint(op.f("ck_ledger_entries_amount_moves"), type_="check")
        table.drop_constraint(op.f("ck_ledger_entries_balance_not_negative"), type_="check")
        table.create_check_constraint(op.f("ck_ledger_entries_balance_covered"), "balance_after + debt_after >= 0")
        table.create_check_constraint(op.f("ck_ledger_entries_debt_not_negative"), "debt_after >= 0")
    _partial_index(op.f("ix_ledger_entries_corrects"), "ledger_entries", ["corrects"], "corrects IS NOT NULL")


def _create_lots() -> None:
    op.create_table(
        "lots",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("account_id", sa.String(30), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        _moment("locked_until"),
        _moment("valid_until"),
        sa.Column("consumption_order", sa.BigInteger(), nullable=False),
        _moment("noticed_at"),
        sa.CheckConstraint("remaining >= 0 AND remaining <= amount", name=op.f("ck_lots_remaining_within_amount")),
        sa.CheckConstraint("reserved >= 0 AND reserved <= remaining", name=op.f("ck_lots_reserved_within_remaining")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["accounts.merchant_id", "accounts.id"],
            name=op.f("fk_lots_merchant_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lots")),
    )
    _partial_index("ix_lots_open", "lots", ["account_id", "consumption_order", "sequence"], "remaining > 0")
    _partial_index(
        "ix_lots_locked", "lots", ["account_id", "locked_until"], "remaining > 0 AND locked_until IS NOT NULL"
    )
    _partial_index(
        "ix_lots_to_notice",
        "lots",
        ["valid_until"],
        "remaining > 0 AND valid_until IS NOT NULL AND noticed_at IS NULL",
    )
    op.create_table(
        "lot_consumptions",
        sa.Column("account_id", sa.String(30), nullable=False),
        sa.Column("entry_id", sa.String(30), nullable=False),
        sa.Column("lot_id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_lot_consumptions_amount_consumes")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["accounts.merchant_id", "accounts.id"],
            name=op.f("fk_lot_consumptions_merchant_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "entry_id", "lot_id", name=op.f("pk_lot_consumptions")),
    )


def _create_redemptions() -> None:
    op.create_table(
        "redemptions",
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("account_id", sa.String(30), nullable=False),
        sa.Column("serial_number", sa.String(26), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("allocations", sa.JSON(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.String(30), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["accounts.merchant_id", "accounts.id"],
            name=op.f("fk_redemptions_merchant_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "code", name=op.f("pk_redemptions")),
    )
    _partial_index("ix_redemptions_open", "redemptions", ["account_id", "created_at"], "state = 'reserved'")


_ENTRIES = sa.text(
    "SELECT id, merchant_id, account_id, sequence, amount FROM ledger_entries ORDER BY account_id, sequence"
)
_LOT = sa.text(
    "INSERT INTO lots (id, merchant_id, account_id, sequence, amount, remaining, reserved, consumption_order)"
    " VALUES (:id, :merchant_id, :account_id, :sequence, :amount, :remaining, 0, :order)"
)
_CONSUMPTION = sa.text(
    "INSERT INTO lot_consumptions (account_id, entry_id, lot_id, merchant_id, place, amount)"
    " VALUES (:account_id, :entry_id, :lot_id, :merchant_id, :place, :amount)"
)


def _open_lots(connection: sa.Connection) -> None:
    """Replay the entries, account by account, and store their lots and what consumed them."""
    rows = list[sa.Row]()  # type: ignore[type-arg]
    for row in connection.execute(_ENTRIES, execution_options={"yield_per": 5000}):
        if rows and row.account_id != rows[0].account_id:
            _store(connection, rows)
            rows = []
        rows.append(row)
    if rows:
        _store(connection, rows)


def _store(connection: sa.Connection, rows: list[sa.Row]) -> None:  # type: ignore[type-arg]
    lots = {
        row.id: {
            "id": row.id,
            "merchant_id": row.merchant_id,
            "account_id": row.account_id,
            "sequence": row.sequence,
            "amount": row.amount,
            "remaining": row.amount,
            "order": _NEVER,
        }
        for row in rows
        if row.amount > 0
    }
    consumptions = list(_consume(rows, lots))
    if lots:
        connection.execute(_LOT, list(lots.values()))
    if consumptions:
        connection.execute(_CONSUMPTION, consumptions)


def _consume(rows: list[sa.Row], lots: dict[str, dict[str, object]]) -> Iterator[dict[str, object]]:  # type: ignore[type-arg]
    left: deque[list] = deque()  # type: ignore[type-arg]
    for row in rows:
        if row.amount > 0:
            left.append([row.id, row.amount])
        wanted, place = max(-row.amount, 0), 0
        while wanted:
            lot = left[0]
            part = min(wanted, lot[1])
            lot[1] -= part
            wanted -= part
            lots[lot[0]]["remaining"] = lot[1]
            yield {
                "account_id": row.account_id,
                "entry_id": row.id,
                "lot_id": lot[0],
                "merchant_id": row.merchant_id,
                "place": place,
                "amount": part,
            }
            place += 1
            if not lot[1]:
                left.popleft()
