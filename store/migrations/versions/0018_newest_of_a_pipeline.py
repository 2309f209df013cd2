"""The newest workflows of a pipeline are found without looking at all of them."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_index(op.f("ix_workflows_pipeline_created_at"), "workflows", ["pipeline", "created_at"])
    op.drop_index(op.f("ix_workflows_pipeline"), "workflows")
