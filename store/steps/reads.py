"""Questions about steps that change nothing."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, null, or_, select

from store import db, files, metrics, outputs
from store.errors import NotFoundError
from store.messages import Message
from store.records import record
from store.steps.records import Outcome, Step
from store.tables import Status, artifacts, attempts, needs, now, steps

BACK_OFF_SECONDS = (0, 2, 10)
MODEL = "model"
# The attempt by which a step completed, whose values are what was measured in it.
_COMPLETED = and_(
    attempts.c.step_id == steps.c.id, attempts.c.number == steps.c.attempt, attempts.c.code == "completed"
)


def of_workflow(workflow_id: int) -> list[Step]:
    """A workflow's steps from top to bottom, each with its scores."""
    with db.reading() as connection:
        rows = connection.execute(
            select(steps).where(steps.c.workflow_id == workflow_id).order_by(steps.c.position)
        ).all()
        scored = metrics.scores_of_steps(connection, [row.id for row in rows])
        return [record(Step, row, scores=scored.get(row.id, {})) for row in rows]


def brief(workflow_ids: Sequence[int]) -> dict[int, list[Step]]:
    """The steps of several workflows in one question, without their results."""
    by_workflow: dict[int, list[Step]] = {workflow_id: [] for workflow_id in workflow_ids}
    with db.reading() as connection:
        for row in connection.execute(_BRIEF, {"these": workflow_ids}):
            by_workflow[row.workflow_id].append(record(Step, row))
    return by_workflow


def get(step_id: int) -> Step:
    with db.reading() as connection:
        row = connection.execute(select(steps).where(steps.c.id == step_id)).one_or_none()
    if row is None:
        raise NotFoundError(Message("no_such_step", {"step": step_id}))
    return record(Step, row)


def find_equal(
    fingerprint: str, within: float | None = None, like: tuple[int, str] | None = None
) -> tuple[Step, Outcome] | None:
    """Return the newest completed step with this fingerprint, and its outcome; with `within`, only if the work was
    done so many seconds ago at most. One that is `like` another of a workflow, by its key, comes first."""
    with db.reading() as connection:
        row = None
        if like is not None:
            this = (steps.c.workflow_id == like[0]) & (steps.c.key == like[1])
            equals = (steps.c.fingerprint == fingerprint) & (steps.c.status == Status.completed)
            row = connection.execute(select(steps).where(this, equals)).one_or_none()
        row = row or connection.execute(_EQUAL, {"print": fingerprint}).one_or_none()
        if row is None:
            return None
        equal = record(Step, row)
        # A reused step points to where the work was really done, and from where its curve is copied; when that is
        # deleted, the step itself has both.
        origin = equal.reused_from and connection.scalar(select(steps.c.id).where(steps.c.id == equal.reused_from))
        if within is not None and _is_older(connection, equal, origin, within):
            return None
        left = artifacts_in(connection, [equal.id]).get(equal.id, {})
        measured = connection.scalar(select(attempts.c["values"]).where(_COMPLETED, steps.c.id == equal.id)) or {}
        handed_on = outputs.left_by(connection, equal.id) if equal.source else ()
        return equal, Outcome(equal.result or {}, left, origin or equal.id, measured=measured, outputs=handed_on)


def _is_older(connection: Connection, equal: Step, origin: int | None, within: float) -> bool:
    """Whether the work of a step was done longer ago than this; where that is not known any more, it counts as old."""
    worked = equal.ended_at
    if equal.reused_from is not None:
        worked = connection.scalar(select(steps.c.ended_at).where(steps.c.id == origin)) if origin else None
    return worked is None or (now() - worked).total_seconds() > within


def artifacts_of(step_id: int) -> dict[str, files.FileRef]:
    """The files that a step left, by name."""
    with db.reading() as connection:
        return artifacts_in(connection, [step_id]).get(step_id, {})


def model_of(workflow_id: int) -> files.FileRef:
    """The trained model of a workflow: what its last step that saved one left."""
    query = (
        select(artifacts.c.sha256, artifacts.c.size)
        .join(steps, steps.c.id == artifacts.c.step_id)
        .where(steps.c.workflow_id == workflow_id, artifacts.c.name == MODEL)  # only a completed step leaves any
        .order_by(steps.c.position.desc())
        .limit(1)
    )
    with db.reading() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        code = "no_model_saved" if _is_completed(workflow_id) else "no_model"
        raise NotFoundError(Message(code, {"workflow": workflow_id}))
    return files.FileRef(row.sha256, row.size)


def _is_completed(workflow_id: int) -> bool:
    query = select(steps.c.id).where(steps.c.workflow_id == workflow_id, steps.c.status != Status.completed).limit(1)
    with db.reading() as connection:
        return connection.execute(query).one_or_none() is None


def model_sizes(workflow_ids: Sequence[int]) -> dict[int, int]:
    """How many bytes the model of each of these workflows has; those without one are left out."""
    query = (
        select(steps.c.workflow_id, artifacts.c.size)
        .join(steps, steps.c.id == artifacts.c.step_id)
        .where(steps.c.workflow_id.in_(workflow_ids), artifacts.c.name == MODEL)
        .order_by(steps.c.workflow_id, steps.c.position)
    )
    with db.reading() as connection:
        return {row.workflow_id: row.size for row in connection.execute(query)}


def numbers_left(workflow_ids: Sequence[int], name: str) -> dict[int, float]:
    """A number in the results of these workflows' steps, under this name; of several the last step's."""
    query = (
        select(steps.c.workflow_id, steps.c.result[name].label("value"))
        .where(steps.c.workflow_id.in_(workflow_ids))
        .order_by(steps.c.workflow_id, steps.c.position)
    )
    return _numbers(query)


def numbers_measured(workflow_ids: Sequence[int], name: str) -> dict[int, float]:
    """A number of the runs of these workflows' steps, under this name; of several the last step's."""
    query = (
        select(steps.c.workflow_id, attempts.c["values"][name].label("value"))
        .where(_COMPLETED, steps.c.workflow_id.in_(workflow_ids))
        .order_by(steps.c.workflow_id, steps.c.position)
    )
    return _numbers(query)


def _numbers(query: Select[Any]) -> dict[int, float]:
    """The last number of each workflow in rows of `workflow_id` and `value`."""
    with db.reading() as connection:
        rows = connection.execute(query).all()
    return {
        row.workflow_id: float(row.value)
        for row in rows
        if isinstance(row.value, int | float) and not isinstance(row.value, bool)
    }


def running() -> list[Step]:
    return select_steps(steps.c.status == Status.running)


def pending_of(step_ids: Iterable[int]) -> list[Step]:
    """Those of these steps that have not started."""
    return select_steps(steps.c.status == Status.pending, steps.c.id.in_(list(step_ids)))


def waiting() -> list[Step]:
    """Steps that may start now. A pause that would end later than any pause can is one by a clock that was put back."""
    at, pause = now(), steps.c.next_attempt_at
    usual = pause > at + timedelta(seconds=max(BACK_OFF_SECONDS))
    due = or_(pause.is_(None), pause <= at, usual & steps.c.pause.is_(None))
    return select_steps(steps.c.status == Status.pending, steps.c.ready_at.is_not(None), steps.c.held_by.is_(None), due)


def late_of(workflow_id: int) -> list[Step]:
    """Steps that are ready, and that the queue can only have now."""
    ready = steps.c.late & steps.c.ready_at.is_not(None) & steps.c.next_attempt_at.is_(None)
    return select_steps(steps.c.workflow_id == workflow_id, steps.c.status == Status.pending, ready)


def needs_of(workflow_id: int) -> dict[int, list[int]]:
    """Which steps each step of a workflow needs, as written when it was started."""
    by_step: dict[int, list[int]] = defaultdict(list)
    with db.reading() as connection:
        for step_id, needs_id in connection.execute(_NEEDS, {"this": workflow_id}):
            by_step[step_id] += [needs_id] if needs_id is not None else []
    return by_step


def workflows_of(step_ids: Sequence[int]) -> dict[int, int]:
    """Which workflow each of these steps belongs to; deleted ones are left out."""
    with db.reading() as connection:
        rows = connection.execute(select(steps.c.id, steps.c.workflow_id).where(steps.c.id.in_(step_ids)))
        return {row.id: row.workflow_id for row in rows}


def places(step_ids: Iterable[int]) -> dict[int, tuple[int, str]]:
    """The workflow and the name of each of these steps; deleted ones are left out."""
    if not (wanted := list(step_ids)):
        return {}
    query = select(steps.c.id, steps.c.workflow_id, steps.c.name).where(steps.c.id.in_(wanted))
    with db.reading() as connection:
        return {row.id: (row.workflow_id, row.name) for row in connection.execute(query)}


def ahead_of(step: Step) -> int:
    """How many steps became ready earlier and still wait."""
    query = select(func.count()).where(steps.c.status == Status.pending, steps.c.ready_at < step.ready_at)
    with db.reading() as connection:
        return connection.scalar(query) or 0


def failures(workflow_ids: Sequence[int]) -> dict[int, tuple[str, Message | None]]:
    """At which step each of several workflows failed first, and why."""
    query = (
        select(steps.c.workflow_id, steps.c.name, steps.c.error, steps.c.status)
        .where(steps.c.workflow_id.in_(workflow_ids), steps.c.status == Status.failed)
        .order_by(steps.c.workflow_id, steps.c.position.desc())
    )
    with db.reading() as connection:
        return {row.workflow_id: (row.name, row.error) for row in connection.execute(query)}


def select_steps(*conditions: ColumnElement[bool]) -> list[Step]:
    with db.reading() as connection:
        rows = connection.execute(select(steps).where(*conditions).order_by(steps.c.ready_at, steps.c.id))
        return [record(Step, row) for row in rows]


def artifacts_in(connection: Connection, step_ids: Sequence[int]) -> dict[int, dict[str, files.FileRef]]:
    by_step: dict[int, dict[str, files.FileRef]] = {}
    for row in connection.execute(_ARTIFACTS, {"these": step_ids}) if step_ids else ():
        by_step.setdefault(row.step_id, {})[row.name] = files.FileRef(row.sha256, row.size)
    return by_step


# What every step asks is made once: making a question takes SQLAlchemy longer than the database takes to answer it.
_EQUAL = (
    select(steps)
    .where(steps.c.fingerprint == bindparam("print"), steps.c.status == Status.completed)
    .order_by(steps.c.id.desc())
    .limit(1)
)
_ARTIFACTS = select(artifacts).where(artifacts.c.step_id.in_(bindparam("these", expanding=True)))
_LONG = ("result", "traceback")
_BRIEF = (
    select(*(column for column in steps.c if column.name not in _LONG), *(null().label(name) for name in _LONG))
    .where(steps.c.workflow_id.in_(bindparam("these", expanding=True)))
    .order_by(steps.c.workflow_id, steps.c.position)
)
_NEEDS = (
    select(steps.c.id, needs.c.needs_id)
    .outerjoin(needs, needs.c.step_id == steps.c.id)
    .where(steps.c.workflow_id == bindparam("this"))
)
