"""After Retry, a step has as many attempts as its author allows.

Until then Retry raised `max_attempts`, so only of steps that were not retried it is what the author allows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("steps", sa.Column("allowed_attempts", sa.Integer(), nullable=False, server_default="3"))
    op.execute("UPDATE steps SET allowed_attempts = max_attempts WHERE attempt = 1")
