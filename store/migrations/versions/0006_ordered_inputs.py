"""The inputs of a workflow have the order in which its pipeline declares them; those of before, that of their names."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("inputs", sa.Column("position", sa.Integer(), nullable=False, server_default="0"))
