"""Merge requests, and what merchants want of them and of mails about duplicates (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_UNTOLD = "told_at IS NULL AND state = 'open'"


def upgrade() -> None:
    """Add the columns of merchants, and create the table."""
    op.add_column("merchants", sa.Column("merge_requests", sa.String(16), nullable=False, server_default="confirmed"))
    op.add_column("merchants", sa.Column("duplicate_mail", sa.String(16), nullable=False, server_default="daily"))
    op.add_column("duplicate_cases", sa.Column("told_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_duplicate_cases_untold",
        "duplicate_cases",
        ["merchant_id"],
        sqlite_where=sa.text(_UNTOLD),
        postgresql_where=sa.text(_UNTOLD),
    )
    op.create_table(
        "merge_requests",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("requested_by", sa.String(30), nullable=False),
        sa.Column("requested_for", sa.String(30), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("undecided_pair", sa.String(64), nullable=True),
        sa.Column("asked_address", sa.String(64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("confirm_until", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("merge_id", sa.String(30), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_merge_requests_merchant_id")),
        *(
            sa.ForeignKeyConstraint(
                ["merchant_id", name],
                ["customers.merchant_id", "customers.id"],
                name=op.f(f"fk_merge_requests_merchant_id_{name}"),
            )
            for name in ("requested_by", "requested_for")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_requests")),
        sa.UniqueConstraint("merchant_id", "undecided_pair", name=op.f("uq_merge_requests_merchant_id_undecided_pair")),
    )
    for columns in (("requested_by",), ("requested_for",), ("merchant_id", "created_at", "id")):
        op.create_index(op.f(f"ix_merge_requests_{'_'.join(columns)}"), "merge_requests", list(columns))
    name = "ix_duplicate_cases_merchant_id_created_at_id"
    op.create_index(op.f(name), "duplicate_cases", ["merchant_id", "created_at", "id"])
