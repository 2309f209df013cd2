"""Every change of a step's status: one conditional update in one short transaction."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, true, update

from store import attempts, codes, db, files, logs, metrics, outputs
from store.datasets import Dataset
from store.messages import Message, Values
from store.records import record
from store.steps import statements, upstream
from store.steps.reads import BACK_OFF_SECONDS
from store.steps.records import Claim, Fenced, LogLine, NewStep, Outcome, Point, Step
from store.tables import OPEN, Status, artifacts, needs, now, steps, workflow_status, workflows

FEWER_ATTEMPTS = {"out_of_memory"}


def claim(step_id: int, attempt: int, worker: str) -> Claim | None:
    """Take a step, if it waits for exactly this attempt and everything it needs is completed."""
    token = secrets.token_hex(16)
    with db.writing() as connection:
        taken = connection.execute(
            statements.TAKE, {"this": step_id, "its_attempt": attempt, "token": token, "by": worker, "at": now()}
        ).one_or_none()
        if taken is None:
            return None
        attempts.begin(connection, step_id, attempt, worker)
        rows = connection.execute(statements.PIPELINE_AND_DATASETS, {"this": taken.workflow_id}).all()
        if rows[0].workflow_status != Status.running:
            connection.execute(statements.RUNS, {"this": taken.workflow_id, "at": now()})
        given = {row.input_name: record(Dataset, row) for row in rows if row.input_name is not None}
        above = upstream.direct if taken.source else upstream.whole
        place = codes.place_in(connection, rows[0].code_id, rows[0].module)
        return Claim(record(Step, taken), token, rows[0].pipeline, given, above(connection, step_id), place)


def beat(
    claim: Claim,
    points: Sequence[Point] = (),
    lines: Sequence[LogLine] = (),
    progress: tuple[float, Message | None] | None = None,
) -> bool:
    """Say that the step is alive, and what it has to tell; raises Fenced when the claim is lost. Returns whether the
    step should end early with what it has."""
    values = {"progress": progress[0], "progress_message": progress[1]} if progress else {}
    # Its first statement decides, and locks the row that all the others hang on: no need to wait for other writers.
    with db.updating() as connection:
        stop_early = _hold(connection, claim, **values)
        if progress and claim.step.attempt > 1:
            attempts.note_progress(connection, claim.step.id, claim.step.attempt, progress[0])
        _write_records(connection, claim, points, lines)
        return stop_early


def complete(
    claim: Claim,
    fingerprint: str,
    outcome: Outcome,
    points: Sequence[Point] = (),
    lines: Sequence[LogLine] = (),
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
            fingerprint=_of_itself(fingerprint, claim) if outcome.partial else fingerprint,
            reused_from=outcome.reused_from,
            claim_token=None,
            error=None,
            traceback=None,
        )
        attempts.end(connection, claim.step.id, claim.step.attempt, Message("completed", {**outcome.measured}))
        _write_records(connection, claim, points, lines)
        # Under the write lock, so that no process deletes them now: an equal file may be deleted with another workflow.
        for ref in outcome.artifacts.values():
            files.present(ref)
        # A step completes once, so it has no artifacts and no scores yet.
        if outcome.artifacts:
            of_step = {"step_id": claim.step.id}
            left = [of_step | {"name": name} | asdict(ref) for name, ref in outcome.artifacts.items()]
            connection.execute(artifacts.insert(), left)
        if outcome.reused_from is not None:
            metrics.copy(connection, outcome.reused_from, claim.step.id, claim.step.attempt)
        if outcome.outputs or claim.step.source:
            outputs.write(connection, claim.step.id, outcome.outputs)
        metrics.write_scores(connection, claim.step.workflow_id, claim.step.id, outcome.result.get("scores") or {})
        connection.execute(statements.READY_BELOW, {"this": claim.step.id, "at": now()})
        _settle(connection, claim.step.workflow_id)


def fail(
    claim: Claim,
    error: Message,
    traceback: str,
    *,
    again: bool,
    pause: float | None = None,
    points: Sequence[Point] = (),
    lines: Sequence[LogLine] = (),
) -> None:
    """Record that an attempt failed; `again` allows the next one while any are left. With a `pause`, it is one of its
    author's retries: the next attempt is made after so many seconds, and no attempt is used up."""
    with db.writing() as connection:
        _hold(connection, claim)
        _write_records(connection, claim, points, lines)
        if pause is None:
            _end_attempt(connection, claim.step, error, traceback, again)
        else:
            _retry(connection, claim.step, error, traceback, pause)


def lose(
    step: Step,
    error: Message,
    *,
    blameless: bool = False,
    if_silent: bool = False,
    lines: Sequence[LogLine] = (),
) -> bool:
    """End the attempt of a step whose worker is dead; return False when it moved on meanwhile.

    A blameless loss, such as being stopped by the operator, does not use up an attempt. With
    `if_silent`, a step with a heartbeat since it was read is left alone. `lines` are the last of its process."""
    since = steps.c.heartbeat_at == step.heartbeat_at if if_silent else true()
    with db.writing() as connection:
        held = connection.execute(
            update(steps)
            .where(steps.c.id == step.id, steps.c.attempt == step.attempt, steps.c.status == Status.running, since)
            .values(claim_token=None, max_attempts=steps.c.max_attempts + int(blameless))
            .returning(*steps.c)
        ).one_or_none()
        if held is None:
            return False
        logs.write(connection, step.id, step.attempt, lines)
        _end_attempt(connection, record(Step, held), error, "", True)
        return True


def adopt_curve(claim: Claim, last_epoch: int) -> bool:
    """Keep the numbers of the attempts before, up to their checkpoint; False when they do not reach that far."""
    with db.updating() as connection:
        _hold(connection, claim)
        if not metrics.adopt(connection, claim.step.id, claim.step.attempt, last_epoch):
            return False
        attempts.note_start(connection, claim.step.id, claim.step.attempt, last_epoch)
        return True


def cancel(workflow_id: int) -> list[Step]:
    """Cancel what has not ended; returns the steps that were running, whose processes should be stopped."""
    with db.writing() as connection:
        open_steps = (steps.c.workflow_id == workflow_id) & steps.c.status.in_(OPEN)
        stopped = [
            record(Step, row)
            for row in connection.execute(select(steps).where(open_steps, steps.c.status == Status.running))
        ]
        # Steps before attempts, as every transition: a beat that holds the step would wait for the attempt, and this
        # for the step.
        connection.execute(
            update(steps)
            .where(open_steps)
            .values(status=Status.cancelled, claim_token=None, ended_at=now(), progress=None)
        )
        for step in stopped:
            attempts.end(connection, step.id, step.attempt, Message("cancelled"))
            logs.say(connection, step.id, step.attempt, Message("cancelled"), "warning")
        _settle(connection, workflow_id)
        return stopped


def stop_early(workflow_id: int, keys: Sequence[str]) -> list[Step]:
    """Ask those of these steps that are running to end early with what they have; returns them."""
    with db.writing() as connection:
        asked = connection.execute(
            update(steps)
            .where(steps.c.workflow_id == workflow_id, steps.c.key.in_(keys), steps.c.status == Status.running)
            .values(stop_early=True)
            .returning(*steps.c)
        ).all()
        for row in asked:
            logs.say(connection, row.id, row.attempt, Message("stop_early_asked"), "info")
        return [record(Step, row) for row in asked]


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
                max_attempts=steps.c.attempt + steps.c.allowed_attempts,
                claim_token=None,
                stop_early=False,
                retried=0,
                ready_at=None,
                next_attempt_at=None,
                pause=None,
                started_at=None,
                heartbeat_at=None,
                ended_at=None,
                progress=None,
                progress_message=None,
                error=None,
                traceback=None,
            )
            .returning(*steps.c)
        ).all()
        for row in revived:
            _ready_now(connection, steps.c.id == row.id)
        _settle(connection, workflow_id)
        return sorted((record(Step, row) for row in revived), key=lambda step: step.position)


def insert_all(connection: Connection, workflow_id: int, rows: Sequence[NewStep], *, held: bool = False) -> None:
    """Write a workflow's steps, pending; a held workflow does not begin before it is released."""
    ready = None if held else now()
    written = [
        {
            "workflow_id": workflow_id,
            "name": row["name"],
            "key": row["key"],
            "timeout": row["timeout"],
            "position": position,
            "status": Status.pending,
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
        }
        for position, row in enumerate(rows)
    ]
    # All in one statement; without an order asked for, rows may come back in any, each with its key.
    made = connection.execute(insert(steps).returning(steps.c.id, steps.c.key), written)
    ids = {row.key: row.id for row in made}
    edges = [{"step_id": ids[row["key"]], "needs_id": ids[need]} for row in rows for need in row["needs"]]
    if edges:
        connection.execute(needs.insert(), edges)


def release(connection: Connection, workflow_ids: Sequence[int]) -> None:
    """Let held workflows begin."""
    _ready_now(connection, steps.c.workflow_id.in_(workflow_ids) & steps.c.ready_at.is_(None))


def _hold(connection: Connection, claim: Claim, **values: Any) -> bool:
    """Write under a claim; raise when the claim is lost. Returns whether the step should end early."""
    values |= {"heartbeat_at": now()}
    given = {f"new_{name}": value for name, value in values.items()}
    held = connection.scalar(statements.held(tuple(values)), {"this": claim.step.id, "token": claim.token, **given})
    if held is None:
        raise Fenced
    return bool(held)


def _of_itself(fingerprint: str, claim: Claim) -> str:
    """Return the fingerprint of a step that ended early: no other step has it, and nor has what is made from it."""
    return hashlib.sha256(f"{fingerprint} {claim.step.id} {claim.step.attempt}".encode()).hexdigest()


def _write_records(
    connection: Connection,
    claim: Claim,
    points: Sequence[Point],
    lines: Sequence[LogLine],
) -> None:
    metrics.write(connection, claim.step.id, claim.step.attempt, points)
    logs.write(connection, claim.step.id, claim.step.attempt, lines)


def _end_attempt(connection: Connection, step: Step, error: Message, traceback: str, again: bool) -> None:
    """Next attempt after a pause, or failed for good with everything below skipped."""
    attempts.end(connection, step.id, step.attempt, error)
    values: dict[str, Any] = {"error": error, "traceback": traceback, "claim_token": None}
    # What was too large twice will be too large a third time.
    if again and step.attempt < step.max_attempts - (error.code in FEWER_ATTEMPTS):
        pause = BACK_OFF_SECONDS[min(step.attempt, len(BACK_OFF_SECONDS)) - 1]
        logs.say(connection, step.id, step.attempt, error, "warning")
        logs.say(connection, step.id, step.attempt, Message("next_attempt", {"number": step.attempt + 1}), "warning")
        values |= {
            "status": Status.pending,
            "attempt": step.attempt + 1,
            "next_attempt_at": now() + timedelta(seconds=pause),
            "pause": None,
            "progress": None,
        }
        connection.execute(update(steps).where(steps.c.id == step.id).values(values))
    else:
        logs.say(connection, step.id, step.attempt, error, "error")
        connection.execute(
            update(steps).where(steps.c.id == step.id).values(values | {"status": Status.failed, "ended_at": now()})
        )
        _skip_below(connection, step.id)
    _settle(connection, step.workflow_id)


def _retry(connection: Connection, step: Step, error: Message, traceback: str, pause: float) -> None:
    """The next attempt, after a pause that the author of the step chose."""
    attempts.end(connection, step.id, step.attempt, error)
    logs.say(connection, step.id, step.attempt, error, "warning")
    told: Values = {"number": step.attempt + 1, "seconds": round(pause, 1)}
    logs.say(connection, step.id, step.attempt, Message("retry", told), "warning")
    connection.execute(
        update(steps)
        .where(steps.c.id == step.id)
        .values(
            error=error,
            traceback=traceback,
            claim_token=None,
            status=Status.pending,
            attempt=step.attempt + 1,
            max_attempts=steps.c.max_attempts + 1,
            retried=steps.c.retried + 1,
            next_attempt_at=now() + timedelta(seconds=pause),
            pause=pause,
            progress=None,
        )
    )
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
        update(steps).where(which, steps.c.status == Status.pending, ~statements.unmet_needs()).values(ready_at=now())
    )


def _settle(connection: Connection, workflow_id: int) -> None:
    """Save the status that a workflow's steps add up to."""
    rows = connection.execute(statements.STATUSES, {"this": workflow_id}).all()
    status = workflow_status(row.status for row in rows)
    if not rows or rows[0].before == status:
        return
    starts = [row.started_at for row in rows if row.started_at]
    values: dict[str, Any] = {"status": status, "ended_at": now() if status.over else None}
    if not status.over:
        values["seen_at"] = None
    if starts:
        values["started_at"] = func.coalesce(workflows.c.started_at, min(starts))
    connection.execute(update(workflows).where(workflows.c.id == workflow_id).values(values))
