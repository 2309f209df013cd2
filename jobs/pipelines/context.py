"""The recorder: what a step function sees of the engine, and the only way it leaves anything behind."""

import contextlib
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from store import files, steps
from store.datasets import Dataset
from store.files import Kept
from store.steps import Claim
from store.tables import now

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.3
MOST_UNTOLD = 20_000
CHECKPOINT_SECONDS = 2.0
HEARTBEAT_SECONDS = 2.5
DEAF_SECONDS = 10.0
IN_A_PROCESS_OF_ITS_OWN = False


class StepError(Exception):
    """A step cannot be done; the sentence is shown to the user as it stands."""


class TimedOut(BaseException):
    """The step took longer than it may. Not an Exception, so that a step which goes on after every error ends here."""


@dataclass
class _Untold:
    """What was recorded and is not yet in the database."""

    points: list[tuple[int, str, float]] = field(default_factory=list)
    lines: list[tuple[datetime, str, str]] = field(default_factory=list)
    progress: tuple[float, str] | None = None


class Recorder:
    """One attempt of one step. Numbers, lines and progress reach the database within half a second, by one
    thread that also says that the step is alive; when the claim is lost, the next call raises Fenced."""

    def __init__(self, claim: Claim, room: Callable[[], Path], fingerprint: str) -> None:
        self._claim = claim
        self._fingerprint = fingerprint
        self._untold = _Untold()
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._over = threading.Event()
        self._lost: BaseException | None = None
        self._saved: dict[str, Kept] = {}
        self._checkpointed = time.monotonic()
        self._thread = threading.Thread(target=self._tell_regularly, name="recorder", daemon=True)
        self._room = room

    @property
    def params(self) -> dict[str, Any]:
        """The params this step declared, as chosen."""
        return self._claim.step.params

    @cached_property
    def folder(self) -> Path:
        """A folder for files in the making, which goes away afterwards; made when it is first asked for."""
        return self._room()

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
        self._add(lambda untold: untold.lines.append((now(), level, sayable(text))))
        if len(self._untold.lines) >= MOST_UNTOLD:
            self.flush()

    def metric(self, epoch: int, **values: float) -> None:
        """Record numbers of an epoch. Who records faster than the database writes waits for it."""
        self.check()
        rows = [(int(epoch), sayable(name), float(value)) for name, value in values.items()]
        for row in [row for row in rows if not math.isfinite(row[2])]:
            rows.remove(row)
            self.log(f"{row[1]} of epoch {epoch} is {row[2]} and is left out.", "warning")
        with self._lock:
            self._untold.points += rows
        if len(self._untold.points) >= MOST_UNTOLD:
            self.flush()

    def progress(self, done: float, total: float, words: str = "") -> None:
        """Say how far the step is."""
        share = min(max(done / total, 0.0), 1.0) if total else 0.0
        self._add(lambda untold: setattr(untold, "progress", (share, sayable(words))))

    def save(self, name: str, path: Path, known: Kept | None = None) -> Kept:
        """Take a finished file over as this step's output; it counts once the step completes. `known` is what it was
        while it was written, so that it need not be read again."""
        self._saved[name] = kept = files.keep(path, known)
        return kept

    def checkpoint(self, epoch: int, write: Callable[[Path], None]) -> None:
        """Keep what is needed to go on from this epoch, at most every two seconds."""
        if time.monotonic() - self._checkpointed < CHECKPOINT_SECONDS:
            return
        temporary = self.folder / "checkpoint"
        write(temporary)
        self.flush()  # the curve up to here must be in the database before the checkpoint counts
        files.keep_checkpoint(self._claim.step.id, self._fingerprint, temporary)
        self._checkpointed = time.monotonic()

    def last_checkpoint(self) -> Path | None:
        """What an earlier attempt kept, if anything, and if it is whole and made by the same code and settings."""
        if self.attempt == 1 or not files.checkpoints(self._claim.step.id):
            return None
        path = files.whole_checkpoint(self._claim.step.id, self._fingerprint)
        if path is None:
            self.log("What the attempt before kept is damaged or out of date; this one begins anew.", "warning")
        return path

    def continue_from(self, epoch: int) -> bool:
        """Take over the curve of the attempts before, up to their checkpoint. False when the curve in the database
        does not reach that far, as after a power cut: then begin anew, or the curve will have a gap."""
        if not steps.adopt_curve(self._claim, epoch):
            self.log("The numbers up to what the attempt before kept are lost; this one begins anew.", "warning")
            return False
        self.log(f"Attempt {self.attempt} continues from epoch {epoch}.")
        return True

    def check(self) -> None:
        """Raise Fenced when the step was cancelled or given away."""
        if self._lost:
            raise self._lost

    def flush(self) -> None:
        """Put everything recorded so far into the database, now; what another thread is telling is waited for."""
        with self._telling:
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

    @property
    def saved(self) -> dict[str, Kept]:
        """The files that the step leaves."""
        return self._saved

    def last_words(self) -> tuple[list[tuple[int, str, float]], list[tuple[datetime, str, str]]]:
        """Numbers and lines that are not in the database yet, to go with how the attempt ended."""
        untold = self._take()
        return untold.points, untold.lines

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
            self._untold = _Untold(
                untold.points + self._untold.points,
                untold.lines + self._untold.lines,
                self._untold.progress or untold.progress,
            )

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
                    self._end_if_deaf()
                    return
                except Exception:  # a database that is busy or away now may be back in a moment
                    log.exception("could not tell yet")

    def _end_if_deaf(self) -> None:
        """A step that does not listen, as one in native code, would keep its worker busy for nothing."""
        if not self._over.wait(DEAF_SECONDS) and IN_A_PROCESS_OF_ITS_OWN:
            os.kill(os.getpid(), signal.SIGKILL)


def sayable(text: str) -> str:
    """The text without what a database cannot hold."""
    return str(text).replace("\0", "").encode(errors="replace").decode()
