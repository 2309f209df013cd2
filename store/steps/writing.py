"""Writing steps: pending, with what each needs, and ready once that is there."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, insert, update

from store.steps import statements
from store.steps.records import NewStep
from store.tables import Need, Status, StepRole, needs, now, steps


def insert_all(
    connection: Connection,
    workflow_id: int,
    rows: Sequence[NewStep],
    *,
    held: bool = False,
    known: Mapping[str, int] | None = None,
    late: Collection[str] = (),
) -> dict[str, int]:
    """Write a workflow's steps, pending; a held workflow does not begin before it is released. To a flow, steps are
    added below those that are `known` by their ids, some of them `late`. Returns the id of each step by its key."""
    ready, known = None if held else now(), known or {}
    waits = set(late)  # what comes after a late step is late, too
    for row in rows:
        if row.get("role") == StepRole.driver or row.get("ended") or not waits.isdisjoint(row["needs"]):
            waits.add(row["key"])
    written = [
        {
            "workflow_id": workflow_id,
            "name": row["name"],
            "key": row["key"],
            "timeout": row["timeout"],
            "position": position,
            "status": _first_status(row),
            "attempt": 1,
            "params": row["params"],
            "max_attempts": row["max_attempts"],
            "allowed_attempts": row["max_attempts"],
            "fresh": row["fresh"],
            "ready_at": None if row["needs"] else ready,
            "source": row.get("source"),
            "label": row.get("label"),
            "group": row.get("group"),
            "handed": row.get("handed"),
            "tags": row.get("tags"),
            "policy": row.get("policy"),
            "role": row.get("role"),
            "late": row["key"] in waits,
            "result": row.get("result"),
            "deadline": row.get("deadline"),
            "ended_at": None if row.get("result") is None else now(),
        }
        for position, row in enumerate(rows, start=len(known))
    ]
    # All in one statement; without an order asked for, rows may come back in any, each with its key.
    made = connection.execute(insert(steps).returning(steps.c.id, steps.c.key), written)
    ids = {**known, **{row.key: row.id for row in made}}
    edges = [
        {"step_id": ids[row["key"]], "needs_id": ids[need], "kind": _kind_of(need, row)}
        for row in rows
        for need in row["needs"]
    ]
    if edges:
        connection.execute(needs.insert(), edges)
    return ids


def _first_status(row: NewStep) -> Status:
    if row.get("result") is not None:
        return Status.completed
    return Status.waiting if row.get("role") == StepRole.question else Status.pending


def _kind_of(need: str, row: NewStep) -> Need:
    return Need.ended if need in row.get("ended", ()) else Need.completed


def release(connection: Connection, workflow_ids: Sequence[int]) -> None:
    """Let held workflows begin."""
    ready_now(connection, steps.c.workflow_id.in_(workflow_ids) & steps.c.ready_at.is_(None))


def ready_now(connection: Connection, which: ColumnElement[bool]) -> list[int]:
    """Make ready those of these steps whose needs are met; returns the late ones of them."""
    made = connection.execute(
        update(steps)
        .where(which, steps.c.status == Status.pending, ~statements.unmet_needs())
        .values(ready_at=now())
        .returning(steps.c.id, steps.c.late)
    )
    return [row.id for row in made if row.late]
