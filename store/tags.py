"""Tags: words that workflows are marked with, to find them again."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from store import db
from store.tables import tags, workflows

MOST, LONGEST = 20, 60


def add(connection: Connection, workflow_ids: Sequence[int], new: Iterable[str]) -> None:
    """Mark workflows with tags; those that they have already stay."""
    known = of(connection, workflow_ids)
    rows = [
        {"workflow_id": workflow_id, "tag": tag}
        for workflow_id in workflow_ids
        for tag in dict.fromkeys(new)
        if tag not in known.get(workflow_id, ())
    ]
    if rows:
        connection.execute(insert(tags), rows)


def change(workflow_ids: Sequence[int], new: Sequence[str] = (), gone: Sequence[str] = ()) -> list[int]:
    """Mark workflows with tags, and take others away; returns those of the workflows that exist."""
    with db.writing() as connection:
        there = list(connection.scalars(select(workflows.c.id).where(workflows.c.id.in_(workflow_ids))))
        connection.execute(delete(tags).where(tags.c.workflow_id.in_(there), tags.c.tag.in_(gone)))
        add(connection, there, new)
        return there


def of(connection: Connection, workflow_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The tags of several workflows, in order."""
    by_workflow: dict[int, tuple[str, ...]] = {}
    query = select(tags).where(tags.c.workflow_id.in_(workflow_ids)).order_by(tags.c.workflow_id, tags.c.tag)
    for row in connection.execute(query):
        by_workflow[row.workflow_id] = (*by_workflow.get(row.workflow_id, ()), row.tag)
    return by_workflow


def having(tag: str) -> Select[Any]:
    """The ids of workflows that have a tag."""
    return select(tags.c.workflow_id).where(tags.c.tag == tag)
