"""Limits on how many steps with a tag run at the same time."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "limits",
        sa.Column("tag", sa.String(length=60), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("set_at", sa.DateTime(), nullable=False),
        sa.Column("set_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_limits")),
        sqlite_with_rowid=False,
    )
    op.add_column("steps", sa.Column("held_by", sa.String(length=60), nullable=True))
    op.create_index(op.f("ix_steps_held_by"), "steps", ["held_by"])
