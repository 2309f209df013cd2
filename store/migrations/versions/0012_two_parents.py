"""A composed workflow knows both that it was made of, and a paused queue who paused it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("workflows", sa.Column("config_from", sa.Integer(), nullable=True))
    op.add_column("pauses", sa.Column("paused_by", sa.String(length=80), nullable=True))
