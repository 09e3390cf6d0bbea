"""Consent, origins and rating of customers, sorted lists of them, and deactivations in bulk (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_FILL = (
    "UPDATE customers SET sort_name ="
    " lower(coalesce(last_name, '') || ' ' || coalesce(first_name, '') || ' ' || coalesce(company, ''))"
)


def upgrade() -> None:
    """Add the columns, fill what lists are sorted by, and create the table."""
    op.add_column("customers", sa.Column("opt_in", sa.String(16), nullable=False, server_default="none"))
    for name in ("opt_in_sent_at", "opt_in_confirmed_at", "opt_in_revoked_at"):
        op.add_column("customers", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in ("from_online", "from_till", "from_voucher"):
        op.add_column("customers", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("customers", sa.Column("feedback_rating", sa.SmallInteger(), nullable=True))
    op.add_column("customers", sa.Column("deactivated_by", sa.String(30), nullable=True))
    op.add_column("customers", sa.Column("sort_name", sa.Text(), nullable=False, server_default=""))
    op.execute(_FILL)
    op.create_index(op.f("ix_customers_merchant_id_sort_name_id"), "customers", ["merchant_id", "sort_name", "id"])
    op.create_index(op.f("ix_customers_merchant_id_created_at_id"), "customers", ["merchant_id", "created_at", "id"])
    op.create_index(op.f("ix_customers_deactivated_by"), "customers", ["deactivated_by"])
    op.create_table(
        "bulk_deactivations",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_bulk_deactivations_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_deactivations")),
    )
