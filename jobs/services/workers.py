"""Worker processes: forked by the supervisor, replaced when they end or hang; steps of dead workers are given up."""

import contextlib
import fcntl
import gc
import hashlib
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO

from jobs.engine import queue
from jobs.engine.staleness import Unchanged
from jobs.process.linux import die_with_parent
from jobs.services.presence import HUNG_SECONDS, STEADY_SECONDS, STOP_SECONDS, folder
from jobs.services.timing import back_off
from store import db, files
from store import steps as step_store
from store.messages import Message
from store.settings import settings

log = logging.getLogger(__name__)

LOST = Message("worker_lost")


@dataclass
class Slot:
    """A place for one worker, and how often it had to be filled again."""

    number: int
    pid: int = 0
    name: str = ""
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0


@dataclass
class Workers:
    """Keeps a number of workers running."""

    count: int
    lock: IO[str] | None = None
    slots: list[Slot] = field(default_factory=list)
    _heartbeats: Unchanged = field(default_factory=Unchanged)

    def keep(self) -> bool:
        """Fill every empty place; whether a worker was started."""
        if not self.slots:
            self.slots = [Slot(number + 1) for number in range(self.count)]
        started = False
        for slot in self.slots:
            if slot.pid and not self.ended(slot):
                continue
            if time.monotonic() >= slot.not_before:
                self._start(slot)
                started = True
        return started

    def end_hung(self) -> None:
        """Kill a worker that gives no sign of life although the queue answers; another takes its place."""
        alive = {slot.name: slot for slot in self.slots if slot.pid}
        for name, seconds in self._heartbeats.seconds(queue.worker_heartbeats(list(alive))).items():
            if seconds >= HUNG_SECONDS:
                log.warning("worker %s gave no sign of life for %.0f s and is killed", name, seconds)
                os.kill(alive[name].pid, signal.SIGKILL)

    def end(self) -> None:
        """Let workers finish within seconds, then end them; what they were doing costs no attempt."""
        alive = [slot for slot in self.slots if slot.pid]
        _signal_all(alive, signal.SIGTERM)
        # A worker finishes its step on the first signal; a second one, later than RQ's guard of a second, ends it.
        _wait(alive, 1.2)
        _signal_all(alive, signal.SIGTERM)
        _wait(alive, 3.0)
        _signal_all(alive, signal.SIGKILL)
        _wait(alive, STOP_SECONDS)
        for slot in self.slots:
            if slot.name:
                clean_up_after(slot.name, Message("stopped"), blameless=True)

    def ended(self, slot: Slot) -> bool:
        """Tell whether the worker of a slot has ended; if so, clean up after it, and back off if it lived too short."""
        pid, status = os.waitpid(slot.pid, os.WNOHANG)
        if not pid:
            return False
        lived = time.monotonic() - slot.started
        slot.failures = 0 if lived > STEADY_SECONDS else slot.failures + 1
        slot.not_before = time.monotonic() + back_off(slot.failures - 1) * (slot.failures > 1)
        log.warning("worker %s ended with status %s after %.1f s", slot.name, status, lived)
        slot.pid = 0
        clean_up_after(slot.name)
        files.sweep_scratch()
        return True

    def _start(self, slot: Slot) -> None:
        slot.started = time.monotonic()
        parent, mark = os.getpid(), secrets.token_hex(2)
        db.release()  # SQLite must not be open in two processes through one connection
        pid = os.fork()
        if pid == 0:
            if self.lock:
                self.lock.close()  # or a process that a step leaves behind would keep the next supervisor from starting
            _become_worker(worker_name(slot.number, os.getpid(), mark), parent)
        slot.pid = pid
        slot.name = worker_name(slot.number, pid, mark)


def preload() -> None:
    """Import what steps need, once, so that every worker and child shares it. Nothing is computed here: a child of
    a process that has computed with OpenMP can hang."""
    gc.disable()  # nothing of it is garbage, and to look for some takes a fifth of the time
    import sqlite3  # noqa: F401

    from jobs.pipelines import registry

    registry.warm()
    for pipeline in registry.built_in():
        for module in pipeline.preload:
            import_module(module)
    gc.freeze()  # looking for garbage in it would copy most of it into each process
    gc.enable()


def clean_up_after(worker: str, error: Message = LOST, blameless: bool = False) -> None:
    """Give up the steps of a dead worker, and take its name off the list."""
    for step in step_store.running():
        if step.worker == worker:
            step_store.lose(step, error, blameless=blameless)
    with contextlib.suppress(queue.QueueDownError):
        queue.forget_worker(worker)
    _alive_file(worker).unlink(missing_ok=True)


def clean_up_stale_workers() -> None:
    """Clean up after dead workers of this home on this machine, whose steps would seem to run."""
    names = {step.worker for step in step_store.running() if step.worker}
    with contextlib.suppress(queue.QueueDownError):
        names |= queue.worker_names()
    for name in names:
        if name.startswith(f"{prefix()}-") and _is_dead(name):
            clean_up_after(name)
    files.sweep_scratch()


def prefix() -> str:
    """What the names of this home's workers on this machine begin with."""
    home = hashlib.sha256(os.fsencode(settings().folder)).hexdigest()[:4]
    return f"{socket.gethostname().split('.')[0]}-{home}"


def worker_name(number: int, pid: int, mark: str) -> str:
    """A name that no worker had before, by its random mark.

    Host, home, number and process id repeat when a container starts again: RQ then refuses to register the worker."""
    return f"{prefix()}-{number}-{pid}-{mark}"


def _alive_file(name: str) -> Path:
    """The file that a worker keeps locked for as long as it lives; its process id could be another's by now."""
    return folder("run") / f"worker-{name[:120].replace(os.sep, '-')}.lock"


def _stay_locked(name: str) -> IO[str]:
    """Say by a lock that this worker lives. A POSIX lock, because children do not inherit those."""
    held = _alive_file(name).open("w")
    fcntl.lockf(held, fcntl.LOCK_EX)
    return held


def _is_dead(name: str) -> bool:
    try:
        with _alive_file(name).open("r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False


def _become_worker(name: str, parent: int) -> None:
    """In the child: work until a signal to stop, and never return."""
    status = 1
    try:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, signal.SIG_DFL)
        os.setpgrp()
        from jobs.engine.worker import StepWorker

        die_with_parent()
        if os.getppid() != parent:
            os._exit(status)  # the parent ended before the kernel knew of the wish
        with _stay_locked(name):
            StepWorker(name).work(logging_level="WARNING")
        status = 0
    except BaseException:
        log.exception("worker ended")
    finally:
        os._exit(status)


def _signal_all(slots: Sequence[Slot], sign: int) -> None:
    for slot in slots:
        if slot.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(slot.pid, sign)


def _wait(slots: Sequence[Slot], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(slot.pid for slot in slots):
        for slot in slots:
            if slot.pid and os.waitpid(slot.pid, os.WNOHANG)[0]:
                slot.pid = 0
        time.sleep(0.02)
