"""What kind of principal asked for an import, which acts for it long after the request (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it stays empty in the rows there are, whose kind follows from the actor."""
    op.add_column("imports", sa.Column("actor_kind", sa.String(16), nullable=True))
