"""Orders and credit notes (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counter of merchants, and create the table."""
    op.add_column("merchants", sa.Column("order_number", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "orders",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.String(30), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ref_id", sa.Text(), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        *(
            sa.Column(f"points_{kind}", sa.BigInteger(), nullable=False)
            for kind in ("order", "turnover", "category", "variant", "redeemed")
        ),
        sa.Column("billing_address", sa.JSON(), nullable=False),
        sa.Column("delivery_address", sa.JSON(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("transactions", sa.JSON(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customers.merchant_id", "customers.id"],
            name=op.f("fk_orders_merchant_id_customer_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "merchant_id", "source", "ref_id", "type", name=op.f("uq_orders_merchant_id_source_ref_id_type")
        ),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("uq_orders_merchant_id_number")),
    )
    for columns in (("customer_id", "number"), ("merchant_id", "ordered_at", "id"), ("merchant_id", "total", "id")):
        op.create_index(op.f(f"ix_orders_{'_'.join(columns)}"), "orders", list(columns))
