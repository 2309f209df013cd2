"""Sweeps: groups of workflows of one pipeline that differ in a param, and which workflow is which of their trials."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("pipeline", sa.String(length=40), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("trials", sa.JSON(), nullable=False),
        sa.Column("started", sa.Integer(), nullable=False),
        sa.Column("most_trials", sa.Integer(), nullable=True),
        sa.Column("most_minutes", sa.Float(), nullable=True),
        sa.Column("stopped", sa.JSON(), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
        sa.UniqueConstraint("request", name=op.f("uq_sweeps_request")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sweeps_ended_at"), "sweeps", ["ended_at"])
    op.add_column("workflows", sa.Column("sweep_id", sa.Integer(), nullable=True))
    op.add_column("workflows", sa.Column("trial", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_workflows_sweep_id_trial"), "workflows", ["sweep_id", "trial"])
