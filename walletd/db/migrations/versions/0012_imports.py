"""Imports with their rows (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COUNTS = ("rows", "errors", "warnings", "created", "updated", "cards", "bookings", "booked", "done", "left_out")


def upgrade() -> None:
    """Create the tables and the index."""
    op.create_table(
        "imports",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("program_id", sa.String(30), nullable=True),
        sa.Column("actor", sa.String(30), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("lenient", sa.Boolean(), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("rules_digest", sa.String(64), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_imports_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sa.UniqueConstraint("merchant_id", "id", name=op.f("uq_imports_merchant_id_id")),
    )
    op.create_index(op.f("ix_imports_created_at"), "imports", ["created_at"])
    _create_rows()


def _create_rows() -> None:
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.String(30), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("card_key", sa.String(64), nullable=True),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("card", sa.String(16), nullable=False),
        sa.Column("customer_id", sa.String(30), nullable=True),
        sa.Column("seen", sa.String(32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("wish", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("serial_number", sa.String(26), nullable=True),
        sa.Column("transaction_id", sa.String(30), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "import_id"],
            ["imports.merchant_id", "imports.id"],
            name=op.f("fk_import_rows_merchant_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_rows")),
    )
    op.create_index(op.f("ix_import_rows_customer_id"), "import_rows", ["customer_id"])
    op.create_index(op.f("ix_import_rows_import_id_place"), "import_rows", ["import_id", "place"])
    op.create_index(op.f("ix_import_rows_import_id_email"), "import_rows", ["import_id", "email"])
    op.create_index(op.f("ix_import_rows_import_id_card_key"), "import_rows", ["import_id", "card_key"])
    for name, where in (
        ("ix_import_rows_noted", sa.text("level > 0")),
        ("ix_import_rows_left_out", sa.text("outcome IS NOT NULL")),
    ):
        op.create_index(name, "import_rows", ["import_id", "line"], sqlite_where=where, postgresql_where=where)
