"""run_step: the only function the queue ever calls. It claims, executes and records."""

import contextlib
import errno
import logging
import os
import socket
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from jobs.engine import handover, limits, queue
from jobs.engine.output import logging_output
from jobs.engine.queue import QueueDownError
from jobs.pipelines import StepContext, registry
from jobs.pipelines.code_hash import CodeIdentity, identity
from jobs.pipelines.definition import StepDefinition
from jobs.pipelines.errors import Parked, StepError, TimedOut
from jobs.pipelines.fingerprint import by_code, expires_after, fingerprint
from jobs.pipelines.printing import Printing
from jobs.pipelines.recorded import refusal
from jobs.pipelines.shapes import misfits
from jobs.pipelines.slips import place_of
from jobs.pipelines.storable import lost_scores, storable, storable_message
from jobs.process.printed import Capture
from store import db, files, steps
from store.errors import RequestError
from store.messages import Message, Values
from store.steps import Claim, Fenced, LogLine, Outcome, Point, turns
from store.steps.turns import Park
from store.tables import StepRole, now
from store.text import sayable

log = logging.getLogger(__name__)

MOST_NAMED = 5
LONGEST_TYPE = 200
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class StepFailedError(Exception):
    """Raised to the queue in place of the real error, so that nothing of the user's text reaches it."""


class CodeGoneError(StepError):
    """The code of a step cannot be loaded."""


class ProcessDiedError(Exception):
    """The process that did an attempt ended without an answer."""

    def __init__(self, message: Message, blameless: bool, lines: Sequence[LogLine] = ()) -> None:
        super().__init__(message.code)
        self.message, self.blameless = message, blameless
        self.lines = lines  # its last ones


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed, and whether trying again can help."""

    message: Message
    trace: str
    again: bool
    pause: float | None = None  # seconds until the retry that the author of the step asked for


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a step's fingerprint is, and what an equal step left, if there is one."""

    fingerprint: str
    equal: Outcome | None
    unknown: tuple[str, ...] = ()  # values its code reaches that cannot be compared


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt of one step, with all that is needed to do it, in this process or another.

    It is resolved when the code of the step is loaded here; else the process that loads the code says which code it is
    and has it resolved."""

    claim: Claim
    resolved: Resolved | None = None

    @property
    def may_be_followed(self) -> bool:
        """Whether the same process may be given a further step."""
        return self.claim.step.chunk is not None

    @property
    def timeout(self) -> int:
        step = self.claim.step
        whole = (step.policy or {}).get("whole_seconds")
        if step.deadline is not None:
            return min(step.timeout, max(1, round((step.deadline - now()).total_seconds())))
        return min(step.timeout, max(1, round(float(whole)))) if whole else step.timeout


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: with an outcome, or with a failure; and what was not recorded yet. That of a flow may wait
    instead, until it is taken up again."""

    fingerprint: str = ""
    outcome: Outcome | None = None
    failure: Failure | None = None
    points: list[Point] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    park: Park | None = None


@dataclass(frozen=True, slots=True)
class Grown:
    """A flow wrote steps and goes on: they are to be given to the queue."""


Limit = Callable[[int], AbstractContextManager[Any]]
Resolve = Callable[[CodeIdentity], Resolved]
Executor = Callable[[Assignment, Resolve], Ending | None]


def run_step(step_id: int, attempt: int, turn: int = 0) -> None:
    """Do one attempt of one step, or a turn of it. A second delivery finds the step claimed and does nothing.

    This process claims and records, as its connections and statements are warm; the body of the step may run in
    another one."""
    claim = steps.claim(step_id, attempt, worker_name(), turn)
    if claim is None:
        return
    try:
        completed, ready = _carry_out(claim)
        while (following := _following(claim, ready)) is not None:
            _, ready = _carry_out(following)
    except Fenced:
        log.info("step %s attempt %s was taken away", step_id, attempt)
        return
    finally:
        if claim.step.tags:  # another step may have waited for its place
            with contextlib.suppress(QueueDownError):
                limits.let_in()
    if not completed:
        raise StepFailedError(f"step {step_id} failed, see workflow {claim.step.workflow_id}")


def _following(claim: Claim, ready: Sequence[int]) -> Claim | None:
    """The next step of a chunk, which this worker does at once; other late steps are given to the queue."""
    if not ready:
        return None
    late = {step.id: step for step in steps.pending_of(ready)}
    mine = next((step for step in late.values() if step.chunk is not None and step.chunk == claim.step.chunk), None)
    if mine and queue.is_paused():
        mine = None
    with contextlib.suppress(QueueDownError):  # the reconciler hands over when the queue is back
        handover.hand_over_late([step for step in late.values() if step is not mine])
    return steps.claim(mine.id, mine.attempt, worker_name(), mine.turn) if mine else None


def use_executor(executor: Executor) -> None:
    """Have the bodies of steps executed in this way from now on."""
    global _executor
    _executor = executor


def execute(
    assignment: Assignment,
    resolve: Resolve,
    limit: Limit = lambda _seconds: contextlib.nullcontext(),
    *,
    capture: Capture | None = None,
    hand_over: Callable[[], bool] = lambda: False,
) -> Ending | None:
    """Execute a step in this process, which is its own if it captures what is printed; None when the claim was lost
    meanwhile. With `hand_over`, a flow has the steps that it wrote queued while it goes on; it says whether others can
    do them meanwhile."""
    context: StepContext | None = None
    definition: StepDefinition | None = None
    resolved = assignment.resolved
    printing = Printing(capture.printed) if capture else None

    def left() -> tuple[list[Point], list[LogLine]]:
        if capture:
            capture.end()
        if context:
            return context.unsent()
        return [], printing.rest() if printing else []

    try:
        definition = _definition(assignment.claim)
        resolved = resolved or resolve(identity(definition))
        if reused := _reusable(assignment.claim, resolved):
            return Ending(resolved.fingerprint, reused)
        with ExitStack() as rooms:
            datasets = assignment.claim.datasets if definition.reads_dataset else {}
            context = StepContext(
                assignment.claim,
                lambda: rooms.enter_context(files.scratch()),
                resolved.fingerprint,
                datasets,
                own_process=capture is not None,
                printing=printing,
                hand_over=hand_over,
            )
            if resolved.unknown:
                context.log(Message("never_reused", {"values": [*resolved.unknown[:MOST_NAMED]]}))
            outcome = _call(definition, context, assignment, limit, own_process=capture is not None)
            return Ending(resolved.fingerprint, outcome, None, *left())
    except Fenced:
        return None
    except Parked as parked:
        points, lines = left()
        return Ending(park=parked.park, points=points, lines=lines)
    except BaseException as error:  # noqa: BLE001 - whatever a step does wrong is recorded, once
        failure = _retried(failure_of(error), definition, assignment.claim, error)
        return Ending("", None, failure, *left())


def _retried(failure: Failure, definition: StepDefinition | None, claim: Claim, error: BaseException) -> Failure:
    """The failure of a step whose author says when it is tried again."""
    if definition is None or definition.retry is None:
        return failure
    pause = definition.retry(claim.step, error)
    # A database that is away is no failure of the author's.
    again = failure.again and pause is None and isinstance(error, db.DatabaseUnavailableError)
    return replace(failure, again=again, pause=pause)


_executor: Executor = execute


def _carry_out(claim: Claim) -> tuple[bool, Sequence[int]]:
    """Have a step executed and record how it ended; whether it completed, and which late steps are ready now.

    How it ended is in hand, and its claim still holds: while the database is away, recording it is tried again."""
    try:
        ending = _executor(_assignment(claim), lambda code: _resolve(claim, code))
        if ending is None:
            raise Fenced
        if ending.park:
            return True, _park(claim, ending, ending.park)
        if ending.outcome:
            return True, _complete(claim, ending, ending.outcome)
        assert ending.failure
        return False, _fail(claim, ending.failure, ending)
    except ProcessDiedError as death:
        loss = death
        db.retrying(lambda: steps.lose(claim.step, loss.message, blameless=loss.blameless, lines=loss.lines))
        if claim.step.source:  # a flow may wait for it; nothing follows in the process that died
            with contextlib.suppress(QueueDownError):
                handover.hand_over_late(steps.late_of(claim.step.workflow_id))
    except db.DatabaseUnavailableError:
        raise  # away for so long that nothing can be recorded; the reconciler gives the attempt up
    except Exception as error:  # noqa: BLE001 - as when what a step returned cannot be stored
        return False, _fail(claim, failure_of(error), Ending())
    return False, ()


def _complete(claim: Claim, ending: Ending, outcome: Outcome) -> list[int]:
    late = _record(ending, lambda points, lines: steps.complete(claim, ending.fingerprint, outcome, points, lines))
    files.drop_checkpoints(claim.step.id)
    return late


def _park(claim: Claim, ending: Ending, park: Park) -> list[int]:
    """Let a flow wait, and have the steps that it asks for done."""
    late = _record(ending, lambda points, lines: turns.park(claim, park, points, lines))
    if park.rows:
        with contextlib.suppress(QueueDownError):  # the reconciler hands over when the queue is back
            handover.hand_over(claim.step.workflow_id)
    return late


def _fail(claim: Claim, failure: Failure, ending: Ending) -> list[int]:
    def fail(points: Sequence[Point], lines: Sequence[LogLine]) -> list[int]:
        why = failure.message, failure.trace
        return steps.fail(claim, *why, again=failure.again, pause=failure.pause, points=points, lines=lines)

    late = _record(ending, fail)
    if claim.step.role == StepRole.driver and failure.pause is not None:  # what failed in it runs again
        with contextlib.suppress(QueueDownError):
            handover.hand_over(claim.step.workflow_id)
    return late


def _record(ending: Ending, record: Callable[[Sequence[Point], Sequence[LogLine]], list[int]]) -> list[int]:
    """Record how an attempt ended, with its last numbers and lines, unless the database refuses these. Returns the
    late steps that are ready now."""
    try:
        return db.retrying(lambda: record(ending.points, ending.lines))
    except Exception as error:
        if not db.is_refused(error) or not (ending.points or ending.lines):
            raise
        log.exception("dropped %s numbers and %s lines", len(ending.points), len(ending.lines))
        refused = (now(), "warning", refusal(ending.points, ending.lines))
        return db.retrying(lambda: record([], [refused]))


def _assignment(claim: Claim) -> Assignment:
    """Resolved here for pipelines that come with Trainyard, as their code is loaded; people's own code never is."""
    pipeline = registry.here(claim.pipeline) if claim.place is None else None
    if pipeline is None:
        return Assignment(claim)
    try:
        definition = pipeline.defines(claim.step)
    except RequestError:
        return Assignment(claim)
    return Assignment(claim, _resolve(claim, identity(definition)))


def _resolve(claim: Claim, code: CodeIdentity) -> Resolved:
    """The fingerprint of a step with this code, and what an equal step left."""
    datasets = claim.datasets if code.reads_dataset else {}
    step = claim.step
    handed = (step.handed or {}) if step.source else None
    compared = by_code(step.policy)
    identity_ = code.of_step(step.id, by_code=compared)
    print_ = fingerprint(identity_, step.params, datasets, claim.upstream, handed, step.policy)
    equal = None if step.fresh else db.retrying(lambda: steps.find_equal(print_, expires_after(step.policy), step.like))
    return Resolved(print_, equal[1] if equal else None, code.unknown if compared else ())


def worker_name() -> str:
    """Which worker this process belongs to, as the queue calls it."""
    return os.environ.get("RQ_WORKER_ID") or f"{socket.gethostname()}-{os.getpid()}"


def _definition(claim: Claim) -> StepDefinition:
    try:
        return registry.in_a_child(claim.pipeline, claim.place).defines(claim.step)
    except RequestError as missing:
        reason = missing.message.as_json()
        values: Values = {"step": claim.step.name, "pipeline": claim.pipeline, "reason": reason}
        raise CodeGoneError(Message("code_gone", values)) from None


def _call(
    definition: StepDefinition, context: StepContext, assignment: Assignment, limit: Limit, *, own_process: bool
) -> Outcome:
    """Call the step's function, and take what it returns."""
    started = time.monotonic()
    with context.live(), logging_output(context, own_process=own_process), limit(assignment.timeout):
        result = definition.function(context)
    if time.monotonic() - started > assignment.timeout:
        raise TimedOut(assignment.timeout)  # the step caught the exception that stops it and returned normally
    stored = storable(result)
    for name, value in lost_scores(result, stored).items():
        del stored["scores"][name]
        context.log(Message("score_not_finite", {"name": name, "value": value}), "warning")
    for name, why in misfits(stored):
        context.log(Message("result_misfit", {"name": name, "reason": why.as_json()}), "warning")
    left = Outcome(stored, context.saved, partial=context.partial, measured=context.measurements)
    return replace(left, outputs=context.outputs)


def _reusable(claim: Claim, resolved: Resolved) -> Outcome | None:
    """What an equal step left, if all of it is still there and whole."""
    if resolved.equal is None:
        return None
    try:
        for ref in resolved.equal.artifacts.values():
            files.verified(ref)
    except files.DamagedError as damage:
        log.warning("step %s does not reuse step %s: %s", claim.step.id, resolved.equal.reused_from, damage)
        return None
    return resolved.equal


def failure_of(error: BaseException) -> Failure:
    """Why something went wrong, for people, and for those who look closer."""
    message, again = _known_failure(error)
    trace = "" if isinstance(error, StepError | TimedOut) else "".join(traceback.format_exception(error))
    return Failure(message, sayable(trace), again)


def _known_failure(error: BaseException) -> tuple[Message, bool]:
    """A code with values, and whether trying again can help."""
    if isinstance(error, StepError):
        return storable_message(error.message), False
    if isinstance(error, MemoryError):
        return Message("out_of_memory"), True
    if isinstance(error, TimedOut):
        return timed_out(error), True
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return Message("disk_full"), True
    if isinstance(error, RequestError):
        return storable_message(error.message), getattr(error, "retryable", False)
    if getattr(error, "retryable", False):
        return Message("retryable", {"reason": sayable(_first_line(error))}), True
    kind = f"{type(error).__module__}:{type(error).__qualname__}"
    return Message("error", {"reason": sayable(_first_line(error)), "type": sayable(kind)[:LONGEST_TYPE]}), False


def timed_out(error: TimedOut) -> Message:
    """Where the time was spent when it was over, in the author's own code."""
    file, line = place_of(error) or ("", 0)
    if not error.seconds or not file:
        return Message("timeout")
    return Message("timeout_at", {"seconds": error.seconds, "file": file, "line": line})


def _first_line(error: BaseException) -> str:
    text = ""
    with contextlib.suppress(Exception):
        text = str(error).strip()
    first = (text or type(error).__name__).splitlines()[0][:300]
    # The text of these is a bare value, such as the key that is missing.
    return f"{type(error).__name__}: {first}" if text and isinstance(error, KeyError | SystemExit) else first
