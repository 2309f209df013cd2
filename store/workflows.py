"""Workflows: one run of a pipeline with chosen params, on the datasets given to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, delete, exists, func, insert, or_, select, update

from store import actors, db, files, idempotency, metrics, steps, tags, unnamed_files
from store.choices import datasets_used as datasets_used
from store.choices import facet_names as facet_names
from store.choices import facet_values as facet_values
from store.choices import has_facet as has_facet
from store.choices import pipelines_used as pipelines_used
from store.choices import score_names as score_names
from store.choices import shown_value
from store.choices import tags_used as tags_used
from store.codes import Place
from store.errors import ConflictError, InvalidError, NotFoundError
from store.ids import read_id
from store.messages import Message
from store.records import record
from store.steps import NewStep
from store.tables import OPEN, Priority, Status, artifacts, datasets, facets, inputs, now, scores, sweeps, workflows
from store.tables import steps as step_table
from store.text import LONGEST_NAME, sayable


@dataclass(frozen=True, slots=True)
class InputRow:
    """A dataset that a workflow was given, as one of its inputs."""

    dataset_id: int
    name: str
    version: int

    @property
    def title(self) -> str:
        """The dataset's name, with its version when there is more than one."""
        return self.name if self.version == 1 else f"{self.name} (version {self.version})"


@dataclass(frozen=True, slots=True)
class Workflow:
    id: int
    name: str
    note: str
    pipeline: str
    params: dict[str, Any]
    status: Status
    priority: int
    origin: str
    parent_id: int | None
    config_from: int | None
    created_at: datetime
    created_by: str | None
    started_at: datetime | None
    ended_at: datetime | None
    seen_at: datetime | None
    sweep_id: int | None = None
    trial: int | None = None  # which of the sweep's, from 0
    options: dict[str, Any] = field(default_factory=dict)
    code_id: int | None = None
    module: str | None = None
    inputs: dict[str, InputRow] = field(default_factory=dict)
    facets: dict[str, str] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    @property
    def data(self) -> InputRow | None:
        """The dataset of the first input, if it was given one."""
        return next(iter(self.inputs.values()), None)

    @property
    def seconds(self) -> float | None:
        """From the first step's start, or from Retry if that came later, to the end or to now."""
        if self.started_at is None:
            return None
        return ((self.ended_at or now()) - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which workflows, in which order; every field has a meaning in the URL."""

    statuses: tuple[str, ...] = ()  # any of these, and so for pipelines
    pipelines: tuple[str, ...] = ()
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # any of these values
    dataset_id: int | None = None
    text: str = ""
    unseen_failures: bool = False
    sort: str = "created_at"
    descending: bool = True
    created_by: str = ""
    parent_id: int | None = None
    origin: str = ""
    sweep_id: int | None = None
    tags: tuple[str, ...] = ()  # all of these


FACET = "facet:"
SORT_COLUMNS = {
    "created_at": workflows.c.created_at,
    "started_at": workflows.c.started_at,
    "ended_at": workflows.c.ended_at,
    "name": workflows.c.name,
    "id": workflows.c.id,
}


@dataclass(frozen=True, slots=True)
class New:
    """A workflow to be written; `inputs` are ids of datasets by name, in the order that the pipeline declares."""

    name: str
    pipeline: str
    params: Mapping[str, Any]
    inputs: Mapping[str, int] = field(default_factory=dict)
    facets: Mapping[str, str] = field(default_factory=dict)
    origin: str = "new"
    parent_id: int | None = None
    config_from: int | None = None
    priority: int = Priority.person
    sweep_id: int | None = None
    trial: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = None
    tags: Sequence[str] = ()


def insert_new(new: New, step_rows: Sequence[NewStep], request: str | None = None) -> int:
    """Write a workflow and all its steps, pending, at once; the same request twice gives the first workflow."""
    with db.writing() as connection:
        if (already := idempotency.made_by(connection, workflows, request)) is not None:
            return already
        if new.sweep_id is not None:
            _take_trial(connection, new.sweep_id, new.trial)
        values = {
            "name": sayable(new.name),
            "pipeline": new.pipeline,
            "params": dict(new.params),
            "origin": new.origin,
            "parent_id": new.parent_id,
            "config_from": new.config_from,
            "priority": int(new.priority),
            "request": request,
            "status": Status.pending,
            "created_at": now(),
            "created_by": actors.name(),
            "sweep_id": new.sweep_id,
            "trial": new.trial,
            "options": dict(new.options),
            "code_id": new.place.code_id if new.place else None,
            "module": new.place.module if new.place else None,
        }
        workflow_id = int(connection.execute(insert(workflows).values(values).returning(workflows.c.id)).scalar_one())
        _insert_rows(connection, inputs, workflow_id, _input_rows(new))
        _insert_rows(connection, facets, workflow_id, _facet_rows(new))
        tags.add(connection, [workflow_id], new.tags)
        steps.insert_all(connection, workflow_id, step_rows, held=new.sweep_id is not None)
        return workflow_id


def _take_trial(connection: Connection, sweep_id: int, trial: int | None) -> None:
    """Count a trial as started, once, while its sweep is neither stopped nor over."""
    due = (sweeps.c.id == sweep_id, sweeps.c.started == trial, sweeps.c.stopped.is_(None), sweeps.c.ended_at.is_(None))
    if not connection.execute(update(sweeps).where(*due).values(started=sweeps.c.started + 1)).rowcount:
        raise ConflictError(Message("trial_not_due", {"sweep": sweep_id}))


def _input_rows(new: New) -> list[dict[str, Any]]:
    given = enumerate(new.inputs.items())
    return [{"name": name, "dataset_id": dataset_id, "position": position} for position, (name, dataset_id) in given]


def _facet_rows(new: New) -> list[dict[str, Any]]:
    return [{"name": sayable(name), "value": shown_value(value)} for name, value in new.facets.items()]


def _insert_rows(connection: Connection, table: Table, workflow_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        if len(row["name"]) > LONGEST_NAME:
            raise InvalidError(Message(f"{table.name}_name_too_long", {"name": row["name"], "most": LONGEST_NAME}))
    if rows:
        connection.execute(insert(table), [{"workflow_id": workflow_id, **row} for row in rows])


def count_waiting(created_by: str) -> int:
    """Return how many workflows of a person have not started, of any priority, as the person may choose that."""
    waiting = (workflows.c.created_by == created_by, workflows.c.status == Status.pending)
    with db.reading() as connection:
        return connection.scalar(select(func.count()).select_from(workflows).where(*waiting)) or 0


def get(workflow_id: int) -> Workflow:
    with db.reading() as connection:
        rows = connection.execute(select(workflows).where(workflows.c.id == workflow_id)).all()
        if not rows:
            raise NotFoundError(Message("no_such_workflow", {"workflow": workflow_id}), "workflow_id")
        return _complete(connection, rows)[0]


def newest_named(name: str) -> int | None:
    """The number of the newest workflow with exactly this name; None if there is none."""
    with db.reading() as connection:
        newest: int | None = connection.scalar(select(func.max(workflows.c.id)).where(workflows.c.name == name))
    return newest


def status_of(workflow_id: int) -> Status:
    with db.reading() as connection:
        status = connection.scalar(select(workflows.c.status).where(workflows.c.id == workflow_id))
    if status is None:
        raise NotFoundError(Message("no_such_workflow", {"workflow": workflow_id}), "workflow_id")
    return Status(status)


def get_many(workflow_ids: Sequence[int]) -> list[Workflow]:
    """Return those of the workflows that exist, in the order of the ids."""
    with db.reading() as connection:
        rows = connection.execute(select(workflows).where(workflows.c.id.in_(workflow_ids))).all()
        by_id = {workflow.id: workflow for workflow in _complete(connection, rows)}
    return [by_id[workflow_id] for workflow_id in dict.fromkeys(workflow_ids) if workflow_id in by_id]


def find(which: Filter, limit: int = 25, offset: int = 0) -> list[Workflow]:
    """One page of the list."""
    query = _ordered(select(workflows).where(*_conditions(which)), which).limit(limit).offset(offset)
    with db.reading() as connection:
        return _complete(connection, connection.execute(query).all())


def _complete(connection: Connection, rows: Sequence[Row[Any]]) -> list[Workflow]:
    """The workflows of these rows, with their inputs, facets and scores."""
    ids = [row.id for row in rows]
    scored = metrics.scores_of(connection, ids)
    given, faceted = _inputs_of(connection, ids), _facets_of(connection, ids)
    tagged = tags.of(connection, ids)
    return [
        record(
            Workflow,
            row,
            inputs=given.get(row.id, {}),
            facets=faceted.get(row.id, {}),
            scores=scored.get(row.id, {}),
            tags=tagged.get(row.id, ()),
        )
        for row in rows
    ]


def _inputs_of(connection: Connection, workflow_ids: Sequence[int]) -> dict[int, dict[str, InputRow]]:
    query = (
        select(inputs, datasets.c.name.label("dataset_name"), datasets.c.version)
        .join(datasets, datasets.c.id == inputs.c.dataset_id)
        .where(inputs.c.workflow_id.in_(workflow_ids))
        .order_by(inputs.c.position, inputs.c.name)
    )
    by_workflow: dict[int, dict[str, InputRow]] = {}
    for row in connection.execute(query):
        by_workflow.setdefault(row.workflow_id, {})[row.name] = InputRow(row.dataset_id, row.dataset_name, row.version)
    return by_workflow


def _facets_of(connection: Connection, workflow_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    by_workflow: dict[int, dict[str, str]] = {}
    for row in connection.execute(select(facets).where(facets.c.workflow_id.in_(workflow_ids)).order_by(facets.c.name)):
        by_workflow.setdefault(row.workflow_id, {})[row.name] = row.value
    return by_workflow


def count(which: Filter) -> int:
    query = select(func.count()).select_from(workflows).where(*_conditions(which))
    with db.reading() as connection:
        return connection.scalar(query) or 0


def count_by_status() -> dict[str, int]:
    """How many workflows there are of every status."""
    with db.reading() as connection:
        rows = connection.execute(select(workflows.c.status, func.count()).group_by(workflows.c.status)).all()
    counted = {str(status): count for status, count in rows}
    return {str(status): counted.get(str(status), 0) for status in Status}


def describe(workflow_id: int, name: str | None = None, note: str | None = None) -> None:
    """Change a workflow's name or note."""
    values = {key: sayable(value) for key, value in (("name", name), ("note", note)) if value is not None}
    with db.writing() as connection:
        if (
            values
            and not connection.execute(update(workflows).where(workflows.c.id == workflow_id).values(values)).rowcount
        ):
            raise NotFoundError(Message("no_such_workflow", {"workflow": workflow_id}), "workflow_id")


def mark_seen(workflow_id: int) -> None:
    """Mark a workflow as seen after its end."""
    with db.writing() as connection:
        connection.execute(
            update(workflows).where(workflows.c.id == workflow_id, workflows.c.seen_at.is_(None)).values(seen_at=now())
        )


def mark_all_seen() -> None:
    """Mark all failed workflows as seen."""
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
            select(workflows.c.id).where(workflows.c.id.in_(workflow_ids), workflows.c.status.in_(OPEN))
        ).all()
        if running:
            raise ConflictError(Message("workflow_running", {"workflow": running[0]}))
        owned = select(step_table.c.id).where(step_table.c.workflow_id.in_(workflow_ids))
        candidates = set(connection.scalars(select(artifacts.c.sha256).where(artifacts.c.step_id.in_(owned))))
        step_ids = list(connection.scalars(owned))
        removed = connection.execute(delete(workflows).where(workflows.c.id.in_(workflow_ids))).rowcount
    unnamed_files.remove(candidates)
    for step_id in step_ids:
        files.drop_checkpoints(step_id)
    return removed


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.statuses:
        conditions.append(workflows.c.status.in_(which.statuses))
    if which.pipelines:
        conditions.append(workflows.c.pipeline.in_(which.pipelines))
    for name, values in which.facets.items():
        having = select(facets.c.workflow_id).where(facets.c.name == name, facets.c.value.in_(map(shown_value, values)))
        conditions.append(workflows.c.id.in_(having))
    conditions += [workflows.c.id.in_(tags.having(tag)) for tag in which.tags]
    if which.dataset_id is not None:
        conditions.append(
            workflows.c.id.in_(select(inputs.c.workflow_id).where(inputs.c.dataset_id == which.dataset_id))
        )
    if which.sweep_id is not None:
        conditions.append(workflows.c.sweep_id == which.sweep_id)
    if which.created_by:
        conditions.append(workflows.c.created_by == which.created_by)
    if which.parent_id is not None:
        conditions.append(workflows.c.parent_id == which.parent_id)
    if which.origin:
        conditions.append(workflows.c.origin == which.origin)
    if which.unseen_failures:
        conditions.append((workflows.c.status == Status.failed) & workflows.c.seen_at.is_(None))
    if text := which.text.strip():
        conditions.append(or_(*_mentions(text)))
    return conditions


def _mentions(text: str) -> list[ColumnElement[bool]]:
    """Where a text is looked for: name, note, names of datasets, and the number."""
    of_datasets = (
        select(inputs.c.workflow_id)
        .join(datasets, datasets.c.id == inputs.c.dataset_id)
        .where(db.holds(datasets.c.name, text))
    )
    likes = [db.holds(workflows.c.name, text), db.holds(workflows.c.note, text), workflows.c.id.in_(of_datasets)]
    if number := read_id(text.removeprefix("#")):
        likes.append(workflows.c.id == number)
    return likes


def _ordered(query: Select[Any], which: Filter) -> Select[Any]:
    by: Any
    if which.sort == "seconds":
        by = func.julianday(workflows.c.ended_at) - func.julianday(workflows.c.started_at)
        if db.engine().dialect.name != "sqlite":
            by = workflows.c.ended_at - workflows.c.started_at
    elif which.sort in SORT_COLUMNS:
        by = SORT_COLUMNS[which.sort]
    elif which.sort.startswith(FACET):
        name = which.sort.removeprefix(FACET)
        query = query.outerjoin(facets, (facets.c.workflow_id == workflows.c.id) & (facets.c.name == name))
        by = facets.c.value
    elif "/" in which.sort and which.sort not in score_names():
        own = metrics.scores_by_key(*which.sort.rpartition("/")[::2])
        query = query.outerjoin(own, own.c.workflow_id == workflows.c.id)
        by = own.c.value
    else:
        query = query.outerjoin(scores, (scores.c.workflow_id == workflows.c.id) & (scores.c.name == which.sort))
        query = query.where(~_superseded(which.sort))
        by = scores.c.value
    order = by.desc().nulls_last() if which.descending else by.asc().nulls_last()
    return query.order_by(order, workflows.c.id.desc() if which.descending else workflows.c.id.asc())


def _superseded(name: str) -> ColumnElement[bool]:
    """Whether a later step of the same workflow has a score of this name."""
    later = scores.alias()
    return exists().where(
        later.c.workflow_id == scores.c.workflow_id, later.c.name == name, later.c.step_id > scores.c.step_id
    )
