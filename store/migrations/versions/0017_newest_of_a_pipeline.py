"""The newest workflows of a pipeline are found without looking at all of them."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index(op.f("ix_workflows_pipeline_created_at"), "workflows", ["pipeline", "created_at"])
    op.drop_index(op.f("ix_workflows_pipeline"), "workflows")
