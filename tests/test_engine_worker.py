"""The worker without its fork server: slower, and nothing else is different."""

import psutil
import pytest
from conftest import forget
from helpers import cast
from helpers.running import curve, finish, run, running_step
from helpers.waiting import until

from jobs import chain
from jobs.engine import queue_view
from jobs.language import sentence
from jobs.services import presence
from jobs.verbs import workflows as verbs
from store import actors, schema, steps
from store.settings import settings
from store.tables import Status


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Services whose workers fork each step's process themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINYARD_HOME", str(tmp_path_factory.mktemp("plain")))
        patch.setenv("TRAINYARD_WORKERS", "2")
        patch.setenv("TRAINYARD_FORK_AHEAD", "0")
        forget()
        schema.prepare()
        with presence.using() as use, actors.acting(actors.operator()):
            yield use
    forget()


def below(workflow_id):
    """The processes of the worker that does a workflow: itself, and what it started."""
    row = until(lambda: next((row for row in queue_view.snapshot().workers if row.workflow_id == workflow_id), None))
    return psutil.Process(row.pid), psutil.Process(row.pid).children(recursive=True)


def test_workflows_complete(plain):
    """Steps run one after another and side by side, each in a process of its own, and the workers wait for no child."""
    ids = [run(number=2 + each) for each in range(3)]
    assert [finish(workflow_id, 60) for workflow_id in ids] == [Status.completed] * 3
    for row in queue_view.snapshot().workers:
        until(lambda row=row: psutil.Process(row.pid).children() == [])


def test_a_killed_step_continues(plain):
    """The next attempt goes on from the checkpoint, and the curve is whole."""
    workflow_id = run(number=60, pause=0.08)
    step = running_step(workflow_id, epoch=35)
    worker, children = below(workflow_id)
    for child in children:
        child.kill()
    assert finish(workflow_id, 60) == Status.completed
    assert steps.get(step.id).attempt == 2 and worker.is_running()
    assert curve(workflow_id) == list(range(1, 61))


def test_a_cancelled_step_and_what_it_started_end(plain):
    """Cancelling ends the process, and the worker goes on; its log shows no error."""
    log = settings().folder / "logs" / "supervisor.log"
    before = len(log.read_text())
    workflow_id = run(number=1000, pause=0.1)
    running_step(workflow_id)
    _, children = below(workflow_id)
    verbs.cancel(workflow_id)
    until(lambda: not any(child.is_running() for child in children), 5)
    left = run(number=2, mood="leaves a child")
    assert finish(left, 30) == Status.completed
    pid = int(steps.of_workflow(left)[-1].result["read"])
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 5)
    assert "Traceback" not in log.read_text()[before:]


def test_a_killed_worker_takes_its_step_along(plain):
    """The kernel ends the step's process, and the step runs again elsewhere."""
    workflow_id = run(number=20, pause=0.1)
    step = running_step(workflow_id)
    worker, children = below(workflow_id)
    worker.kill()
    until(lambda: not any(child.is_running() for child in children), 3)
    assert finish(workflow_id, 60) == Status.completed
    assert steps.get(step.id).attempt == 2


def test_a_step_that_dies_says_how(plain):
    """Three attempts, and then the signal and the memory it had used."""
    workflow_id = cast.play(mood="dies")

    chain.run_workflow(workflow_id)
    assert finish(workflow_id, 60) == Status.failed
    assert "was killed after it had used up to" in sentence(steps.of_workflow(workflow_id)[-1].error)
