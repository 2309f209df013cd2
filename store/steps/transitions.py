"""Every change of a step's status: one conditional update in one short transaction."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select, true, update

from store import attempts, codes, db, files, limits, logs, metrics, outputs
from store.datasets import Dataset
from store.messages import Message, Values
from store.records import record
from store.steps import reviving, statements, upstream
from store.steps.reads import BACK_OFF_SECONDS
from store.steps.records import Claim, Fenced, LogLine, Outcome, Point, Step
from store.steps.writing import ready_now
from store.tables import (
    OPEN,
    Need,
    Status,
    StepRole,
    artifacts,
    flow_status,
    needs,
    now,
    steps,
    workflow_status,
    workflows,
)

FEWER_ATTEMPTS = {"out_of_memory"}


def claim(step_id: int, attempt: int, worker: str, turn: int = 0) -> Claim | None:
    """Take a step, if it waits for exactly this attempt, everything it needs is there, and no limit of its tags is
    reached; one that finds no room is held until there is some. A flow takes many turns."""
    token = secrets.token_hex(16)
    try:
        return _taken(step_id, attempt, worker, turn, token)
    except _NoRoomError as full:
        limits.hold(step_id, attempt, full.tag)
        return None


class _NoRoomError(Exception):
    """The limit of a tag is reached; the claim is undone."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


def _taken(step_id: int, attempt: int, worker: str, turn: int, token: str) -> Claim | None:
    with db.writing() as connection:
        taken = connection.execute(
            statements.TAKE,
            {"this": step_id, "its_attempt": attempt, "its_turn": turn, "token": token, "by": worker, "at": now()},
        ).one_or_none()
        if taken is None:
            return None
        if taken.tags and (tag := limits.full(connection, taken.tags)):
            raise _NoRoomError(tag)
        (attempts.go_on if turn else attempts.begin)(connection, step_id, attempt, worker)
        rows = connection.execute(statements.PIPELINE_AND_DATASETS, {"this": taken.workflow_id}).all()
        if rows[0].workflow_status != Status.running:
            connection.execute(statements.RUNS, {"this": taken.workflow_id, "at": now()})
        given = {row.input_name: record(Dataset, row) for row in rows if row.input_name is not None}
        above = upstream.direct if taken.source else upstream.whole
        if taken.role == StepRole.driver:
            above = upstream.nothing
        place = codes.place_in(connection, rows[0].code_id, rows[0].module, rows[0].options)
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
        stop_early = hold(connection, claim, **values)
        if progress and claim.step.attempt > 1:
            attempts.note_progress(connection, claim.step.id, claim.step.attempt, progress[0])
        write_records(connection, claim, points, lines)
        return stop_early


def complete(
    claim: Claim,
    fingerprint: str,
    outcome: Outcome,
    points: Sequence[Point] = (),
    lines: Sequence[LogLine] = (),
) -> list[int]:
    """Accept a step's result, once: files, scores, numbers and status in one transaction. Returns the late steps that
    are ready now, which nobody else gives to the queue."""
    with db.writing() as connection:
        hold(
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
        write_records(connection, claim, points, lines)
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
        ready = connection.execute(statements.READY_BELOW, {"this": claim.step.id, "at": now()}).all()
        if claim.step.role == StepRole.driver:
            connection.execute(statements.HANDLED, {"of": claim.step.workflow_id})
        settle(connection, claim.step.workflow_id)
        return [row.id for row in ready if row.late]


def fail(
    claim: Claim,
    error: Message,
    traceback: str,
    *,
    again: bool,
    pause: float | None = None,
    points: Sequence[Point] = (),
    lines: Sequence[LogLine] = (),
) -> list[int]:
    """Record that an attempt failed; `again` allows the next one while any are left. With a `pause`, it is one of its
    author's retries: the next attempt is made after so many seconds, and no attempt is used up. Returns the late steps
    that are ready now."""
    with db.writing() as connection:
        hold(connection, claim)
        write_records(connection, claim, points, lines)
        if pause is None:
            return _end_attempt(connection, claim.step, error, traceback, again)
        _retry(connection, claim.step, error, traceback, pause)
        return []


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
        hold(connection, claim)
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
        settle(connection, workflow_id)
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


def revive(workflow_id: int, key: str | None = None) -> list[Step]:
    """Give every failed, skipped or cancelled step a new attempt; returns them. With a `key`, only that step, what it
    needs, and what can run once it has completed. What failed and was handled by its flow stays: a flow that is taken
    up again would go another way."""
    with db.writing() as connection:
        which = steps.c.workflow_id == workflow_id
        if key is not None:
            which &= steps.c.id.in_(reviving.together_with(connection, workflow_id, key))
        revived = _revive(connection, which)
        settle(connection, workflow_id)
        return sorted(revived, key=lambda step: step.position)


def _revive(connection: Connection, which: ColumnElement[bool]) -> list[Step]:
    ended = steps.c.status.in_(reviving.ENDED_BADLY) & ~steps.c.handled
    asks = steps.c.role == StepRole.question
    revived = connection.execute(
        update(steps)
        .where(which, ended)
        .values(
            status=case((asks, Status.waiting), else_=Status.pending),
            attempt=steps.c.attempt + 1,
            max_attempts=steps.c.attempt + steps.c.allowed_attempts,
            claim_token=None,
            stop_early=False,
            retried=0,
            ready_at=None,
            next_attempt_at=None,
            pause=None,
            held_by=None,
            started_at=None,
            heartbeat_at=None,
            ended_at=None,
            progress=None,
            progress_message=None,
            error=None,
            traceback=None,
            deadline=None,
        )
        .returning(*steps.c)
    ).all()
    for row in revived:
        if row.role == StepRole.question and row.params.get("seconds"):
            until = now() + timedelta(seconds=float(row.params["seconds"]))
            connection.execute(update(steps).where(steps.c.id == row.id).values(deadline=until))
        ready_now(connection, steps.c.id == row.id)
    return [record(Step, row) for row in revived]


def hold(connection: Connection, claim: Claim, **values: Any) -> bool:
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


def write_records(
    connection: Connection,
    claim: Claim,
    points: Sequence[Point],
    lines: Sequence[LogLine],
) -> None:
    metrics.write(connection, claim.step.id, claim.step.attempt, points)
    logs.write(connection, claim.step.id, claim.step.attempt, lines)


def _end_attempt(connection: Connection, step: Step, error: Message, traceback: str, again: bool) -> list[int]:
    """Next attempt after a pause, or failed for good with everything below skipped; returns the late steps that are
    ready now."""
    ready: list[int] = []
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
        ready = after_failure(connection, step)
    settle(connection, step.workflow_id)
    return ready


def after_failure(connection: Connection, step: Step) -> list[int]:
    """Skip what needed a step that failed for good; returns the late steps that are ready now. When a flow fails, what
    of it has not begun does not begin."""
    if step.role == StepRole.driver:
        open_steps = (steps.c.workflow_id == step.workflow_id) & steps.c.status.in_([Status.pending, Status.waiting])
        connection.execute(update(steps).where(open_steps).values(status=Status.cancelled, ended_at=now()))
        return []
    _skip_below(connection, step.id)
    late = (steps.c.workflow_id == step.workflow_id) & steps.c.late & steps.c.ready_at.is_(None)
    return ready_now(connection, late)


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
    if step.role == StepRole.driver:  # what failed in it runs again, what it has done stays done
        _revive(connection, (steps.c.workflow_id == step.workflow_id) & (steps.c.id != step.id))
        connection.execute(update(steps).where(steps.c.id == step.id).values(ready_at=None))
        ready_now(connection, steps.c.id == step.id)
    settle(connection, step.workflow_id)


def _below(step_id: int) -> Any:
    """Everything that needs this step to be completed, directly or not."""
    strict = needs.c.kind == Need.completed
    below = select(needs.c.step_id).where(needs.c.needs_id == step_id, strict).cte("below", recursive=True)
    return below.union(select(needs.c.step_id).join(below, needs.c.needs_id == below.c.step_id).where(strict))


def _skip_below(connection: Connection, step_id: int) -> None:
    below = _below(step_id)
    connection.execute(
        update(steps)
        # As in READY_BELOW: the index on the status leads to all that waits in all workflows.
        .where(steps.c.id.in_(select(below.c.step_id)), func.coalesce(steps.c.status, "") == Status.pending)
        .values(status=Status.skipped, ended_at=now())
    )


def settle(connection: Connection, workflow_id: int) -> None:
    """Save the status that a workflow's steps add up to."""
    rows = connection.execute(statements.STATUSES, {"this": workflow_id}).all()
    starts = [row.started_at for row in rows if row.started_at]
    driver = next((row.status for row in rows if row.role == StepRole.driver), None)
    seen = [row.status for row in rows]
    status = workflow_status(seen) if driver is None else flow_status(seen, driver, begun=bool(starts))
    if not rows or rows[0].before == status:
        return
    values: dict[str, Any] = {"status": status, "ended_at": now() if status.over else None}
    if not status.over:
        values["seen_at"] = None
    if starts and Status(rows[0].before).over and not status.over:
        values["started_at"] = now()  # it was taken up again: what it lay is not time that it took
    elif starts:
        values["started_at"] = func.coalesce(workflows.c.started_at, min(starts))
    connection.execute(update(workflows).where(workflows.c.id == workflow_id).values(values))
