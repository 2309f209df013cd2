"""The context: what a step function sees of the engine, and the only way it leaves anything behind."""

import _thread
import contextlib
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from jobs.pipelines.errors import StepError
from jobs.pipelines.printing import NOTHING_PRINTED, Placed, Printing, Seen, due, in_order
from jobs.pipelines.recorded import read_epoch, read_measurement, refusal
from jobs.pipelines.storable import storable_message
from store import db, files, steps
from store.datasets import Dataset
from store.files import FileRef
from store.messages import Message, Values
from store.outputs import Handed, NewOutput
from store.steps import Claim, LogLine, Point, Step, Upstream
from store.tables import now
from store.text import LONGEST_LEVEL, LONGEST_NAME, composed, sayable

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.3
FLOOD_SECONDS = 0.01  # at least, between two flushes while the process prints faster
MOST_UNSENT = 20_000
CHECKPOINT_SECONDS = 2.0
HEARTBEAT_SECONDS = 2.5
ABANDON_SECONDS = 10.0
# Levels of Python's logging, as a log shows them.
LEVELS = {"critical": "error", "exception": "error", "fatal": "error", "warn": "warning"}


@dataclass
class _Unsent:
    """What was recorded and is not yet in the database."""

    points: list[Point] = field(default_factory=list)
    lines: list[Placed] = field(default_factory=list)
    progress: tuple[float, Message | None] | None = None


class DeclaredParams(dict[str, Any]):
    """The params of a step, as chosen; reading one that the step does not declare is an error with its repair."""

    def __init__(self, step: str, chosen: Mapping[str, Any]) -> None:
        super().__init__(chosen)
        self._step = step

    def __missing__(self, name: str) -> NoReturn:
        values: Values = {"step": self._step, "param": name}
        if not self:
            raise StepError(Message("param_undeclared", values))
        raise StepError(Message("param_undeclared_beside", {**values, "known": sorted(self)}))


class StepContext:
    """One attempt of one step. Numbers, lines and progress reach the database within half a second, by one
    thread that also says that the step is alive; when the claim is lost, the next call raises Fenced. A step that
    ignores that is killed where it has a process of its own."""

    def __init__(
        self,
        claim: Claim,
        room: Callable[[], Path],
        fingerprint: str,
        datasets: Mapping[str, Dataset] | None = None,
        *,
        own_process: bool = False,
        printing: Printing | None = None,
        hand_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self.claim = self._claim = claim
        self.hand_over = hand_over
        self.meanwhile: Callable[[], None] | None = None  # is called now and then while the body runs
        self._fingerprint = fingerprint
        self._datasets = claim.datasets if datasets is None else datasets
        self._unsent = _Unsent()
        self._lock = threading.Lock()
        self._flush_lock = threading.Lock()
        self._over = threading.Event()
        self._lost: BaseException | None = None
        self._saved: dict[str, FileRef] = {}
        self._measured: dict[str, float] = {}
        self._outputs: dict[str, NewOutput] = {}
        self._stopping = claim.step.stop_early
        self._partial = False
        self._checkpointed = time.monotonic()
        self._room = room
        self._own_process = own_process
        self._printing = printing
        self._recording = False
        self._muted = False

    @cached_property
    def params(self) -> dict[str, Any]:
        """The params this step declared, as chosen."""
        return DeclaredParams(self._claim.step.name, self._claim.step.params)

    @cached_property
    def folder(self) -> Path:
        """A folder for files in the making, which goes away afterwards; made at the first use."""
        return self._room()

    @property
    def dataset(self) -> Dataset:
        """The dataset of the workflow's first input."""
        return self.input()

    def input(self, name: str | None = None) -> Dataset:
        """The dataset of an input, by its name; without one, of the first that the pipeline declares and was given."""
        if not self._datasets and self._claim.datasets:
            raise StepError(Message("dataset_undeclared", {"step": self._claim.step.name}))
        name = name or next(iter(self._datasets), "data")
        if name not in self._datasets:
            raise StepError(Message("input_not_given", {"input": name}))
        return self._datasets[name]

    @property
    def attempt(self) -> int:
        return self._claim.step.attempt

    def result(self, step: str) -> dict[str, Any]:
        """What a step above returned."""
        return self._above(step).result

    def file(self, step: str, name: str) -> Path:
        """A file that a step above saved, checked to be what was written."""
        return files.verified(self._saved_by(step, name))

    def reading(self, step: str, name: str) -> contextlib.AbstractContextManager[Path]:
        """A file that a step above saved, for a block that reads it; it is checked meanwhile, and damage ends the block
        with an error."""
        return files.checked(self._saved_by(step, name))

    def _saved_by(self, step: str, name: str) -> FileRef:
        artifacts = self._above(step).artifacts
        if name not in artifacts:
            values: Values = {"step": step, "file": name}
            if not artifacts:
                raise StepError(Message("no_files_saved", values))
            raise StepError(Message("file_not_saved", {**values, "known": sorted(artifacts)}))
        return artifacts[name]

    def dataset_file(self, name: str | None = None) -> Path:
        """The uploaded bytes of an input; without a name, of the first."""
        return files.verified(self.input(name).file)

    def _above(self, step: str) -> Upstream:
        """What a step that this one needs, directly or through others, left behind."""
        upstream, step = self._claim.upstream, composed(step)
        if step not in upstream:
            values: Values = {"step": self._claim.step.name, "above": step}
            if not upstream:
                raise StepError(Message("nothing_above", values))
            raise StepError(Message("step_not_above", {**values, "known": sorted(upstream)}))
        return upstream[step]

    def log(self, text: str | Message, level: str = "info") -> None:
        """Write a line that the user reads while the step works."""
        line = storable_message(text) if isinstance(text, Message) else sayable(text)
        shown = sayable(LEVELS.get(level, level))[:LONGEST_LEVEL]
        at = now()
        if self._printing and self._recording:
            self.check()
            if self._printing.log((at, shown, line)):
                return
        self._add(lambda unsent: unsent.lines.append((self._place(), (at, shown, line))))
        if len(self._unsent.lines) >= MOST_UNSENT:
            db.retrying(self.flush)

    def metric(self, epoch: int, **values: float) -> None:
        """Record numbers of an epoch. A step that records faster than the database writes waits for it."""
        self.check()
        at = read_epoch(epoch)
        rows = [(at, sayable(name)[:LONGEST_NAME], read_measurement(name, value)) for name, value in values.items()]
        for row in [row for row in rows if not math.isfinite(row[2])]:
            rows.remove(row)
            not_finite: Values = {"name": row[1], "epoch": row[0], "value": str(row[2])}
            self.log(Message("metric_not_finite", not_finite), "warning")
        with self._lock:
            self._unsent.points += rows
        if len(self._unsent.points) >= MOST_UNSENT:
            db.retrying(self.flush)

    def measured(self, **values: float) -> None:
        """Keep numbers of this run that are no part of its result, such as how long a row took: in them, equal runs
        differ."""
        self.check()
        finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        self._measured |= {sayable(name)[:LONGEST_NAME]: value for name, value in finite.items()}

    def progress(self, done: float, total: float, message: str | Message | None = None) -> None:
        """Say how far the step is, and with what it is busy."""
        share = min(max(0.0, done / total), 1.0) if total else 0.0  # in this order, 0 when it is not a number
        if isinstance(message, str):
            message = Message("text", {"text": message}) if message else None
        stored = storable_message(message) if message else None
        self._add(lambda unsent: setattr(unsent, "progress", (share, stored)))

    def save(self, name: str, path: Path, known: FileRef | None = None) -> FileRef:
        """Save a file as this step's output; it counts once the step completes. `known` is its reference, if
        known from writing it, which saves reading it again."""
        if len(name := sayable(name)) > LONGEST_NAME:
            raise StepError(Message("file_name_too_long", {"file": name, "most": LONGEST_NAME}))
        self._saved[name] = ref = files.keep(path, known)
        return ref

    def hand_on(self, output: NewOutput) -> None:
        """Leave a typed value; its bytes are in a file that was saved under its name unless they are in its row."""
        self._outputs[output.name] = output

    @property
    def outputs(self) -> list[NewOutput]:
        """The typed values that the step leaves."""
        return list(self._outputs.values())

    @property
    def step(self) -> Step:
        """The row of the step, as it was claimed."""
        return self._claim.step

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        return self._claim.pipeline

    def handed(self, step: str, output: str) -> Handed:
        """A typed value that a step left which this one needs."""
        return self._above(step).outputs[output]

    def failure(self, step: str) -> Message | None:
        """Why a step that this one needs left nothing; None if it completed."""
        return self._above(step).failed

    def mute(self) -> None:
        """Drop what is said and printed from now on: a flow that is taken up again said it before."""
        self._muted = True

    def unmute(self) -> None:
        """Hear again what is said and printed."""
        if self._muted:
            self._drop_muted()
            self._muted = False

    def _drop_muted(self) -> None:
        with self._flush_lock:
            self._unsent = _Unsent()
            if self._printing:
                self._printing.drop()

    def checkpoint(self, epoch: int, write: Callable[[Path], None]) -> None:
        """Keep what is needed to go on from this epoch, at most every two seconds; not while the database is away."""
        if time.monotonic() - self._checkpointed < CHECKPOINT_SECONDS:
            return
        temporary = self.folder / "checkpoint"
        write(temporary)
        try:
            self.flush()  # the curve up to here must be in the database before the checkpoint counts
        except db.DatabaseUnavailableError:
            log.warning("no checkpoint of epoch %s, as the database is away", epoch)
            return
        files.keep_checkpoint(self._claim.step.id, self._fingerprint, temporary)
        self._checkpointed = time.monotonic()

    def last_checkpoint(self) -> Path | None:
        """Return the checkpoint of an earlier attempt, if it is whole and made by the same code and settings."""
        if self.attempt == 1 or not files.checkpoints(self._claim.step.id):
            return None
        path = files.whole_checkpoint(self._claim.step.id, self._fingerprint)
        if path is None:
            self.log(Message("checkpoint_unusable"), "warning")
        return path

    def continue_from(self, epoch: int) -> bool:
        """Take over the curve of the attempts before, up to their checkpoint. False when the curve in the database
        does not reach that far, as after a power cut: then begin anew, or the curve will have a gap."""
        if not db.retrying(lambda: steps.adopt_curve(self._claim, read_epoch(epoch))):
            self.log(Message("curve_lost"), "warning")
            return False
        self.log(Message("continues", {"number": self.attempt, "epoch": epoch}))
        return True

    def check(self) -> None:
        """Raise Fenced when the step was cancelled or given away."""
        if self._lost:
            raise self._lost

    @property
    def stopping(self) -> bool:
        """Whether a person asked the step to end early with what it has; only steps with `stops_early` are asked."""
        return self._stopping

    def end_early(self) -> None:
        """Say that what the step leaves is not the whole, so that no other workflow reuses it."""
        self._partial = True

    def flush(self) -> None:
        """Write everything recorded so far to the database, after another thread that is doing so; once the body is
        over, that goes with how the attempt ended."""
        with self._flush_lock:
            if self._over.is_set():
                return
            goal = self._place()
            while (seen := self._write()).more and seen.end < goal:
                pass

    def _write(self) -> Seen:
        """Write what one transaction can take; returns what of it was printed."""
        unsent, seen = self._take()
        now_due, later = due(unsent.lines, seen)
        lines = in_order(now_due, seen)
        try:
            self._stopping = steps.beat(self._claim, unsent.points, lines, unsent.progress)
        except steps.Fenced as fenced:
            self._lost = fenced
            raise
        except Exception as error:
            if not db.is_refused(error):
                self._put_back(unsent)  # the database did not take it; it goes with the next flush
                raise
            log.exception("dropped %s numbers and %s lines", len(unsent.points), len(lines))
            later = [(0, (now(), "warning", refusal(unsent.points, lines))), *later]
        if self._printing:
            self._printing.recorded(seen)
        self._put_back(_Unsent(lines=later))
        return seen

    @contextlib.contextmanager
    def live(self) -> Iterator["StepContext"]:
        """Tell regularly while the body runs."""
        # A Thread waits for each other's start and end, which takes a fresh process a millisecond.
        _thread.start_new_thread(self._flush_regularly, ())
        self._recording = True
        try:
            yield self
        finally:
            self._recording = False
            with self._flush_lock:
                self._over.set()

    @property
    def saved(self) -> dict[str, FileRef]:
        """The files that the step leaves."""
        return self._saved

    @property
    def measurements(self) -> dict[str, float]:
        """Numbers of this run."""
        return self._measured

    @property
    def partial(self) -> bool:
        """Whether the step ended early."""
        return self._partial

    def unsent(self) -> tuple[list[Point], list[LogLine]]:
        """Numbers and lines that are not in the database yet, to go with how the attempt ended."""
        unsent = self._take_recorded()
        if self._printing:
            return unsent.points, self._printing.rest(unsent.lines)
        return unsent.points, [line for _, line in unsent.lines]

    def _add(self, change: Callable[[_Unsent], Any]) -> None:
        self.check()
        with self._lock:
            change(self._unsent)

    def _place(self) -> int:
        return self._printing.place() if self._printing else 0

    def _take(self) -> tuple[_Unsent, Seen]:
        """What was recorded, and then what was printed: so all that was printed before a line is at hand."""
        return self._take_recorded(), self._printing.look() if self._printing else NOTHING_PRINTED

    def _take_recorded(self) -> _Unsent:
        with self._lock:
            taken, self._unsent = self._unsent, _Unsent()
            return taken

    def _put_back(self, unsent: _Unsent) -> None:
        with self._lock:
            self._unsent = _Unsent(
                unsent.points + self._unsent.points,
                unsent.lines + self._unsent.lines,
                self._unsent.progress or unsent.progress,
            )

    def _flush_regularly(self) -> None:
        flushed, pause = time.monotonic(), FLUSH_SECONDS
        while not self._over.wait(pause):
            if self._muted:
                self._drop_muted()
            pause, begun = FLUSH_SECONDS, time.monotonic()
            if self.meanwhile:
                self._do_meanwhile(self.meanwhile)
            if self._has_news() or begun >= flushed + HEARTBEAT_SECONDS:
                flushed = begun
                try:
                    self.flush()
                    if self._printing and self._printing.is_filling:  # half of the time is left to other writers
                        pause = max(FLOOD_SECONDS, time.monotonic() - begun)
                except steps.Fenced:
                    self._kill_if_still_running()
                    return
                except Exception:  # a database that is busy or down now may be back in a moment
                    log.exception("could not write progress yet")

    def _do_meanwhile(self, act: Callable[[], None]) -> None:
        try:
            act()
        except steps.Fenced as fenced:
            self._lost = fenced
        except Exception:  # the database or the queue is away: what was to be done is done when the body waits
            log.exception("could not go on meanwhile")

    def _has_news(self) -> bool:
        unsent = self._unsent
        return bool(unsent.points or unsent.lines or unsent.progress or self._has_printed())

    def _has_printed(self) -> bool:
        if self._printing is None:
            return False
        with self._flush_lock:
            return not self._over.is_set() and self._printing.has_lines()

    def _kill_if_still_running(self) -> None:
        """Kill a step that ignores the request to stop, such as native code, as it would block its worker."""
        if not self._over.wait(ABANDON_SECONDS) and self._own_process:
            os.kill(os.getpid(), signal.SIGKILL)


# The name under which steps know it since the first version.
Recorder = StepContext
