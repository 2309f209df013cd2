"""Who uses the services of a home, and whether they run.

A process that needs the services (an app, a command) holds a shared lock on the home while it does; the supervisor ends
when no process holds it any more. Locks vanish with their process, so a kill cannot leave the supervisor behind.
"""

import contextlib
import fcntl
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import psutil

from jobs.engine import queue
from jobs.engine.staleness import Unchanged
from jobs.services.timing import back_off
from store.settings import ROOT, environment_with_project, make_home, settings

log = logging.getLogger(__name__)

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 1.0
STEADY_SECONDS = 10.0
HUNG_SECONDS = 10.0
MAX_FAILURES = 3
QUEUE_AWAY = (
    "The queue at TRAINYARD_REDIS_URL does not answer. Trainyard keeps retrying. Accepted work waits until it does."
)


class NotReadyError(RuntimeError):
    """The services did not come up; the message says where to look."""


@contextlib.contextmanager
def using(wait: bool = True) -> Iterator["Use"]:
    """Have the services run for as long as the body does, starting them when they do not run yet."""
    use = Use()
    try:
        use.ensure()
        if wait:
            use.wait_until_ready()
        yield use
    finally:
        use.end()


class Use:
    """One process's use of the services."""

    def __init__(self) -> None:
        self._lock = open_lock("users.lock")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._failures = 0
        self._frozen = Unchanged()

    def ensure(self) -> None:
        """Start a supervisor if there is none; cheap enough to be called every second."""
        if (self._supervisor and self._supervisor.poll() is None) or supervisor_runs():
            self._end_frozen_supervisor()
            return
        if not self._may_start():
            return
        log_file = (folder("logs") / "supervisor.log").open("ab")
        with log_file:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "jobs.services.supervisor"],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                cwd=ROOT,
                env=_thread_limits() | environment_with_project() | {"TRAINYARD_HOME": str(settings().folder)},
            )

    def _end_frozen_supervisor(self) -> None:
        """A supervisor that was stopped (SIGSTOP) keeps nothing running and another from starting. The kernel ends its
        children with it."""
        pid = self._supervisor.pid if self._supervisor else state().get("pid")
        with contextlib.suppress(psutil.NoSuchProcess):
            looks = {pid: "stopped"} if pid and psutil.Process(pid).status() == psutil.STATUS_STOPPED else {}
            if any(seconds >= HUNG_SECONDS for seconds in self._frozen.seconds(looks).values()):
                log.warning("the supervisor was stopped and is killed")
                psutil.Process(pid).kill()

    def _may_start(self) -> bool:
        """Whether to start one now: one that ends at once, as when the disk is full, is not started again at once."""
        lived = time.monotonic() - self._started
        if self._supervisor and self._supervisor.returncode and lived < STEADY_SECONDS:
            if lived < back_off(self._failures):
                return False
            self._failures += 1
        else:
            self._failures = 0
        self._started = time.monotonic()
        return True

    def wait_until_ready(self, seconds: float = READY_SECONDS, say: Callable[[str], None] = log.warning) -> None:
        """Return when the queue answers and the workers have started; report at once that the queue is away."""
        end = time.monotonic() + seconds
        if settings().redis_url and not queue.answers():
            say(QUEUE_AWAY)
        while time.monotonic() < end and self._failures < MAX_FAILURES:
            if state().get("ready") and queue.answers():
                return
            self.ensure()
            time.sleep(0.05)
        if settings().redis_url and not queue.answers():
            raise NotReadyError(QUEUE_AWAY)
        reasons = folder("logs") / "supervisor.log"
        raise NotReadyError(f"The workers did not start. See the end of {reasons}.")

    def end(self) -> None:
        """Stop using the services; the last user waits until they have ended."""
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        self._lock.close()
        end = time.monotonic() + STOP_SECONDS * 2
        while supervisor_runs() and not in_use() and time.monotonic() < end:
            time.sleep(0.05)
        if self._supervisor and not in_use():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(STOP_SECONDS)


def supervisor_runs() -> bool:
    """Whether a supervisor of this home runs."""
    with open_lock("supervisor.lock") as lock:
        return not try_lock(lock)


def in_use() -> bool:
    """Whether a process uses the services of this home."""
    with open_lock("users.lock") as lock:
        return not try_lock(lock)


def state() -> dict[str, Any]:
    """What the supervisor last wrote about itself; empty when none runs."""
    if not supervisor_runs():
        return {}
    try:
        written = dict(json.loads(_state_file().read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    # A supervisor that was killed leaves its file, and for a moment its children still hold its lock.
    return written if psutil.pid_exists(written["pid"]) else {}


def started_with() -> dict[str, str] | None:
    """The environment in which the supervisor was started; None when none runs, or it cannot be known."""
    with contextlib.suppress(psutil.Error, OSError):
        if pid := state().get("pid"):
            return dict(psutil.Process(pid).environ())
    return None


def write_state(written: dict[str, Any] | None) -> None:
    """Publish what the supervisor says of itself; None takes it back."""
    if written is None:
        _state_file().unlink(missing_ok=True)
        return
    temporary = _state_file().with_suffix(".tmp")
    temporary.write_text(json.dumps(written))
    temporary.replace(_state_file())


def lock_supervisor(lock: IO[str]) -> bool:
    """Take the lock that one supervisor per home holds; False when another has it."""
    end = time.monotonic() + LOOK_SECONDS
    while not try_lock(lock):  # a process that only looks whether one runs holds it for a moment
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def open_lock(name: str) -> IO[str]:
    return (folder("run") / name).open("a")


def folder(name: str) -> Path:
    """A private folder of this home, made when it is missing."""
    made = make_home() / name
    made.mkdir(exist_ok=True, mode=0o700)
    return made


def _state_file() -> Path:
    return folder("run") / "supervisor.json"


def _thread_limits() -> dict[str, str]:
    """Several workers share the cores: numeric libraries that each took all of them would slow all down."""
    threads = str(max(1, (os.cpu_count() or 1) // max(1, settings().workers)))
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
