"""What customers are recognised by, and the inbox of duplicates (expand)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from walletd.domain.customers.customers import CustomerDetails
from walletd.domain.customers.matching import match_keys

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_BATCH = 500
_STAGES = ("email", "phone", "person")


def upgrade() -> None:
    """Add columns, fill them, and create the inbox."""
    for stage in _STAGES:
        op.add_column("customers", sa.Column(f"match_{stage}", sa.Text(), nullable=True))
    _fill()
    for stage in _STAGES:
        name = f"ix_customers_merchant_id_match_{stage}_id"
        op.create_index(op.f(name), "customers", ["merchant_id", f"match_{stage}", "id"])
    op.create_table(
        "duplicate_cases",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("older", sa.String(30), nullable=False),
        sa.Column("newer", sa.String(30), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_duplicate_cases_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_cases")),
        sa.UniqueConstraint("merchant_id", "older", "newer", name=op.f("uq_duplicate_cases_merchant_id_older_newer")),
    )
    op.create_index(op.f("ix_duplicate_cases_newer"), "duplicate_cases", ["newer"])
    op.create_index(op.f("ix_duplicate_cases_older"), "duplicate_cases", ["older"])


def _fill() -> None:
    table = sa.table(
        "customers",
        *(sa.column(name) for name in ("id", "first_name", "last_name", "email", "phone")),
        sa.column("address", sa.JSON()),
        *(sa.column(f"match_{stage}") for stage in _STAGES),
    )
    connection, last = op.get_bind(), ""
    while True:
        rows = connection.execute(sa.select(table).where(table.c.id > last).order_by(table.c.id).limit(_BATCH)).all()
        if not rows:
            return
        last = rows[-1].id
        for row in rows:
            # By the code that runs, not by a copy: keys have to be those that it looks for.
            known = CustomerDetails(
                first_name=row.first_name,
                last_name=row.last_name,
                email=row.email,
                phone=row.phone,
                address=row.address,
            )
            keys = match_keys(known)
            values = {f"match_{stage}": getattr(keys, stage) for stage in _STAGES}
            if any(values.values()):
                connection.execute(sa.update(table).where(table.c.id == row.id).values(values))
