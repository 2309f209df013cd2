"""Turns of a flow: its driver asks for steps, waits for them without holding a worker, and is taken up again.

A driver is a step like any other, and writes under its claim. Waiting is being pending with needs: a step that ends
makes it ready. Not here: what a flow asks for, and how it is replayed (`jobs.authoring`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from store import attempts, db, files, logs, outputs
from store.errors import ConflictError, NotFoundError
from store.files import FileRef
from store.messages import Message, Values
from store.outputs import Handed
from store.records import record
from store.steps import statements
from store.steps.records import Claim, LogLine, NewStep, Point, Step
from store.steps.transitions import after_failure, hold, settle, write_records
from store.steps.writing import insert_all, ready_now
from store.tables import Need, Status, StepRole, artifacts, needs, now, steps


@dataclass(frozen=True, slots=True)
class Park:
    """What a driver asks for, the keys of the steps that it then waits for, and of those whose failure it handled.

    `asked_again` are questions whose answer was no good, each with why."""

    rows: tuple[NewStep, ...] = ()
    waits: tuple[str, ...] = ()
    handled: tuple[str, ...] = ()
    asked_again: tuple[tuple[str, Message], ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step that a flow has asked for, as its next turn finds it."""

    id: int
    key: str
    name: str
    source: str | None
    role: StepRole | None
    status: Status
    params: dict[str, Any]
    handed: dict[str, Any] | None
    result: dict[str, Any] | None
    error: Message | None


ENDED_BADLY = (Status.failed, Status.skipped, Status.cancelled)
_RECORDED = (
    select(*(steps.c[name] for name in Recorded.__dataclass_fields__))
    .where(steps.c.workflow_id == bindparam("this"), steps.c.id != bindparam("driver"))
    .order_by(steps.c.position)
)
_WAITING = (steps.c.status == Status.waiting, steps.c.role == StepRole.question)
_STATES = select(steps.c.key, steps.c.status, steps.c.result, steps.c.error).where(
    steps.c.workflow_id == bindparam("this"), steps.c.key.in_(bindparam("keys", expanding=True))
)


def recorded(claim: Claim) -> list[Recorded]:
    """Everything that a flow has asked for, in order."""
    with db.reading() as connection:
        found = connection.execute(_RECORDED, {"this": claim.step.workflow_id, "driver": claim.step.id})
        return [record(Recorded, row) for row in found]


def changed(claim: Claim, keys: Sequence[str]) -> dict[str, tuple[Status, dict[str, Any] | None, Message | None]]:
    """How these steps of a flow stand: status, result and error."""
    with db.reading() as connection:
        found = connection.execute(_STATES, {"this": claim.step.workflow_id, "keys": list(keys)})
        return {row.key: (row.status, row.result, row.error) for row in found}


def result_before(workflow_id: int, key: str, role: StepRole) -> dict[str, Any] | None:
    """What a question or a value that was worked out once came to in an earlier run of the flow."""
    this = (steps.c.workflow_id == workflow_id) & (steps.c.key == key) & (steps.c.role == role)
    with db.reading() as connection:
        result: dict[str, Any] | None = connection.scalar(select(steps.c.result).where(this))
    return result


def left_by(step_ids: Sequence[int]) -> dict[int, dict[str, Handed]]:
    """What these steps handed on, by name."""
    with db.reading() as connection:
        return outputs.handed_by(connection, step_ids)


def waits_of(claim: Claim) -> list[str]:
    """The keys of the steps that a driver waited for when it was taken up again."""
    query = select(steps.c.key).join(needs, needs.c.needs_id == steps.c.id).where(needs.c.step_id == claim.step.id)
    with db.reading() as connection:
        return list(connection.scalars(query))


def note_handled(claim: Claim, keys: Sequence[str], culprits: Sequence[str]) -> None:
    """Keep that a flow went on after these steps had failed, and that it failed of the culprits."""
    of_flow = (steps.c.workflow_id == claim.step.workflow_id) & steps.c.key.in_(culprits)
    with db.writing() as connection:
        hold(connection, claim)
        _handled(connection, claim, keys)
        connection.execute(update(steps).where(of_flow).values(handled=False))


def _handled(connection: Connection, claim: Claim, keys: Sequence[str]) -> None:
    of_flow = (steps.c.workflow_id == claim.step.workflow_id) & steps.c.key.in_(keys)
    connection.execute(update(steps).where(of_flow, steps.c.status.in_(ENDED_BADLY)).values(handled=True))


def grow(claim: Claim, rows: Sequence[NewStep]) -> dict[str, int]:
    """Write steps that a driver asks for while it goes on; returns the id of each by its key."""
    with db.writing() as connection:
        hold(connection, claim)
        return _add(connection, claim, rows)


def park(claim: Claim, parked: Park, points: Sequence[Point] = (), lines: Sequence[LogLine] = ()) -> list[int]:
    """Write steps that a driver asks for, and let it wait for some: both at once. Returns the late steps that are ready
    now, which may be the driver itself.

    Waiting uses up no attempt; and who came so far has all attempts again."""
    me = claim.step
    with db.writing() as connection:
        hold(connection, claim)
        write_records(connection, claim, points, lines)
        ids = _add(connection, claim, parked.rows)
        if parked.handled:
            _handled(connection, claim, parked.handled)
        for key, why in parked.asked_again:
            until = deadline_of(me.workflow_id, key, connection)
            values = {"status": Status.waiting, "result": None, "ended_at": None, "error": why, "deadline": until}
            connection.execute(update(steps).where(steps.c.id == ids[key]).values(values))
        connection.execute(needs.delete().where(needs.c.step_id == me.id))
        waits = [{"step_id": me.id, "needs_id": ids[key], "kind": Need.ended} for key in dict.fromkeys(parked.waits)]
        if waits:
            connection.execute(needs.insert(), waits)
        connection.execute(
            update(steps)
            .where(steps.c.id == me.id)
            .values(
                status=Status.pending,
                turn=me.turn + 1,
                max_attempts=me.attempt - 1 + steps.c.allowed_attempts,
                claim_token=None,
                ready_at=None,
                next_attempt_at=None,
                pause=None,
                deadline=_deadline(me),
            )
        )
        ready = ready_now(connection, (steps.c.workflow_id == me.workflow_id) & steps.c.ready_at.is_(None))
        settle(connection, me.workflow_id)
        return ready


def _add(connection: Connection, claim: Claim, rows: Sequence[NewStep]) -> dict[str, int]:
    """Add steps to a flow. Files that are given to them are the driver's, as those that a step leaves are its own."""
    of_flow = steps.c.workflow_id == claim.step.workflow_id
    found = connection.execute(select(steps.c.key, steps.c.id, steps.c.late).where(of_flow)).all()
    known = {row.key: row.id for row in found}
    rows = [row for row in rows if row["key"] not in known]  # written before, by a commit of which nobody heard
    if not rows:
        return known
    late = {row.key for row in found if row.late}
    ids = insert_all(connection, claim.step.workflow_id, rows, known=known, late=late)
    for ref in {ref.sha256: ref for row in rows for ref in row.get("kept", ())}.values():
        _keep(connection, claim.step.id, ref)
    new = [ids[row["key"]] for row in rows]
    ready_now(connection, steps.c.id.in_(new) & steps.c.ready_at.is_(None))
    return ids


def _keep(connection: Connection, driver: int, ref: FileRef) -> None:
    name = f"given {ref.sha256[:32]}"
    files.present(ref)
    same = (artifacts.c.step_id == driver) & (artifacts.c.name == name)
    if connection.scalar(select(artifacts.c.step_id).where(same)) is None:
        values = {"step_id": driver, "name": name, "sha256": ref.sha256, "size": ref.size}
        connection.execute(artifacts.insert().values(values))


def deadline_of(workflow_id: int, key: str, connection: Connection) -> datetime | None:
    """Until when a question that is asked again can be answered: as long as at first."""
    this = (steps.c.workflow_id == workflow_id) & (steps.c.key == key)
    params = connection.scalar(select(steps.c.params).where(this)) or {}
    return now() + timedelta(seconds=float(params["seconds"])) if params.get("seconds") else None


def _deadline(driver: Step) -> datetime | None:
    """When the whole flow must be over, over all its turns."""
    seconds = (driver.policy or {}).get("whole_seconds")
    if driver.deadline or not seconds or not driver.started_at:
        return driver.deadline
    return driver.started_at + timedelta(seconds=float(seconds))


def question(workflow_id: int, key: str | None = None) -> Step:
    """The question of a flow with this key, or its only one that waits for an answer."""
    asks = (steps.c.workflow_id == workflow_id, steps.c.role == StepRole.question)
    which = steps.c.status == Status.waiting if key is None else steps.c.key == key
    with db.reading() as connection:
        found = [record(Step, row) for row in connection.execute(select(steps).where(*asks, which))]
    if len(found) != 1:
        code = "no_question" if not found else "which_question"
        values: Values = {"workflow": workflow_id, "given": key or "", "known": [each.key for each in found]}
        raise NotFoundError(Message(code, values), "step")
    return found[0]


def asked(most: int) -> tuple[int, list[Step]]:
    """How many questions of all flows wait for an answer, and the first of them."""
    with db.reading() as connection:
        total = connection.scalar(select(func.count()).select_from(steps).where(*_WAITING)) or 0
        query = select(steps).where(*_WAITING).order_by(steps.c.id).limit(most)
        return total, [record(Step, row) for row in connection.execute(query)] if total else []


def asking(workflow_ids: Sequence[int]) -> set[int]:
    """Those of these workflows that have a question which waits for an answer."""
    query = select(steps.c.workflow_id).where(*_WAITING, steps.c.workflow_id.in_(workflow_ids)).distinct()
    with db.reading() as connection:
        return set(connection.scalars(query)) if workflow_ids else set()


def answer(asked: Step, value: Any, by: str | None, via: str) -> list[int]:
    """Give a question its answer, once; returns the late steps that are ready now."""
    with db.writing() as connection:
        ready = _end_question(connection, asked, {"value": value, "by": by, "via": via})
        if ready is None:
            raise ConflictError(Message("answered_before", {"step": asked.key}))
        return ready


def _end_question(connection: Connection, asked: Step, result: dict[str, Any]) -> list[int] | None:
    """None when it does not wait any more."""
    ended = connection.execute(
        update(steps)
        .where(steps.c.id == asked.id, steps.c.status == Status.waiting, steps.c.attempt == asked.attempt)
        .values(status=Status.completed, result=result, error=None, started_at=now(), ended_at=now(), deadline=None)
    )
    if not ended.rowcount:
        return None
    ready = connection.execute(statements.READY_BELOW, {"this": asked.id, "at": now()}).all()
    settle(connection, asked.workflow_id)
    return [row.id for row in ready if row.late]


def overdue() -> list[Step]:
    """Questions and flows whose time is over."""
    waits = steps.c.status.in_([Status.pending, Status.waiting])
    with db.reading() as connection:
        return [record(Step, row) for row in connection.execute(select(steps).where(steps.c.deadline <= now(), waits))]


def give_up(step: Step) -> None:
    """End a question or a flow whose time is over: with the answer that counts then, or as failed."""
    with db.writing() as connection:
        if "otherwise" in step.params and step.role == StepRole.question:
            _end_question(connection, step, {"value": step.params["otherwise"], "by": None})
            return
        why = Message("flow_overdue" if step.role == StepRole.driver else "not_answered")
        still = (steps.c.id == step.id) & (steps.c.status == step.status) & (steps.c.deadline == step.deadline)
        if step.role == StepRole.driver and step.turn:
            attempts.end(connection, step.id, step.attempt, why)
        ended = connection.execute(
            update(steps).where(still).values(status=Status.failed, error=why, ended_at=now(), deadline=None)
        )
        if ended.rowcount:
            logs.say(connection, step.id, step.attempt, why, "error")
            after_failure(connection, step)
            settle(connection, step.workflow_id)
