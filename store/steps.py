"""Steps: one stage of one workflow. Every change of status is one conditional update in one short transaction."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    bindparam,
    case,
    cast,
    exists,
    func,
    null,
    or_,
    select,
    true,
    update,
)

from store import db, files, logs, metrics
from store.datasets import Dataset
from store.errors import NotFound
from store.records import record
from store.tables import Status, artifacts, datasets, needs, now, steps, workflow_status, workflows

# Sooner, opening a file and starting up would count as its pace.
TELLING_SECONDS = 3.0
ATTEMPTS = 3
BACK_OFF_SECONDS = (0, 2, 10)
ENDS_SOONER = {"out_of_memory"}

_above = steps.alias()


@dataclass(frozen=True, slots=True)
class Step:
    id: int
    workflow_id: int
    name: str
    position: int
    status: Status
    attempt: int
    max_attempts: int
    fresh: bool
    ready_at: datetime | None
    next_attempt_at: datetime | None
    started_at: datetime | None
    heartbeat_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    params: dict[str, Any]
    fingerprint: str | None
    reused_from: int | None
    progress: float | None
    progress_words: str | None
    result: dict[str, Any] | None
    error_code: str | None
    error: str | None
    traceback: str | None

    @property
    def job_id(self) -> str:
        """Under which id this attempt is handed to the queue."""
        return f"s{self.id}-a{self.attempt}"

    @property
    def seconds(self) -> float | None:
        """How long it has worked so far, or worked in all."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.ended_at or now()) - self.started_at).total_seconds())

    def seconds_left(self, begun: datetime | None, behind: float = 0.0) -> float | None:
        """How long it still takes at its pace since this attempt began, when that share of the work was behind it
        already; None while that cannot be known."""
        if self.status is not Status.running or not self.progress or begun is None or self.heartbeat_at is None:
            return None
        worked = (self.heartbeat_at - begun).total_seconds()
        if self.progress <= behind or worked < TELLING_SECONDS:
            return None
        pace = worked / (self.progress - behind)
        return max(0.0, pace * (1 - self.progress) - (now() - self.heartbeat_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Input:
    """What a step above left behind."""

    result: dict[str, Any]
    fingerprint: str
    artifacts: dict[str, files.Kept]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one attempt of one step; every later write carries its token."""

    step: Step
    token: str
    pipeline: str
    dataset: Dataset
    inputs: dict[str, Input]


class Fenced(BaseException):
    """The claim is no longer ours: somebody cancelled, or gave the step to another attempt.

    Not an Exception, so that a step which catches everything that may go wrong in it does not catch this."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished step leaves; `scores` in its result become the workflow's."""

    result: dict[str, Any]
    artifacts: dict[str, files.Kept] = field(default_factory=dict)
    reused_from: int | None = None


def of_workflow(workflow_id: int) -> list[Step]:
    """A workflow's steps from top to bottom."""
    with db.reading() as connection:
        rows = connection.execute(select(steps).where(steps.c.workflow_id == workflow_id).order_by(steps.c.position))
        return [record(Step, row) for row in rows]


def brief(workflow_ids: Sequence[int]) -> dict[int, list[Step]]:
    """The steps of several workflows in one question, without their results."""
    columns = [column for column in steps.c if column.name not in ("result", "traceback")]
    query: Select[Any] = select(*columns, null().label("result"), null().label("traceback"))
    query = query.where(steps.c.workflow_id.in_(workflow_ids)).order_by(steps.c.workflow_id, steps.c.position)
    found: dict[int, list[Step]] = {workflow_id: [] for workflow_id in workflow_ids}
    with db.reading() as connection:
        for row in connection.execute(query):
            found[row.workflow_id].append(record(Step, row))
    return found


def get(step_id: int) -> Step:
    with db.reading() as connection:
        row = connection.execute(select(steps).where(steps.c.id == step_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no step {step_id}.")
    return record(Step, row)


def claim(step_id: int, attempt: int, worker: str) -> Claim | None:
    """Take a step, if it waits for exactly this attempt and everything it needs is completed."""
    token = secrets.token_hex(16)
    with db.writing() as connection:
        taken = connection.execute(
            _TAKE, {"this": step_id, "its_attempt": attempt, "token": token, "by": worker, "at": now()}
        ).one_or_none()
        if taken is None:
            return None
        connection.execute(_RUNS, {"this": taken.workflow_id, "at": now()})
        row = connection.execute(_PIPELINE_AND_DATASET, {"this": taken.workflow_id}).one()
        return Claim(record(Step, taken), token, row.pipeline, record(Dataset, row), _inputs(connection, step_id))


def beat(
    claim: Claim,
    points: Sequence[tuple[int, str, float]] = (),
    lines: Sequence[tuple[datetime, str, str]] = (),
    progress: tuple[float, str] | None = None,
) -> None:
    """Say that the step is alive, and what it has to tell; raises Fenced when the claim is lost."""
    values = {"progress": progress[0], "progress_words": progress[1]} if progress else {}
    with db.writing() as connection:
        _hold(connection, claim, **values)
        _tell(connection, claim, points, lines)


def complete(
    claim: Claim,
    fingerprint: str,
    outcome: Outcome,
    points: Sequence[tuple[int, str, float]] = (),
    lines: Sequence[tuple[datetime, str, str]] = (),
) -> None:
    """Accept a step's result, once: files, scores, numbers and status in one transaction."""
    with db.writing() as connection:
        _hold(
            connection,
            claim,
            status=Status.completed,
            ended_at=now(),
            progress=1.0,
            result=outcome.result,
            fingerprint=fingerprint,
            reused_from=outcome.reused_from,
            claim_token=None,
            error_code=None,
            error=None,
            traceback=None,
        )
        _tell(connection, claim, points, lines)
        # Under the write lock, so that nobody deletes them now: an equal file may have gone with another workflow.
        for kept in outcome.artifacts.values():
            files.present(kept)
        connection.execute(_NO_ARTIFACTS, {"this": claim.step.id})
        for name, kept in outcome.artifacts.items():
            connection.execute(
                artifacts.insert().values(step_id=claim.step.id, name=name, sha256=kept.sha256, size=kept.size)
            )
        if outcome.reused_from is not None:
            metrics.copy(connection, outcome.reused_from, claim.step.id, claim.step.attempt)
        if scores := outcome.result.get("scores"):
            metrics.write_scores(connection, claim.step.workflow_id, scores)
        connection.execute(_READY_BELOW, {"this": claim.step.id, "at": now()})
        _settle(connection, claim.step.workflow_id)


def fail(
    claim: Claim,
    code: str,
    sentence: str,
    traceback: str,
    *,
    again: bool,
    points: Sequence[tuple[int, str, float]] = (),
    lines: Sequence[tuple[datetime, str, str]] = (),
) -> None:
    """Record that an attempt failed; `again` allows the next one while any are left."""
    with db.writing() as connection:
        _hold(connection, claim)
        _tell(connection, claim, points, lines)
        _end_attempt(connection, claim.step, code, sentence, traceback, again)


def lose(step: Step, code: str, sentence: str, *, blameless: bool = False, unheard: bool = False) -> bool:
    """End the attempt of a step whose worker is gone; False when it moved on meanwhile.

    A blameless loss, such as being stopped by the operator, does not use up an attempt. A step that is taken for lost
    because it is `unheard` of is left alone when it has said something since it was read."""
    since = steps.c.heartbeat_at == step.heartbeat_at if unheard else true()
    with db.writing() as connection:
        held = connection.execute(
            update(steps)
            .where(steps.c.id == step.id, steps.c.attempt == step.attempt, steps.c.status == Status.running, since)
            .values(claim_token=None, max_attempts=steps.c.max_attempts + int(blameless))
            .returning(*steps.c)
        ).one_or_none()
        if held is None:
            return False
        _end_attempt(connection, record(Step, held), code, sentence, "", True)
        return True


def twin(fingerprint: str) -> tuple[Step, Outcome] | None:
    """The newest completed step with this fingerprint, and what it left."""
    with db.reading() as connection:
        row = connection.execute(
            select(steps)
            .where(steps.c.fingerprint == fingerprint, steps.c.status == Status.completed)
            .order_by(steps.c.id.desc())
            .limit(1)
        ).one_or_none()
        if row is None:
            return None
        found = record(Step, row)
        # A reused step points to where the work was really done, as long as that is still there.
        origin = found.reused_from or found.id
        return found, Outcome(found.result or {}, _artifacts(connection, [found.id]).get(found.id, {}), origin)


def adopt_curve(claim: Claim, last_epoch: int) -> bool:
    """Keep the numbers of the attempts before, up to their checkpoint; False when they do not reach that far."""
    with db.writing() as connection:
        _hold(connection, claim)
        return metrics.adopt(connection, claim.step.id, claim.step.attempt, last_epoch)


def artifacts_of(step_id: int) -> dict[str, files.Kept]:
    with db.reading() as connection:
        return _artifacts(connection, [step_id]).get(step_id, {})


def model_of(workflow_id: int) -> files.Kept:
    """The trained model of a workflow: what its last step that saved one left."""
    query = (
        select(artifacts.c.sha256, artifacts.c.size)
        .join(steps, steps.c.id == artifacts.c.step_id)
        .where(steps.c.workflow_id == workflow_id, artifacts.c.name == "model")  # only a completed step leaves any
        .order_by(steps.c.position.desc())
        .limit(1)
    )
    with db.reading() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Workflow {workflow_id} has no model: its training has not completed.")
    return files.Kept(row.sha256, row.size)


def running() -> list[Step]:
    return _select(steps.c.status == Status.running)


def pending_of(step_ids: Iterable[int]) -> list[Step]:
    """Those of these steps that have not started."""
    return _select(steps.c.status == Status.pending, steps.c.id.in_(list(step_ids)))


def waiting() -> list[Step]:
    """Steps that may start now. A pause that would end later than any pause can is one by a clock that was put back."""
    at, pause = now(), steps.c.next_attempt_at
    due = or_(pause.is_(None), pause <= at, pause > at + timedelta(seconds=max(BACK_OFF_SECONDS)))
    return _select(steps.c.status == Status.pending, steps.c.ready_at.is_not(None), due)


def needs_of(workflow_id: int) -> dict[int, list[int]]:
    """Which steps each step of a workflow needs, as written when it was started."""
    query = (
        select(steps.c.id, needs.c.needs_id)
        .outerjoin(needs, needs.c.step_id == steps.c.id)
        .where(steps.c.workflow_id == workflow_id)
    )
    found: dict[int, list[int]] = defaultdict(list)
    with db.reading() as connection:
        for step_id, needs_id in connection.execute(query):
            found[step_id] += [needs_id] if needs_id is not None else []
    return found


def recent(limit: int = 50) -> list[Step]:
    """The steps that started last, newest first."""
    with db.reading() as connection:
        query = select(steps).where(steps.c.started_at.is_not(None)).order_by(steps.c.started_at.desc()).limit(limit)
        return [record(Step, row) for row in connection.execute(query)]


def workflows_of(step_ids: Sequence[int]) -> dict[int, int]:
    """Which workflow each of these steps belongs to; steps that are gone are left out."""
    with db.reading() as connection:
        rows = connection.execute(select(steps.c.id, steps.c.workflow_id).where(steps.c.id.in_(step_ids)))
        return {row.id: row.workflow_id for row in rows}


def places(step_ids: Iterable[int]) -> dict[int, tuple[int, str]]:
    """The workflow and the name of each of these steps; steps that are gone are left out."""
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


def reasons(workflow_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """At which step each of several workflows failed, and why."""
    query = (
        select(steps.c.workflow_id, steps.c.name, steps.c.error, steps.c.status)
        .where(steps.c.workflow_id.in_(workflow_ids))
        .order_by(steps.c.workflow_id, steps.c.position.desc())
    )
    with db.reading() as connection:
        return {
            row.workflow_id: (row.name, row.error or "")
            for row in connection.execute(query)
            if row.status is Status.failed
        }


@dataclass(frozen=True, slots=True)
class Load:
    """How much there is to do."""

    waiting: int
    running: int
    failed_last_hour: int


def load() -> Load:
    with db.reading() as connection:
        waiting = select(func.count()).where(steps.c.status == Status.pending, steps.c.ready_at.is_not(None))
        running = select(func.count()).where(steps.c.status == Status.running)
        failed = select(func.count()).where(
            steps.c.status == Status.failed, steps.c.ended_at > now() - timedelta(hours=1)
        )
        return Load(*(connection.scalar(query) or 0 for query in (waiting, running, failed)))


def count_by_status() -> dict[str, int]:
    """How many steps there are of every status."""
    with db.reading() as connection:
        rows = connection.execute(select(steps.c.status, func.count()).group_by(steps.c.status)).all()
    counted = {str(status): count for status, count in rows}
    return {str(status): counted.get(str(status), 0) for status in Status}


@dataclass(frozen=True, slots=True)
class Minute:
    """How the queue stood at the end of a minute, and what ended within it."""

    at: datetime
    waiting: int
    running: int
    finished: int
    failed: int


def history(minutes: int) -> list[Minute]:
    """Depth and throughput of the last minutes, worked out from when steps became ready, started and ended."""
    end = now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    begin = end - timedelta(minutes=minutes)
    unstarted, failed = steps.c.started_at.is_(None), steps.c.status == Status.failed
    with db.reading() as connection:
        arrived = _by_minute(connection, steps.c.ready_at, begin)
        began = _by_minute(connection, steps.c.started_at, begin)
        ended = _by_minute(connection, steps.c.ended_at, begin, unstarted, failed)
        open_steps = select(func.count(), func.count(steps.c.started_at)).where(
            steps.c.status.in_([Status.pending, Status.running]), steps.c.ready_at.is_not(None)
        )
        all_open, running = connection.execute(open_steps).one()
    waiting = all_open - running
    found: list[Minute] = []
    # From now backwards: what came within a minute was not there before it, and what left was.
    for at in (end - timedelta(minutes=number) for number in range(minutes)):
        minute = at - timedelta(minutes=1)
        (came,), (went,), (out, never_ran, bad) = arrived[minute], began[minute], ended[minute]
        found.append(Minute(at, max(waiting, 0), max(running, 0), out - bad, bad))
        waiting += went + never_ran - came
        running += out - never_ran - went
    return found[::-1]


def _by_minute(
    connection: Connection, time: ColumnElement[Any], begin: datetime, *kinds: ColumnElement[bool]
) -> defaultdict[datetime, tuple[int, ...]]:
    """How many steps became ready, started or ended in each minute, and how many of those were of each kind."""
    minute = func.substr(cast(time, String), 1, 16)
    counts = [func.count(), *(func.sum(case((kind, 1), else_=0)) for kind in kinds)]
    query = select(minute, *counts).where(time >= begin, steps.c.ready_at.is_not(None)).group_by(minute)
    found: defaultdict[datetime, tuple[int, ...]] = defaultdict(lambda: (0,) * len(counts))
    for text, *numbers in connection.execute(query):
        found[datetime.fromisoformat(text).replace(tzinfo=UTC)] = tuple(numbers)
    return found


def cancel(workflow_id: int) -> list[Step]:
    """Cancel what has not ended; returns the steps that were running, whose processes should be stopped."""
    with db.writing() as connection:
        open_steps = (steps.c.workflow_id == workflow_id) & steps.c.status.in_([Status.pending, Status.running])
        stopped = [
            record(Step, row)
            for row in connection.execute(select(steps).where(open_steps, steps.c.status == Status.running))
        ]
        for step in stopped:
            logs.say(connection, step.id, step.attempt, "Cancelled.", "warning")
        connection.execute(
            update(steps)
            .where(open_steps)
            .values(status=Status.cancelled, claim_token=None, ended_at=now(), progress=None)
        )
        _settle(connection, workflow_id)
        return stopped


def revive(workflow_id: int) -> list[Step]:
    """Give every failed, skipped or cancelled step a new attempt; returns them."""
    with db.writing() as connection:
        ended = steps.c.status.in_([Status.failed, Status.skipped, Status.cancelled])
        revived = connection.execute(
            update(steps)
            .where(steps.c.workflow_id == workflow_id, ended)
            .values(
                status=Status.pending,
                attempt=steps.c.attempt + 1,
                max_attempts=steps.c.attempt + ATTEMPTS,
                claim_token=None,
                ready_at=None,
                next_attempt_at=None,
                started_at=None,
                heartbeat_at=None,
                ended_at=None,
                progress=None,
                progress_words=None,
                error_code=None,
                error=None,
                traceback=None,
            )
            .returning(*steps.c)
        ).all()
        for row in revived:
            _ready_now(connection, steps.c.id == row.id)
        _settle(connection, workflow_id)
        return sorted((record(Step, row) for row in revived), key=lambda step: step.position)


def insert_all(connection: Connection, workflow_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a workflow's steps, pending; each row has name, needs, params, max_attempts and fresh."""
    ids: dict[str, int] = {}
    for position, row in enumerate(rows):
        ids[row["name"]] = connection.execute(
            steps.insert()
            .values(
                workflow_id=workflow_id,
                name=row["name"],
                position=position,
                status=Status.pending,
                attempt=1,
                params=row["params"],
                max_attempts=row["max_attempts"],
                fresh=row["fresh"],
                ready_at=None if row["needs"] else now(),
            )
            .returning(steps.c.id)
        ).scalar_one()
    edges = [{"step_id": ids[row["name"]], "needs_id": ids[need]} for row in rows for need in row["needs"]]
    if edges:
        connection.execute(needs.insert(), edges)


def _select(*conditions: ColumnElement[bool]) -> list[Step]:
    with db.reading() as connection:
        rows = connection.execute(select(steps).where(*conditions).order_by(steps.c.ready_at, steps.c.id))
        return [record(Step, row) for row in rows]


def _unmet_needs() -> ColumnElement[bool]:
    return exists(
        select(1)
        .select_from(needs)
        .join(_above, _above.c.id == needs.c.needs_id)
        .where(needs.c.step_id == steps.c.id, _above.c.status != Status.completed)
        .correlate(steps)
    )


def _hold(connection: Connection, claim: Claim, **values: Any) -> None:
    """Write under a claim, or find out that it is gone."""
    held = connection.execute(
        update(steps)
        .where(steps.c.id == claim.step.id, steps.c.claim_token == claim.token, steps.c.status == Status.running)
        .values(heartbeat_at=now(), **values)
    )
    if not held.rowcount:
        raise Fenced


def _tell(
    connection: Connection,
    claim: Claim,
    points: Sequence[tuple[int, str, float]],
    lines: Sequence[tuple[datetime, str, str]],
) -> None:
    metrics.write(connection, claim.step.id, claim.step.attempt, points)
    logs.write(connection, claim.step.id, claim.step.attempt, lines)


def _end_attempt(connection: Connection, step: Step, code: str, sentence: str, traceback: str, again: bool) -> None:
    """Next attempt after a pause, or failed for good with everything below skipped."""
    told = {"error_code": code, "error": sentence, "traceback": traceback, "claim_token": None}
    # What was too large twice will be too large a third time.
    if again and step.attempt < step.max_attempts - (code in ENDS_SOONER):
        pause = BACK_OFF_SECONDS[min(step.attempt, len(BACK_OFF_SECONDS)) - 1]
        logs.say(connection, step.id, step.attempt, f"{sentence} Attempt {step.attempt + 1} follows.", "warning")
        values = told | {
            "status": Status.pending,
            "attempt": step.attempt + 1,
            "next_attempt_at": now() + timedelta(seconds=pause),
            "progress": None,
        }
        connection.execute(update(steps).where(steps.c.id == step.id).values(values))
    else:
        logs.say(connection, step.id, step.attempt, sentence, "error")
        connection.execute(
            update(steps).where(steps.c.id == step.id).values(told | {"status": Status.failed, "ended_at": now()})
        )
        _skip_below(connection, step.id)
    _settle(connection, step.workflow_id)


def _below(step_id: int) -> Any:
    """Everything that needs this step, directly or not."""
    below = select(needs.c.step_id).where(needs.c.needs_id == step_id).cte("below", recursive=True)
    return below.union(select(needs.c.step_id).join(below, needs.c.needs_id == below.c.step_id))


def _skip_below(connection: Connection, step_id: int) -> None:
    below = _below(step_id)
    connection.execute(
        update(steps)
        .where(steps.c.id.in_(select(below.c.step_id)), steps.c.status == Status.pending)
        .values(status=Status.skipped, ended_at=now())
    )


def _ready_now(connection: Connection, which: ColumnElement[bool]) -> None:
    connection.execute(
        update(steps).where(which, steps.c.status == Status.pending, ~_unmet_needs()).values(ready_at=now())
    )


def _settle(connection: Connection, workflow_id: int) -> None:
    """Save the status that a workflow's steps add up to."""
    rows = connection.execute(_STATUSES, {"this": workflow_id}).all()
    status = workflow_status(row.status for row in rows)
    starts = [row.started_at for row in rows if row.started_at]
    values: dict[str, Any] = {"status": status, "ended_at": now() if status.over else None}
    if not status.over:
        values["seen_at"] = None
    if starts:
        values["started_at"] = func.coalesce(workflows.c.started_at, min(starts))
    changed = workflows.c.status != status
    connection.execute(update(workflows).where(workflows.c.id == workflow_id, changed).values(values))


def _inputs(connection: Connection, step_id: int) -> dict[str, Input]:
    """What everything above left, however far above."""
    rows = connection.execute(_ALL_ABOVE, {"this": step_id}).all()
    kept = _artifacts(connection, [row.id for row in rows])
    return {row.name: Input(row.result or {}, row.fingerprint or "", kept.get(row.id, {})) for row in rows}


def _artifacts(connection: Connection, step_ids: Sequence[int]) -> dict[int, dict[str, files.Kept]]:
    found: dict[int, dict[str, files.Kept]] = {}
    for row in connection.execute(select(artifacts).where(artifacts.c.step_id.in_(step_ids))):
        found.setdefault(row.step_id, {})[row.name] = files.Kept(row.sha256, row.size)
    return found


def _all_above() -> Select[Any]:
    above = select(needs.c.needs_id).where(needs.c.step_id == bindparam("this")).cte("above", recursive=True)
    above = above.union(select(needs.c.needs_id).join(above, needs.c.step_id == above.c.needs_id))
    return select(steps.c.id, steps.c.name, steps.c.result, steps.c.fingerprint).where(
        steps.c.id.in_(select(above.c.needs_id))
    )


# What every step asks is made once: making a question takes SQLAlchemy longer than the database takes to answer it.
_TAKE = (
    update(steps)
    .where(
        steps.c.id == bindparam("this"),
        steps.c.attempt == bindparam("its_attempt"),
        steps.c.status == Status.pending,
        ~_unmet_needs(),
    )
    .values(
        status=Status.running,
        claim_token=bindparam("token"),
        worker=bindparam("by"),
        heartbeat_at=bindparam("at"),
        started_at=func.coalesce(steps.c.started_at, bindparam("at")),
        ended_at=None,
        progress=None,
        progress_words=None,
    )
    .returning(*steps.c)
)
_RUNS = (
    update(workflows)
    .where(workflows.c.id == bindparam("this"), workflows.c.status != Status.running)
    .values(
        status=Status.running,
        ended_at=None,
        seen_at=None,
        started_at=func.coalesce(workflows.c.started_at, bindparam("at")),
    )
)
_PIPELINE_AND_DATASET = (
    select(datasets, workflows.c.pipeline)
    .join(workflows, workflows.c.dataset_id == datasets.c.id)
    .where(workflows.c.id == bindparam("this"))
)
_ALL_ABOVE = _all_above()
_NO_ARTIFACTS = artifacts.delete().where(artifacts.c.step_id == bindparam("this"))
_READY_BELOW = (
    update(steps)
    .where(
        steps.c.id.in_(select(needs.c.step_id).where(needs.c.needs_id == bindparam("this"))),
        # The index on the status, which SQLite would take, leads to all that waits in all workflows.
        func.coalesce(steps.c.status, "") == Status.pending,
        ~_unmet_needs(),
    )
    .values(ready_at=bindparam("at"))
)
_STATUSES = (
    select(steps.c.status, func.min(steps.c.started_at).label("started_at"))
    .where(steps.c.workflow_id == bindparam("this"))
    .group_by(steps.c.status)
)
