"""A sweep knows which person started it, and what predicts with a model is found through an index."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("sweeps", sa.Column("person_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_workflows_parent_id_origin"), "workflows", ["parent_id", "origin"])
