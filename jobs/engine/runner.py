"""run_step: the only function the queue ever calls. It claims, calls and records."""

import contextlib
import errno
import hashlib
import io
import json
import logging
import os
import socket
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobs.pipelines import registry
from jobs.pipelines.context import Recorder, StepError, TimedOut, sayable
from jobs.pipelines.registry import StepDefinition
from store import files, steps
from store.errors import NotFound
from store.steps import Claim, Fenced, Outcome

log = logging.getLogger(__name__)

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class StepFailed(Exception):  # noqa: N818 - what the queue is told; the reason stays in the database
    """Told to the queue in place of the real reason, so that nothing of the user's text reaches it."""


class CodeGone(StepError):  # noqa: N818 - reads as a sentence
    """What a step was written for is no longer installed."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an attempt failed, and whether trying again can help."""

    code: str
    sentence: str
    trace: str
    again: bool


class Died(Exception):  # noqa: N818 - what happened to the process, told by who watched it
    """The process that did an attempt is gone without a word."""

    def __init__(self, code: str, sentence: str, blameless: bool) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.blameless = code, sentence, blameless


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt of one step, with all that is needed to do it, in this process or another."""

    claim: Claim
    fingerprint: str
    timeout: int
    twin: Outcome | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: with an outcome, or with a reason; and what was recorded last."""

    outcome: Outcome | None = None
    reason: Reason | None = None
    points: list[tuple[int, str, float]] = field(default_factory=list)
    lines: list[tuple[datetime, str, str]] = field(default_factory=list)


Limit = Callable[[int], AbstractContextManager[Any]]
Way = Callable[[Task], Ending | None]


def run_step(step_id: int, attempt: int) -> None:
    """Do one attempt of one step. A second delivery finds the step claimed and does nothing.

    Claiming and recording is done here, where it was done before and all is at hand; what the step itself does may
    be done in another process."""
    claim = steps.claim(step_id, attempt, worker_name())
    if claim is None:
        return
    try:
        completed = _done(claim)
    except Fenced:
        log.info("step %s attempt %s was taken away", step_id, attempt)
        return
    if not completed:
        raise StepFailed(f"{claim.step.name} failed, see workflow {claim.step.workflow_id}")


def go(way: Way) -> None:
    """From now on have steps done in this way."""
    global _way
    _way = way


def do(task: Task, limit: Limit = lambda _seconds: contextlib.nullcontext()) -> Ending | None:
    """Do it here; nothing is to be recorded when it was taken away meanwhile."""
    recorder: Recorder | None = None
    try:
        if reused := _reusable(task):
            return Ending(reused)
        with ExitStack() as rooms:
            recorder = Recorder(task.claim, lambda: rooms.enter_context(files.scratch()), task.fingerprint)
            return Ending(_work(recorder, task, limit), None, *recorder.last_words())
    except Fenced:
        return None
    except BaseException as error:  # noqa: BLE001 - whatever a step does wrong is told, once
        return Ending(None, reason_of(error), *(recorder.last_words() if recorder else ([], [])))


_way: Way = do


def _done(claim: Claim) -> bool:
    """Have it done and record how it ended; whether it completed."""
    ending: Ending | None
    try:
        task = _task(claim)
        ending = _way(task)
        if ending is None:
            raise Fenced
        if ending.outcome:
            steps.complete(claim, task.fingerprint, ending.outcome, ending.points, ending.lines)
            files.drop_checkpoints(claim.step.id)
            return True
        assert ending.reason
        _fail(claim, ending.reason, ending)
    except Died as death:
        steps.lose(claim.step, death.code, death.sentence, blameless=death.blameless)
    except Exception as error:  # noqa: BLE001 - as when what a step returned cannot be kept
        _fail(claim, reason_of(error))
    return False


def _fail(claim: Claim, why: Reason, ending: Ending | None = None) -> None:
    last = ending or Ending()
    steps.fail(claim, why.code, why.sentence, why.trace, again=why.again, points=last.points, lines=last.lines)


def _task(claim: Claim) -> Task:
    definition = _definition(claim)
    print_ = fingerprint(definition, claim.step.params, claim.dataset.sha256, claim.dataset.dialect, claim.inputs)
    found = None if claim.step.fresh else steps.twin(print_)
    return Task(claim, print_, definition.timeout, found[1] if found else None)


def fingerprint(
    definition: StepDefinition,
    params: dict[str, object],
    sha256: str,
    dialect: dict[str, object],
    inputs: dict[str, steps.Input],
) -> str:
    """What a step's result depends on: its code's version, its params, and what it reads."""
    reads: dict[str, object] = {
        need: {name: kept.sha256 for name, kept in inputs[need].artifacts.items()} or inputs[need].fingerprint
        for need in definition.needs
    }
    if definition.reads_dataset:
        reads["dataset"] = [sha256, dialect]
    told = json.dumps([definition.name, definition.version, params, reads], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def worker_name() -> str:
    """Which worker this process belongs to, as the queue calls it."""
    return os.environ.get("RQ_WORKER_ID") or f"{socket.gethostname()}-{os.getpid()}"


def _definition(claim: Claim) -> StepDefinition:
    try:
        return registry.get(claim.pipeline).step(claim.step.name)
    except NotFound:
        raise CodeGone(
            f"The code of step {claim.step.name} of pipeline {claim.pipeline} is not there any more. Bring it back "
            "(TRAINYARD_PIPELINES names the modules), restart Trainyard, then retry."
        ) from None


def _work(recorder: Recorder, task: Task, limit: Limit) -> Outcome:
    """Call the step's function, and take what it returns."""
    begun = time.monotonic()
    with recorder.live(), _spoken(recorder), limit(task.timeout):
        result = _definition(task.claim).function(recorder)
    if time.monotonic() - begun > task.timeout:
        raise TimedOut  # it was told so, and went on with whatever it had by then
    return Outcome(_kept_as(result), recorder.saved)


def _kept_as(result: Any) -> dict[str, Any]:
    """What a step returned, as the database keeps it; what cannot be kept is the step's own mistake."""
    if not isinstance(result, dict):
        raise StepError(f"A step returns a dict; this one returned {type(result).__name__}.")
    return dict(json.loads(json.dumps(result)))


def _reusable(task: Task) -> Outcome | None:
    """What an equal step left, if all of it is still there and whole."""
    if task.twin is None:
        return None
    try:
        for kept in task.twin.artifacts.values():
            files.verified(kept)
    except files.Damaged as damage:
        log.warning("step %s does not reuse step %s: %s", task.claim.step.id, task.twin.reused_from, damage)
        return None
    return task.twin


def reason_of(error: BaseException) -> Reason:
    """Why something went wrong, for people, and for those who look closer."""
    code, sentence, again = _known_reason(error)
    trace = "" if isinstance(error, StepError | TimedOut) else "".join(traceback.format_exception(error))
    return Reason(code, sayable(sentence), sayable(trace), again)


def _known_reason(error: BaseException) -> tuple[str, str, bool]:
    """A code, a sentence a person understands, and whether trying again can help."""
    if isinstance(error, CodeGone):
        return "code_gone", str(error), False
    if isinstance(error, StepError):
        return "refused", str(error), False
    if isinstance(error, MemoryError):
        return "out_of_memory", "There was not enough memory for this step; use fewer columns or rows.", True
    if isinstance(error, TimedOut):
        return "timeout", "The step took longer than it may.", True
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return "disk_full", "The disk is full; free some space, then retry.", True
    if getattr(error, "retryable", False):
        return "error", _first_line(error), True
    return "error", f"The step stopped with an error: {_first_line(error)}", False


def _first_line(error: BaseException) -> str:
    said = ""
    with contextlib.suppress(Exception):
        said = str(error).strip()
    return (said or type(error).__name__).splitlines()[0][:300]


class _Spoken(io.TextIOBase):
    """What a step prints becomes lines of its log."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if line.strip():
                self._recorder.log(line.rstrip())
        return len(text)


@contextlib.contextmanager
def _spoken(recorder: Recorder) -> Iterator[None]:
    """Let prints and warnings of the body reach the step's log."""

    def show(message: Warning | str, category: type[Warning], *_where: object) -> None:
        recorder.log(f"{category.__name__}: {message}", "warning")

    spoken = _Spoken(recorder)
    with contextlib.redirect_stdout(spoken), warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        yield
        spoken.write("\n")  # a last line may have no end
