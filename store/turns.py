"""Whose work comes first: by priority, and in turns between people."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, func, select

from store import db
from store.tables import OPEN, Priority, workflows


def of(workflow_id: int, turns: int) -> tuple[int, bool]:
    """The priority of a workflow, and whether it is among the first open ones of the person who started it.

    Work without a person who started it is always in turn."""
    with db.reading() as connection:
        row = connection.execute(_WHOSE, {"this": workflow_id}).one_or_none()
        if row is None or row.created_by is None or row.priority > Priority.person:
            return (row.priority if row else Priority.person), True
        before = connection.scalars(_BEFORE, {"person": row.created_by, "this": workflow_id, "turns": turns}).all()
        return row.priority, len(before) < turns


def first_of_many(turns: int) -> Sequence[int]:
    """The first open workflows of each person who has more of them than turns."""
    crowded = (
        select(workflows.c.created_by)
        .where(_is_open(), workflows.c.created_by.is_not(None))
        .group_by(workflows.c.created_by)
        .having(func.count() > turns)
    )
    with db.reading() as connection:
        people = connection.scalars(crowded).all()
        asked = [{"person": person, "turns": turns} for person in people]
        return [row.id for each in asked for row in connection.execute(_FIRST, each)]


def _is_open() -> ColumnElement[bool]:
    return workflows.c.status.in_(OPEN) & (func.coalesce(workflows.c.priority, 0) <= Priority.person)


# Made once: building a statement takes longer than running it.
_WHOSE = select(workflows.c.priority, workflows.c.created_by).where(workflows.c.id == bindparam("this"))
_FIRST = (
    select(workflows.c.id)
    # The index on the person, which SQLite would take, leads to all that the person ever started.
    .where(_is_open(), func.coalesce(workflows.c.created_by, "") == bindparam("person"))
    .order_by(workflows.c.id)
    .limit(bindparam("turns"))
)
_BEFORE = _FIRST.where(workflows.c.id < bindparam("this"))
