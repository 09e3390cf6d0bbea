"""Where tills are told of merges, and whether they were; indexes of what was merged (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the indexes by which what was merged is found."""
    op.add_column("merchants", sa.Column("till_folder", sa.Text(), nullable=True))
    op.add_column("merges", sa.Column("till", sa.String(16), nullable=True))
    merged = sa.text("merged_into IS NOT NULL")
    for table in ("accounts", "customers"):
        op.create_index(f"ix_{table}_merged_into", table, ["merged_into"], sqlite_where=merged, postgresql_where=merged)
