"""When a customer was erased (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("customers", sa.Column("erased_at", sa.BigInteger(), nullable=True))
