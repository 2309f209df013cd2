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
from collections.abc import Iterator

from jobs import pipelines
from jobs.pipelines import StepDefinition
from jobs.recorder import Recorder, StepError, TimedOut, sayable
from store import files, steps
from store.errors import NotFound
from store.steps import Claim, Fenced, Outcome

log = logging.getLogger(__name__)

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class StepFailed(Exception):  # noqa: N818 - what the queue is told; the reason stays in the database
    """Told to the queue in place of the real reason, so that nothing of the user's text reaches it."""


class CodeGone(StepError):  # noqa: N818 - reads as a sentence
    """What a step was written for is no longer installed."""


def run_step(step_id: int, attempt: int) -> None:
    """Do one attempt of one step. A second delivery finds the step claimed and does nothing."""
    claim = steps.claim(step_id, attempt, worker_name())
    if claim is None:
        return
    recorder: Recorder | None = None
    try:
        definition = _definition(claim)
        print_ = fingerprint(definition, claim.step.params, claim.dataset.sha256, claim.dataset.dialect, claim.inputs)
        if claim.step.fresh or not _reuse(claim, print_):
            with files.scratch() as folder:
                recorder = Recorder(claim, folder, print_)
                _work(recorder, definition)
    except Fenced:
        log.info("step %s attempt %s was taken away", step_id, attempt)
    except BaseException as error:  # noqa: BLE001 - whatever a step does wrong is recorded here, once
        _record_failure(claim, recorder, error)
        raise StepFailed(f"{claim.step.name} failed, see workflow {claim.step.workflow_id}") from None


def fingerprint(definition: StepDefinition, params: dict[str, object], sha256: str, dialect: dict[str, object],
                inputs: dict[str, steps.Input]) -> str:
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
        return pipelines.get(claim.pipeline).step(claim.step.name)
    except NotFound:
        raise CodeGone(
            f"The code of step {claim.step.name} of pipeline {claim.pipeline} is not there any more. Bring it back "
            "(TRAINYARD_PIPELINES names the modules), restart Trainyard, then retry.") from None


def _work(recorder: Recorder, definition: StepDefinition) -> None:
    """Call the step's function and hand in what it returns."""
    begun = time.monotonic()
    with recorder.live(), _spoken(recorder):
        result = definition.function(recorder)
    if time.monotonic() - begun > definition.timeout:
        raise TimedOut  # it was told so, and went on with whatever it had by then
    recorder.complete(result)


def _reuse(claim: Claim, print_: str) -> bool:
    """Complete the step with what an equal one left, if all of it is still there and whole."""
    found = steps.twin(print_)
    if found is None:
        return False
    twin, outcome = found
    try:
        for kept in outcome.artifacts.values():
            files.verified(kept)
    except files.Damaged as damage:
        log.warning("step %s is not reused: %s", twin.id, damage)
        return False
    steps.complete(claim, print_, Outcome(outcome.result, outcome.artifacts, outcome.reused_from))
    return True


def _record_failure(claim: Claim, recorder: Recorder | None, error: BaseException) -> None:
    code, sentence, again = _reason(error)
    trace = "" if isinstance(error, StepError | TimedOut) else "".join(traceback.format_exception(error))
    points, lines = recorder.last_words() if recorder else ([], [])
    with contextlib.suppress(Fenced):
        steps.fail(claim, code, sayable(sentence), sayable(trace), again=again, points=points, lines=lines)


def _reason(error: BaseException) -> tuple[str, str, bool]:
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
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


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

    with contextlib.redirect_stdout(_Spoken(recorder)), warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        yield
