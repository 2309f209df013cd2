"""Outputs that were not given a name are counted by pipeline and step."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("outputs", sa.Column("series", sa.String(length=200), nullable=False, server_default=""))
    op.execute("UPDATE outputs SET series = name")
    op.execute(
        "UPDATE outputs SET series = (SELECT w.pipeline || '/' || s.name || '/' || outputs.name FROM steps s "
        "JOIN workflows w ON w.id = s.workflow_id WHERE s.id = outputs.step_id) "
        "WHERE name = 'output' OR name LIKE 'output\\_%' ESCAPE '\\'"
    )
    with op.batch_alter_table("outputs") as batch:
        batch.alter_column("series", server_default=None)
    op.create_index(op.f("ix_outputs_series_version"), "outputs", ["series", "version"])
