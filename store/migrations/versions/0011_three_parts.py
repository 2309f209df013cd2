"""Tables are split into three parts; workflows of before keep two, in which the rows that are reported on choose, too.

A dataset names the columns by which its rows are known again where those are not all, as later versions may have more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

workflows = sa.table("workflows", sa.column("id"), sa.column("pipeline"), sa.column("params", sa.JSON))
steps = sa.table("steps", sa.column("id"), sa.column("workflow_id"), sa.column("params", sa.JSON))


def upgrade() -> None:
    op.add_column("datasets", sa.Column("row_columns", sa.JSON()))
    tabular = sa.select(workflows.c.id).where(workflows.c.pipeline == "tabular")
    _keep_two_parts(workflows, workflows.c.id.in_(tabular))
    _keep_two_parts(steps, steps.c.workflow_id.in_(tabular))


def _keep_two_parts(table: sa.TableClause, which: sa.ColumnElement[bool]) -> None:
    bind = op.get_bind()
    for row in bind.execute(sa.select(table.c.id, table.c.params).where(which)).all():
        if row.params and "test_size" in row.params and "validation_size" not in row.params:
            changed = {**row.params, "validation_size": 0.0}
            bind.execute(sa.update(table).where(table.c.id == row.id).values(params=changed))
