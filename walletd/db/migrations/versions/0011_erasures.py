"""When a customer was erased, and the audit log read by subject and by time (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the indexes."""
    op.add_column("customers", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_audit_log_merchant_id_subject_at"), "audit_log", ["merchant_id", "subject", "at"])
    op.create_index(op.f("ix_audit_log_merchant_id_at_id"), "audit_log", ["merchant_id", "at", "id"])
