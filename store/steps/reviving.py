"""Which steps are to have a new attempt when a person retries all of a workflow, or one step of it."""

from sqlalchemy import Connection, select

from store import db
from store.tables import Need, Status, StepRole, needs, steps

ENDED_BADLY = (Status.failed, Status.skipped, Status.cancelled)


def revived(workflow_id: int, key: str | None = None) -> set[int]:
    """The steps to which `revive` would give a new attempt."""
    with db.reading() as connection:
        if key is not None:
            return together_with(connection, workflow_id, key)
        ended = steps.c.status.in_(ENDED_BADLY) & ~steps.c.handled
        return set(connection.scalars(select(steps.c.id).where(steps.c.workflow_id == workflow_id, ended)))


def together_with(connection: Connection, workflow_id: int, key: str) -> set[int]:
    """A step, what it needs, and what can run once it has completed, as far as these ended badly; of a flow, its
    driver, too, which looks at the step again."""
    columns = (steps.c.id, steps.c.key, steps.c.status, steps.c.role, steps.c.handled)
    listed = select(*columns).where(steps.c.workflow_id == workflow_id).order_by(steps.c.position)
    rows = connection.execute(listed).all()
    needed: dict[int, list[int]] = {row.id: [] for row in rows}
    edges = select(needs.c.step_id, needs.c.needs_id).join(steps, steps.c.id == needs.c.step_id)
    completing = edges.where(steps.c.workflow_id == workflow_id, needs.c.kind == Need.completed)
    for edge in connection.execute(completing):
        needed[edge.step_id].append(edge.needs_id)
    stay = {row.id for row in rows if row.status not in ENDED_BADLY or row.handled}
    chosen = {row.id for row in rows if row.key == key}
    for row in reversed(rows):  # what they need
        if row.id in chosen:
            chosen |= set(needed[row.id]) - stay
    for row in rows:  # what follows, unless it needs another step that ended badly
        if chosen & set(needed[row.id]) and set(needed[row.id]) <= chosen | stay:
            chosen.add(row.id)
    return (chosen | {row.id for row in rows if row.role == StepRole.driver}) - stay
