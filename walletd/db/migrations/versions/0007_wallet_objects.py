"""Cards that a wallet keeps on its own server: classes, objects, events, paces; urgency of dirty cards (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and create the tables."""
    op.add_column("dirty_cards", sa.Column("urgency", sa.SmallInteger(), nullable=False, server_default="0"))
    where = sa.text("urgency < 2")
    op.create_index(
        "ix_dirty_cards_urgent",
        "dirty_cards",
        ["merchant_id", "dirty_at"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "wallet_classes",
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("program_id", sa.String(30), nullable=False),
        *_target_columns(),
        sa.ForeignKeyConstraint(
            ["merchant_id", "program_id"],
            ["programs.merchant_id", "programs.id"],
            name=op.f("fk_wallet_classes_merchant_id_program_id"),
        ),
        sa.PrimaryKeyConstraint("platform", "program_id", name=op.f("pk_wallet_classes")),
    )
    op.create_table(
        "wallet_objects",
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("serial_number", sa.String(26), nullable=False),
        *_target_columns(),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("notify", sa.Boolean(), nullable=False),
        sa.Column("notified", sa.JSON(), nullable=False),
        sa.Column("saved", sa.Boolean(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "serial_number"],
            ["cards.merchant_id", "cards.serial_number"],
            name=op.f("fk_wallet_objects_merchant_id_serial_number"),
        ),
        sa.PrimaryKeyConstraint("platform", "serial_number", name=op.f("pk_wallet_objects")),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_wallet_objects_due",
        "wallet_objects",
        ["platform", "merchant_id", "urgency", "due_at"],
        sqlite_where=due,
        postgresql_where=due,
    )
    op.create_table(
        "wallet_events",
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("nonce", sa.String(200), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "nonce", name=op.f("pk_wallet_events")),
    )
    op.create_index(op.f("ix_wallet_events_expires_at"), "wallet_events", ["expires_at"])
    op.create_table(
        "wallet_paces",
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("slowed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_wallet_paces_merchant_id")),
        sa.PrimaryKeyConstraint("merchant_id", "platform", name=op.f("pk_wallet_paces")),
    )


def _target_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("told", sa.LargeBinary(), nullable=True),
        sa.Column("told_hash", sa.String(64), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("leased_by", sa.String(64), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
