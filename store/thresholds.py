"""Thresholds: from where on the model of a workflow predicts one of its two classes, where a person has moved that.

One row a workflow that has one; without a row, the model decides by itself. Not here: which thresholds there are, and
what becomes of rows at each (`jobs.pipelines.thresholds`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from store import actors, db
from store.errors import NotFoundError
from store.messages import Message
from store.records import record
from store.tables import now, thresholds, workflows


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which value on `label` is predicted; and what a false alarm costs and a found row gains, where that was said
    when it was set."""

    workflow_id: int
    label: str
    value: float
    alarm_cost: float | None
    found_gain: float | None
    set_at: datetime
    set_by: str | None


def get(workflow_id: int) -> Threshold | None:
    """Return the threshold of a workflow; None where nobody has moved it."""
    return of([workflow_id]).get(workflow_id)


def of(workflow_ids: Sequence[int]) -> dict[int, Threshold]:
    """Return the thresholds of those workflows that have one."""
    query = select(thresholds).where(thresholds.c.workflow_id.in_(workflow_ids))
    with db.reading() as connection:
        return {row.workflow_id: record(Threshold, row) for row in connection.execute(query)}


def put(
    workflow_id: int, label: str, value: float, alarm_cost: float | None = None, found_gain: float | None = None
) -> None:
    """Set the threshold of a workflow, in the place of an earlier one."""
    values = {
        "workflow_id": workflow_id,
        "label": label,
        "value": value,
        "alarm_cost": alarm_cost,
        "found_gain": found_gain,
        "set_at": now(),
        "set_by": actors.name(),
    }
    with db.writing() as connection:
        if connection.scalar(select(workflows.c.id).where(workflows.c.id == workflow_id)) is None:
            raise NotFoundError(Message("no_such_workflow", {"workflow": workflow_id}), "workflow_id")
        connection.execute(delete(thresholds).where(thresholds.c.workflow_id == workflow_id))
        connection.execute(insert(thresholds).values(values))


def clear(workflow_id: int) -> None:
    """Let the model of a workflow decide by itself again."""
    with db.writing() as connection:
        connection.execute(delete(thresholds).where(thresholds.c.workflow_id == workflow_id))
