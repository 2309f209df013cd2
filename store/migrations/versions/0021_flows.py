"""Flows: a step that drives others and waits for them, steps that people answer, and needs that any end meets."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("steps", sa.Column("role", sa.String(length=8), nullable=True))
    op.add_column("steps", sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("steps", sa.Column("late", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("steps", sa.Column("handled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("steps", sa.Column("deadline", sa.DateTime(), nullable=True))
    op.add_column("needs", sa.Column("kind", sa.String(length=9), nullable=False, server_default="completed"))
    op.create_index(op.f("ix_steps_deadline"), "steps", ["deadline"])
