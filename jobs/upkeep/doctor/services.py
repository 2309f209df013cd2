"""The supervisor and its workers, and what a killed one left."""

import time
from collections.abc import Iterator

import psutil

from jobs.engine import queue
from jobs.services import presence
from jobs.upkeep.doctor.check import Check, named
from store import files
from store.settings import ROOT, settings

STARTING_SECONDS = 60.0


def check_supervisor(_: bool) -> Iterator[Check]:
    log = settings().folder / "logs" / "supervisor.log"
    state = presence.state()
    if not presence.supervisor_runs():
        yield Check("services", "note", "None run now.", "They start with the app, or with a command that needs them.")
        return
    if not state:
        yield Check(
            "services",
            "note",
            "They are starting, or their supervisor was killed.",
            f"If this stays so, look at the end of {log}.",
        )
        return
    process, dead = _process(state["pid"]), [pid for pid in state["workers"] if pid and not _process(pid)]
    if process and process.status() == psutil.STATUS_STOPPED:
        yield Check(
            "services", "problem", f"The supervisor (process {state['pid']}) is stopped.", f"kill -CONT {state['pid']}"
        )
    elif dead and time.time() - state["started_at"] > STARTING_SECONDS:
        yield Check(
            "services",
            "problem",
            f"{len(dead)} of {len(state['workers'])} workers ended and did not start again yet.",
            f"If this stays so, look at the end of {log}.",
        )
    elif state["started_at"] < _newest_code():
        yield Check("services", "note", "They run code that was changed since they started.", "Restart the app.")
    else:
        yield Check("services", "ok", f"Supervisor {state['pid']} with {len(state['workers'])} workers.")


def check_leftovers(_: bool) -> Iterator[Check]:
    if presence.supervisor_runs():
        return
    home, answers = settings().folder, queue.answers()
    left = [path for path in (queue.socket_path(), home / "run" / "supervisor.json") if path.exists() and not answers]
    left += [*files.abandoned(), *home.glob(".before-restore-*.part")]
    if left:
        yield Check(
            "leftovers",
            "note",
            f"Something was killed and left {named(left)}.",
            "Harmless; removed at the next start.",
        )


def _process(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return process if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _newest_code() -> float:
    """When our own code was last changed."""
    return max(path.stat().st_mtime for folder in ("jobs", "store") for path in (ROOT / folder).rglob("*.py"))
