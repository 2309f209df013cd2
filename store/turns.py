"""Whose work comes first: by priority, and in turns between people."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, func, select

from store import db
from store.tables import OPEN, Priority, workflows


def of(workflow_id: int, turns: int) -> tuple[int, bool]:
    """The priority of a workflow, and whether it is among the first open ones of the person who started it.

    Work without a person who started it is always in turn."""
    with db.reading() as connection:
        row = connection.execute(
            select(workflows.c.priority, workflows.c.created_by).where(workflows.c.id == workflow_id)
        ).one_or_none()
        if row is None or row.created_by is None or row.priority > Priority.person:
            return (row.priority if row else Priority.person), True
        before = _open_of(row.created_by).where(workflows.c.id < workflow_id).limit(turns)
        return row.priority, len(connection.scalars(before).all()) < turns


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
        return [row.id for person in people for row in connection.execute(_open_of(person).limit(turns))]


def _open_of(person: str) -> Select[tuple[int]]:
    # The index on the person, which SQLite would take, leads to all that the person ever started.
    theirs = func.coalesce(workflows.c.created_by, "") == person
    return select(workflows.c.id).where(_is_open(), theirs).order_by(workflows.c.id)


def _is_open() -> ColumnElement[bool]:
    return workflows.c.status.in_(OPEN) & (func.coalesce(workflows.c.priority, 0) <= Priority.person)
