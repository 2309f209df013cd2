"""The recorder: what a step function sees of the engine, and the only way it leaves anything behind."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from store import files, steps
from store.datasets import Dataset
from store.files import Kept
from store.steps import Claim
from store.tables import now

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.3
CHECKPOINT_SECONDS = 2.0
HEARTBEAT_SECONDS = 5.0


class StepError(Exception):
    """A step cannot be done; the sentence is shown to the user as it stands."""


@dataclass
class _Untold:
    """What was recorded and is not yet in the database."""

    points: list[tuple[int, str, float]] = field(default_factory=list)
    lines: list[tuple[datetime, str, str]] = field(default_factory=list)
    progress: tuple[float, str] | None = None


class Recorder:
    """One attempt of one step. Numbers, lines and progress reach the database within half a second, by one
    thread that also says that the step is alive; when the claim is lost, the next call raises Fenced."""

    def __init__(self, claim: Claim, folder: Path) -> None:
        self._claim = claim
        self._untold = _Untold()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._lost: BaseException | None = None
        self._saved: dict[str, Kept] = {}
        self._checkpointed = time.monotonic()
        self._thread = threading.Thread(target=self._tell_regularly, name="recorder", daemon=True)
        self.folder = folder

    @property
    def params(self) -> dict[str, Any]:
        """The params this step declared, as chosen."""
        return self._claim.step.params

    @property
    def dataset(self) -> Dataset:
        return self._claim.dataset

    @property
    def attempt(self) -> int:
        return self._claim.step.attempt

    def result(self, step: str) -> dict[str, Any]:
        """What a step above returned."""
        return self._claim.inputs[step].result

    def file(self, step: str, name: str) -> Path:
        """A file that a step above saved, checked to be what was written."""
        return files.verified(self._claim.inputs[step].artifacts[name])

    def dataset_file(self) -> Path:
        """The uploaded bytes."""
        return files.verified(self.dataset.kept)

    def log(self, text: str, level: str = "info") -> None:
        """Say a line that the user reads while the step works."""
        self._add(lambda untold: untold.lines.append((now(), level, text)))

    def metric(self, epoch: int, **values: float) -> None:
        """Record numbers of an epoch."""
        rows = [(epoch, name, float(value)) for name, value in values.items()]
        self._add(lambda untold: untold.points.extend(rows))

    def progress(self, done: float, total: float, words: str = "") -> None:
        """Say how far the step is."""
        share = min(max(done / total, 0.0), 1.0) if total else 0.0
        self._add(lambda untold: setattr(untold, "progress", (share, words)))

    def save(self, name: str, path: Path) -> Kept:
        """Take a finished file over as this step's output; it counts once the step completes."""
        self._saved[name] = kept = files.keep(path)
        return kept

    def checkpoint(self, epoch: int, write: Callable[[Path], None]) -> None:
        """Keep what is needed to go on from this epoch, at most every two seconds."""
        if time.monotonic() - self._checkpointed < CHECKPOINT_SECONDS:
            return
        target = files.checkpoint_path(self._claim.step.id)
        temporary = self.folder / "checkpoint"
        write(temporary)
        self.flush()  # the curve up to here must be in the database before the checkpoint counts
        files.replace_safely(target, temporary)
        self._checkpointed = time.monotonic()

    def last_checkpoint(self) -> Path | None:
        """What an earlier attempt kept, if anything."""
        path = files.checkpoint_path(self._claim.step.id)
        return path if self.attempt > 1 and path.exists() else None

    def continue_from(self, epoch: int) -> None:
        """Take over the curve of the attempt before, up to its checkpoint."""
        steps.adopt_curve(self._claim, epoch)
        self.log(f"Attempt {self.attempt} continues from epoch {epoch}.")

    def check(self) -> None:
        """Raise Fenced when the step was cancelled or given away."""
        if self._lost:
            raise self._lost

    def flush(self) -> None:
        """Put everything recorded so far into the database, now."""
        untold = self._take()
        try:
            steps.beat(self._claim, untold.points, untold.lines, untold.progress)
        except steps.Fenced as fenced:
            self._lost = fenced
            raise
        except Exception:
            self._put_back(untold)  # the database did not take it; it goes with the next flush
            raise

    @contextlib.contextmanager
    def live(self) -> Iterator["Recorder"]:
        """Tell regularly while the body runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()

    def complete(self, fingerprint: str, result: dict[str, Any]) -> None:
        """Hand in the result; accepted at most once."""
        untold = self._take()
        outcome = steps.Outcome(result, self._saved)
        steps.complete(self._claim, fingerprint, outcome, untold.points, untold.lines)
        files.checkpoint_path(self._claim.step.id).unlink(missing_ok=True)

    def fail(self, code: str, sentence: str, traceback: str, *, again: bool) -> None:
        untold = self._take()
        steps.fail(self._claim, code, sentence, traceback, again=again, points=untold.points, lines=untold.lines)

    def _add(self, change: Callable[[_Untold], Any]) -> None:
        self.check()
        with self._lock:
            change(self._untold)

    def _take(self) -> _Untold:
        with self._lock:
            taken, self._untold = self._untold, _Untold()
            return taken

    def _put_back(self, untold: _Untold) -> None:
        with self._lock:
            self._untold = _Untold(untold.points + self._untold.points, untold.lines + self._untold.lines,
                                   self._untold.progress or untold.progress)

    def _tell_regularly(self) -> None:
        quiet = 0.0
        while not self._over.wait(FLUSH_SECONDS):
            quiet += FLUSH_SECONDS
            untold = self._untold
            if untold.points or untold.lines or untold.progress or quiet >= HEARTBEAT_SECONDS:
                quiet = 0.0
                try:
                    self.flush()
                except steps.Fenced:
                    return
                except Exception:  # a database that is busy or away now may be back in a moment
                    log.exception("could not tell yet")


