"""Workflows: one run of a pipeline on a dataset with chosen params."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, insert, or_, select, update

from store import actors, db, files, metrics, steps
from store.errors import ConflictError, NotFound
from store.records import record
from store.tables import Status, artifacts, datasets, now, scores, workflows
from store.tables import steps as step_table


@dataclass(frozen=True, slots=True)
class Workflow:
    id: int
    name: str
    note: str
    pipeline: str
    dataset_id: int
    target: str
    algorithm: str
    params: dict[str, Any]
    status: Status
    origin: str
    parent_id: int | None
    created_at: datetime
    created_by: str | None
    started_at: datetime | None
    ended_at: datetime | None
    seen_at: datetime | None
    dataset_name: str
    dataset_version: int
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """From the first step's start to the end, or to now."""
        if self.started_at is None:
            return None
        return ((self.ended_at or now()) - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which workflows, in which order; every field has a meaning in the URL."""

    status: str = ""
    algorithm: str = ""
    dataset_id: int | None = None
    text: str = ""
    unseen_failures: bool = False
    sort: str = "created_at"
    descending: bool = True
    created_by: str = ""


TIMES = {
    "created_at": workflows.c.created_at,
    "started_at": workflows.c.started_at,
    "ended_at": workflows.c.ended_at,
    "name": workflows.c.name,
    "id": workflows.c.id,
}


def insert_new(values: Mapping[str, Any], step_rows: Sequence[Mapping[str, Any]], request: str | None) -> int:
    """Write a workflow and all its steps, pending, at once; the same request twice gives the first workflow."""
    with db.writing() as connection:
        if request:
            already = connection.scalar(select(workflows.c.id).where(workflows.c.request == request))
            if already is not None:
                return int(already)
        workflow_id = connection.execute(
            insert(workflows)
            .values(**values, request=request, status=Status.pending, created_at=now(), created_by=actors.name())
            .returning(workflows.c.id)
        ).scalar_one()
        steps.insert_all(connection, workflow_id, step_rows)
        return int(workflow_id)


def get(workflow_id: int) -> Workflow:
    with db.reading() as connection:
        row = connection.execute(_joined().where(workflows.c.id == workflow_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no workflow {workflow_id}.", "workflow_id")
        return record(Workflow, row, scores=metrics.scores_of(connection, [workflow_id]).get(workflow_id, {}))


def get_many(workflow_ids: Sequence[int]) -> list[Workflow]:
    """Those of the workflows that exist, in the order asked for."""
    with db.reading() as connection:
        rows = connection.execute(_joined().where(workflows.c.id.in_(workflow_ids))).all()
        scored = metrics.scores_of(connection, workflow_ids)
    found = {row.id: record(Workflow, row, scores=scored.get(row.id, {})) for row in rows}
    return [found[workflow_id] for workflow_id in dict.fromkeys(workflow_ids) if workflow_id in found]


def find(which: Filter, limit: int = 25, offset: int = 0) -> list[Workflow]:
    """One page of the archive."""
    query = _ordered(_joined().where(*_conditions(which)), which).limit(limit).offset(offset)
    with db.reading() as connection:
        rows = connection.execute(query).all()
        scored = metrics.scores_of(connection, [row.id for row in rows])
        return [record(Workflow, row, scores=scored.get(row.id, {})) for row in rows]


def count(which: Filter) -> int:
    table = workflows.join(datasets) if which.text else workflows
    query = select(func.count()).select_from(table).where(*_conditions(which))
    with db.reading() as connection:
        return connection.scalar(query) or 0


def count_by_status() -> dict[str, int]:
    """How many workflows there are of every status."""
    with db.reading() as connection:
        rows = connection.execute(select(workflows.c.status, func.count()).group_by(workflows.c.status)).all()
    counted = {str(status): count for status, count in rows}
    return {str(status): counted.get(str(status), 0) for status in Status}


def score_names() -> list[str]:
    """The names of every score there is, for choosing what to sort by."""
    found: list[str] = []
    with db.reading() as connection:
        # From name to name through the index; DISTINCT would read every score there is.
        while (
            name := connection.scalar(
                select(func.min(scores.c.name)).where(scores.c.name > (found[-1] if found else ""))
            )
        ) is not None:
            found.append(name)
    return found


def datasets_used() -> dict[int, str]:
    """The datasets that workflows are of, by name, for choosing one to look at."""
    used = exists().where(workflows.c.dataset_id == datasets.c.id)
    query = select(datasets.c.id, datasets.c.name, datasets.c.version).where(used)
    with db.reading() as connection:
        rows = connection.execute(query.order_by(datasets.c.name, datasets.c.version))
        return {row.id: row.name if row.version == 1 else f"{row.name} (version {row.version})" for row in rows}


def describe(workflow_id: int, name: str | None = None, note: str | None = None) -> None:
    """Change a workflow's name or note."""
    values = {key: value for key, value in (("name", name), ("note", note)) if value is not None}
    with db.writing() as connection:
        if (
            values
            and not connection.execute(update(workflows).where(workflows.c.id == workflow_id).values(values)).rowcount
        ):
            raise NotFound(f"There is no workflow {workflow_id}.", "workflow_id")


def mark_seen(workflow_id: int) -> None:
    """Somebody has looked at how it ended."""
    with db.writing() as connection:
        connection.execute(
            update(workflows).where(workflows.c.id == workflow_id, workflows.c.seen_at.is_(None)).values(seen_at=now())
        )


def mark_all_seen() -> None:
    """Somebody has looked at everything that failed."""
    with db.writing() as connection:
        connection.execute(
            update(workflows)
            .where(workflows.c.status == Status.failed, workflows.c.seen_at.is_(None))
            .values(seen_at=now())
        )


def remove(workflow_ids: Sequence[int]) -> int:
    """Delete ended workflows with their steps, numbers, logs and the files nothing else needs."""
    with db.writing() as connection:
        running = connection.scalars(
            select(workflows.c.id).where(
                workflows.c.id.in_(workflow_ids), workflows.c.status.in_([Status.pending, Status.running])
            )
        ).all()
        if running:
            raise ConflictError(f"Workflow {running[0]} is still running; cancel it before deleting it.")
        owned = select(step_table.c.id).where(step_table.c.workflow_id.in_(workflow_ids))
        candidates = set(connection.scalars(select(artifacts.c.sha256).where(artifacts.c.step_id.in_(owned))))
        checkpoints = list(connection.scalars(owned))
        removed = connection.execute(delete(workflows).where(workflows.c.id.in_(workflow_ids))).rowcount
        candidates -= set(connection.scalars(select(artifacts.c.sha256).where(artifacts.c.sha256.in_(candidates))))
        candidates -= set(connection.scalars(select(datasets.c.sha256).where(datasets.c.sha256.in_(candidates))))
        # Under the write lock, so that no step can begin to reuse a file on its way out.
        for sha256 in candidates:
            files.remove(sha256)
    for gone in checkpoints:
        files.drop_checkpoints(gone)
    return removed


def _joined() -> Select[Any]:
    return select(workflows, datasets.c.name.label("dataset_name"), datasets.c.version.label("dataset_version")).join(
        datasets
    )


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.status:
        found.append(workflows.c.status.in_(which.status.split(",")))
    if which.algorithm:
        found.append(workflows.c.algorithm.in_(which.algorithm.split(",")))
    if which.dataset_id is not None:
        found.append(workflows.c.dataset_id == which.dataset_id)
    if which.created_by:
        found.append(workflows.c.created_by == which.created_by)
    if which.unseen_failures:
        found.append((workflows.c.status == Status.failed) & workflows.c.seen_at.is_(None))
    if text := which.text.strip():
        likes = [db.holds(column, text) for column in (workflows.c.name, workflows.c.note, datasets.c.name)]
        if (number := text.removeprefix("#")).isdecimal():
            likes.append(workflows.c.id == int(number[:18]))
        found.append(or_(*likes))
    return found


def _ordered(query: Select[Any], which: Filter) -> Select[Any]:
    by: Any
    if which.sort == "seconds":
        by = func.julianday(workflows.c.ended_at) - func.julianday(workflows.c.started_at)
        if db.engine().dialect.name != "sqlite":
            by = workflows.c.ended_at - workflows.c.started_at
    elif which.sort in TIMES:
        by = TIMES[which.sort]
    else:
        query = query.outerjoin(scores, (scores.c.workflow_id == workflows.c.id) & (scores.c.name == which.sort))
        by = scores.c.value
    order = by.desc().nulls_last() if which.descending else by.asc().nulls_last()
    return query.order_by(order, workflows.c.id.desc() if which.descending else workflows.c.id.asc())
