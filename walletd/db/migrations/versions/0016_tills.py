"""Where tills are told of merges, and whether they were (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("merchants", sa.Column("till_folder", sa.Text(), nullable=True))
    op.add_column("merges", sa.Column("till", sa.String(16), nullable=True))
