"""The newest message to the holder of a card, and when messages notified (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("cards", sa.Column("message", sa.Text(), nullable=True))
    op.add_column("wallet_objects", sa.Column("messages_notified", sa.JSON(), nullable=False, server_default="[]"))
