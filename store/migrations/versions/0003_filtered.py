"""The workflows of one status are found in the order in which they are listed."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index(op.f("ix_workflows_status_created_at"), "workflows", ["status", "created_at"], unique=False)
    op.drop_index(op.f("ix_workflows_status"), "workflows")
