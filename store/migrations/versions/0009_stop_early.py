"""A running step can be asked to end with what it has."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("steps", sa.Column("stop_early", sa.Boolean(), nullable=False, server_default=sa.false()))
