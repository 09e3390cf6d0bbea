"""Rotating codes that booked something (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "rotating_codes",
        sa.Column("serial_number", sa.String(26), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "serial_number"],
            ["cards.merchant_id", "cards.serial_number"],
            name=op.f("fk_rotating_codes_merchant_id_serial_number"),
        ),
        sa.PrimaryKeyConstraint("serial_number", "counter", name=op.f("pk_rotating_codes")),
    )
    op.create_index(op.f("ix_rotating_codes_counter"), "rotating_codes", ["counter"])
