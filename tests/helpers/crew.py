"""Services that several tests share, workers beside them, and the processes of both."""

import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from conftest import forget

from helpers.waiting import until
from jobs.engine import queue, queue_view
from jobs.services import presence
from jobs.services import valkey as valkey_server
from jobs.verbs import queues
from store import actors, schema


@pytest.fixture(scope="module")
def crew():
    """Valkey and two workers in a home of their own, for all the tests here: what broke must be whole for the next."""
    folder = Path(tempfile.mkdtemp(prefix="trainyard-"))
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, folder)
        schema.prepare()
        with presence.using() as use, actors.acting(actors.operator()):
            yield use, folder
            enter(patch, folder)
    forget()
    shutil.rmtree(folder, ignore_errors=True)


def enter(patch, folder):
    patch.setenv("TRAINYARD_HOME", str(folder))
    patch.setenv("TRAINYARD_WORKERS", "2")
    forget()


@pytest.fixture
def services(crew, monkeypatch):
    """The crew, at rest."""
    use, folder = crew
    enter(monkeypatch, folder)
    use.wait_until_ready()
    queues.resume()
    until(lambda: [row.workflow_id for row in queue_view.snapshot().workers] == [None, None], 30)
    yield use
    forget()


@pytest.fixture
def valkey(home):
    """A home in which Valkey runs and nothing else."""
    process = valkey_server.start()
    try:
        until(queue.answers)
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def workers(count=1):
    """Workers that belong to no app, as on another machine; frozen ones are woken up before they are ended."""
    code = f"from jobs.services import supervisor; supervisor.work({count})"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        for each in family(process.pid):
            with suppress(psutil.NoSuchProcess):
                each.resume()
        process.terminate()
        process.wait(30)


def family(pid):
    """A process and everything it started."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def gone(process):
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it went between the two looks
        return True


def worker_of(workflow_id):
    """The worker that does a workflow, as a process."""
    row = until(lambda: next((row for row in queue_view.snapshot().workers if row.workflow_id == workflow_id), None))
    return psutil.Process(row.pid)


def child_of(workflow_id):
    """The process in which a step of this workflow runs: the one below its worker that has a recorder's thread."""
    below = worker_of(workflow_id).children
    return until(lambda: next((child for child in below(recursive=True) if child.num_threads() > 1), None))
