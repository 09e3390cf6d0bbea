"""What kind of principal wrote an audit entry (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it stays empty in the rows there are, as no row of the log may be changed."""
    op.add_column("audit_log", sa.Column("actor_kind", sa.String(16), nullable=True))
