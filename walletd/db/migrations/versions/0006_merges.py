"""Merges of customers, and where a merged customer, card and account lead (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and create the tables."""
    op.add_column("customers", sa.Column("merged_into", sa.String(30), nullable=True))
    op.add_column("accounts", sa.Column("merged_into", sa.String(30), nullable=True))
    op.add_column("cards", sa.Column("merged_into", sa.String(26), nullable=True))
    op.create_index(op.f("ix_card_keys_serial_number"), "card_keys", ["serial_number"])
    op.create_index(op.f("ix_cards_customer_id"), "cards", ["customer_id"])
    op.create_index(op.f("ix_accounts_customer_id"), "accounts", ["customer_id"])
    op.create_table(
        "merges",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("identity_survivor", sa.String(30), nullable=False),
        sa.Column("number_survivor", sa.String(30), nullable=False),
        sa.Column("absorbed", sa.String(30), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("journal", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_merges_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
        sa.UniqueConstraint("merchant_id", "id", name=op.f("uq_merges_merchant_id_id")),
    )
    op.create_index(op.f("ix_merges_identity_survivor"), "merges", ["identity_survivor"])
    op.create_index(op.f("ix_merges_absorbed"), "merges", ["absorbed"])
    op.create_table(
        "moved_lots",
        sa.Column("merge_id", sa.String(30), nullable=False),
        sa.Column("from_lot", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("to_lot", sa.String(30), nullable=True),
        sa.Column("from_account", sa.String(30), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tied", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "merge_id"],
            ["merges.merchant_id", "merges.id"],
            name=op.f("fk_moved_lots_merchant_id_merge_id"),
        ),
        sa.PrimaryKeyConstraint("merge_id", "from_lot", name=op.f("pk_moved_lots")),
    )
    op.create_index(op.f("ix_moved_lots_from_lot"), "moved_lots", ["from_lot"])
