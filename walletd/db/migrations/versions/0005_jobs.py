"""Jobs, and the service mailbox of a merchant (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and create the table."""
    op.add_column("merchants", sa.Column("service_mail", sa.Text(), nullable=True))
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("leased_by", sa.String(64), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("last_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_jobs_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("merchant_id", "kind", "subject", name=op.f("uq_jobs_merchant_id_kind_subject")),
    )
    for name, column in (("ix_jobs_due", "due_at"), ("ix_jobs_ended", "ended_at")):
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "jobs", [column], sqlite_where=where, postgresql_where=where)
