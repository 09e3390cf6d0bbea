"""Webhooks (expand): endpoints, and the messages to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("pauses", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("secret_changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_webhook_endpoints_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
        sa.UniqueConstraint("merchant_id", "id", name=op.f("uq_webhook_endpoints_merchant_id_id")),
    )
    _partial_index("ix_webhook_endpoints_active", "webhook_endpoints", ["merchant_id"], "state = 'active'")
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("endpoint_id", sa.String(30), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("leased_by", sa.String(64), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("tried_since", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "endpoint_id"],
            ["webhook_endpoints.merchant_id", "webhook_endpoints.id"],
            name=op.f("fk_webhook_messages_merchant_id_endpoint_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
    )
    op.create_index("ix_webhook_messages_of_endpoint", "webhook_messages", ["endpoint_id", "created_at"])
    _partial_index("ix_webhook_messages_due", "webhook_messages", ["endpoint_id", "due_at"], "due_at IS NOT NULL")
    _partial_index("ix_webhook_messages_ended", "webhook_messages", ["ended_at"], "ended_at IS NOT NULL")
    where = sa.text("state = 'waiting'")
    op.create_index(
        "uq_webhook_messages_waiting",
        "webhook_messages",
        ["endpoint_id", "subject"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
