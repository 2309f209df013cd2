"""Sweeps: groups of workflows of one pipeline that differ in what is tried.

A sweep's row holds all its trials; each of them becomes a workflow. Not here: which trials there are, and how good they
are (`jobs.verbs`).
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from store import actors, db, idempotency, steps
from store.errors import NotFoundError
from store.messages import Message
from store.records import record
from store.tables import OPEN, Status, needs, now, sweeps, workflows
from store.tables import steps as step_table
from store.text import sayable


@dataclass(frozen=True, slots=True)
class Trial:
    """What one workflow is started with; `values` are those of its params that differ between trials."""

    values: Mapping[str, Any]
    params: Mapping[str, Any]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    id: int
    name: str
    pipeline: str
    method: str
    params: dict[str, Any]
    inputs: dict[str, int]
    started: int
    most_trials: int | None
    most_minutes: float | None
    stopped: Message | None
    created_at: datetime
    created_by: str | None
    # None where no account did: sign-in was off, or it was a command on the machine.
    person_id: int | None
    ended_at: datetime | None
    trials: tuple[Trial, ...] = ()

    @property
    def seconds(self) -> float:
        """From the start to the end, or to now."""
        return ((self.ended_at or now()) - self.created_at).total_seconds()

    @property
    def out_of_time(self) -> bool:
        """Whether its minutes are over."""
        return self.most_minutes is not None and self.seconds > 60 * self.most_minutes

    @property
    def unstarted(self) -> int:
        """How many trials will still be started."""
        return 0 if self.stopped or self.ended_at else len(self.trials) - self.started


@dataclass(frozen=True, slots=True)
class NewSweep:
    """A sweep to be written."""

    name: str
    pipeline: str
    method: str
    params: Mapping[str, Any]
    inputs: Mapping[str, int]
    trials: Sequence[Trial]
    most_trials: int | None = None
    most_minutes: float | None = None


def insert_new(new: NewSweep, request: str | None = None) -> int:
    """Write a sweep with all its trials, none of them started; the same request twice gives the first sweep."""
    with db.writing() as connection:
        if (already := idempotency.made_by(connection, sweeps, request)) is not None:
            return already
        values = {
            "name": sayable(new.name),
            "pipeline": new.pipeline,
            "method": new.method,
            "params": dict(new.params),
            "inputs": dict(new.inputs),
            "trials": [asdict(trial) for trial in new.trials],
            "started": 0,
            "most_trials": new.most_trials,
            "most_minutes": new.most_minutes,
            "request": request,
            "created_at": now(),
            "created_by": actors.name(),
            "person_id": actors.current().person_id,
        }
        return int(connection.execute(insert(sweeps).values(values).returning(sweeps.c.id)).scalar_one())


def get(sweep_id: int) -> Sweep:
    with db.reading() as connection:
        row = connection.execute(select(sweeps).where(sweeps.c.id == sweep_id)).one_or_none()
    if row is None:
        raise NotFoundError(Message("no_such_sweep", {"sweep": sweep_id}), "sweep_id")
    return _sweep(row)


def find(limit: int = 25, offset: int = 0) -> list[Sweep]:
    """One page of the list, the newest first."""
    with db.reading() as connection:
        rows = connection.execute(select(sweeps).order_by(sweeps.c.id.desc()).limit(limit).offset(offset))
        return [_sweep(row) for row in rows]


def names() -> dict[int, str]:
    """The names of the latest sweeps, the newest first, for choosing one to look at."""
    with db.reading() as connection:
        rows = connection.execute(select(sweeps.c.id, sweeps.c.name).order_by(sweeps.c.id.desc()).limit(200))
        return {row.id: row.name for row in rows}


def count() -> int:
    with db.reading() as connection:
        return connection.scalar(select(func.count()).select_from(sweeps)) or 0


def open_ids() -> list[int]:
    """The sweeps that are not over, the oldest first."""
    with db.reading() as connection:
        return list(connection.scalars(select(sweeps.c.id).where(sweeps.c.ended_at.is_(None)).order_by(sweeps.c.id)))


def members(sweep_ids: Sequence[int]) -> dict[int, list[int]]:
    """The workflows of several sweeps, in the order of their trials; deleted ones are left out."""
    query = select(workflows.c.sweep_id, workflows.c.id).where(workflows.c.sweep_id.in_(sweep_ids))
    by_sweep: dict[int, list[int]] = {sweep_id: [] for sweep_id in sweep_ids}
    with db.reading() as connection:
        for row in connection.execute(query.order_by(workflows.c.sweep_id, workflows.c.trial)):
            by_sweep[row.sweep_id].append(row.id)
    return by_sweep


def open_members(sweep_id: int) -> list[int]:
    """The workflows of a sweep that have not ended."""
    with db.reading() as connection:
        return list(connection.scalars(_open_members(sweep_id)))


def rename(sweep_id: int, name: str) -> None:
    with db.writing() as connection:
        connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(name=sayable(name)))


def remove(sweep_id: int) -> bool:
    """Forget a sweep that is over; its workflows stay, and are trials no more. False while it is not over."""
    own = workflows.c.sweep_id == sweep_id
    with db.writing() as connection:
        over = (sweeps.c.id == sweep_id, sweeps.c.ended_at.is_not(None))
        removed = bool(connection.execute(delete(sweeps).where(*over)).rowcount)
        if removed:
            connection.execute(update(workflows).where(own).values(sweep_id=None, trial=None))
    return removed


def stop(sweep_id: int, why: Message) -> bool:
    """Start no further trial; False when it was stopped before, or is over."""
    going = (sweeps.c.id == sweep_id, sweeps.c.stopped.is_(None), sweeps.c.ended_at.is_(None))
    with db.writing() as connection:
        return bool(connection.execute(update(sweeps).where(*going).values(stopped=why)).rowcount)


def end_if_over(sweep_id: int) -> bool:
    """Record that a sweep is over: nothing of it is open, and nothing will be started. True when it has just ended."""
    sweep = get(sweep_id)
    with db.writing() as connection:
        over = (
            sweeps.c.id == sweep_id,
            sweeps.c.ended_at.is_(None),
            sweeps.c.stopped.is_not(None) | (sweeps.c.started >= len(sweep.trials)),
            ~_open_members(sweep_id).exists(),
        )
        return bool(connection.execute(update(sweeps).where(*over).values(ended_at=now())).rowcount)


def release(sweep_id: int) -> list[int]:
    """Let those of its held workflows begin that would do nothing another one is about to do; returns which.

    Steps are equal when their key, their params and all steps above them are. Of several workflows with an equal step,
    the first goes ahead, and the others follow when it has ended: then the engine reuses what it left."""
    with db.reading() as connection:
        if not _releasable(connection, sweep_id):
            return []
    with db.writing() as connection:
        released = _releasable(connection, sweep_id)
        steps.release(connection, released)
        return released


def _releasable(connection: Connection, sweep_id: int) -> list[int]:
    if not _has_held(connection, sweep_id):
        return []
    own = select(workflows.c.id).where(workflows.c.sweep_id == sweep_id)
    query = (
        select(
            step_table.c.id,
            step_table.c.workflow_id,
            step_table.c.key,
            step_table.c.params,
            step_table.c.status,
            step_table.c.ready_at,
        )
        .where(step_table.c.workflow_id.in_(own))
        .order_by(step_table.c.workflow_id, step_table.c.position)
    )
    rows = connection.execute(query).all()
    above = _above(connection, [row.id for row in rows])
    prints: dict[int, str] = {}
    for row in rows:
        prints[row.id] = _print(row.key, row.params, [prints[each] for each in above[row.id]])
    done = {prints[row.id] for row in rows if row.status is Status.completed}
    does: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        if row.status in OPEN:
            does[row.workflow_id] |= {prints[row.id]} - done
    held = [row.workflow_id for row in rows if not above[row.id] and _is_held(row)]
    begun = set().union(*(steps_ for workflow_id, steps_ in does.items() if workflow_id not in held))
    released = []
    for workflow_id in dict.fromkeys(held):
        if not does[workflow_id] & begun:
            begun |= does[workflow_id]
            released.append(workflow_id)
    return released


def _has_held(connection: Connection, sweep_id: int) -> bool:
    """Whether any of its workflows waits to be released."""
    first = step_table.c.position == 0
    query = select(step_table.c.id).where(step_table.c.workflow_id.in_(_open_members(sweep_id)), first)
    waits = (step_table.c.status == Status.pending, step_table.c.ready_at.is_(None))
    return connection.scalar(query.where(*waits).limit(1)) is not None


def _is_held(row: Any) -> bool:
    return row.status is Status.pending and row.ready_at is None


def _above(connection: Connection, step_ids: Sequence[int]) -> dict[int, list[int]]:
    """Which steps each of these steps needs."""
    by_step: dict[int, list[int]] = {step_id: [] for step_id in step_ids}
    for row in connection.execute(select(needs).where(needs.c.step_id.in_(step_ids)).order_by(needs.c.needs_id)):
        by_step[row.step_id].append(row.needs_id)
    return by_step


def _print(key: str, params: Mapping[str, Any], above: Sequence[str]) -> str:
    written = json.dumps([key, params, sorted(above)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def _open_members(sweep_id: int) -> Any:
    return select(workflows.c.id).where(workflows.c.sweep_id == sweep_id, workflows.c.status.in_(OPEN))


def _sweep(row: Any) -> Sweep:
    return replace(record(Sweep, row), trials=tuple(Trial(**trial) for trial in row.trials))
