"""Steps that behave oddly, and workers that are hit at odd moments."""

import errno
import os
import signal
import time

import numpy as np
import psutil
import pytest
from helpers import cast
from helpers.processes import gone
from helpers.running import finish, run, running_step
from helpers.waiting import until

from jobs.engine import queue_view, runner
from jobs.engine.runner import StepFailedError, run_step
from jobs.language import sentence, text_of
from jobs.pipelines import Recorder, pipeline, step
from jobs.pipelines.context import MOST_UNSENT
from jobs.process.children import forked_ahead
from jobs.services import presence
from store import logs, metrics, steps, workflows
from store.settings import settings
from store.tables import Status

RETURNED = [None]


@step("give")
def give(recorder):
    recorder.log("begun")
    return RETURNED[0]() if callable(RETURNED[0]) else RETURNED[0]


GIVE = pipeline("give", give)


@pytest.mark.rare
def test_an_order_to_stop_while_the_queue_is_away_fails_no_step(services):
    """Workers told to end while the queue does not answer finish what they do."""
    workflow_id = run(number=100, pause=0.1)
    step = running_step(workflow_id)
    worker = queue_view.snapshot().workers
    valkey = psutil.Process(presence.state()["valkey"])
    valkey.suspend()
    for row in worker:
        os.kill(row.pid, signal.SIGTERM)
    assert finish(workflow_id, 60) == Status.completed, sentence(steps.get(step.id).error)


@pytest.mark.parametrize(
    "what", [{"a": np.arange(2)}, {"a": {1}}, [], "text", {"scores": {"accuracy": "high"}}], ids=str
)
def test_lines_before_a_result_that_cannot_be_kept_are_told(home, what):
    """A result that cannot be kept fails the step with all it had said."""
    RETURNED[0] = what
    workflow_id = cast.play("give")
    with pytest.raises(StepFailedError):
        run_step(steps.of_workflow(workflow_id)[0].id, 1)
    step = steps.of_workflow(workflow_id)[0]
    assert step.status == Status.failed and "begun" in [text_of(line.text, line.message) for line in logs.tail(step.id)]


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError


def test_an_error_without_words_is_an_error(home):
    """An error that cannot even be put into words is told by its name."""
    assert runner.failure_of(MuteError()).message.code == "error"


def test_a_score_that_is_no_number_is_left_out(home):
    """A score that is not a number does not fail a finished step, and its log says that it is left out."""
    RETURNED[0] = {"scores": {"a": float("nan"), "b": 1.0, "c": np.float32("inf")}}
    workflow_id = cast.play("give")
    (step,) = steps.of_workflow(workflow_id)
    run_step(step.id, 1)
    assert workflows.get(workflow_id).scores == {"b": 1.0}
    warned = [line.message for line in logs.tail(step.id) if line.level == "warning"]
    assert [(each.code, each.values) for each in warned] == [
        ("score_not_finite", {"name": "a", "value": "nan"}),
        ("score_not_finite", {"name": "c", "value": "inf"}),
    ]


def test_what_no_database_holds_is_stored_as_near_as_can_be(home):
    """Numbers that are not finite become null, and characters that no database takes go; the step completes."""
    RETURNED[0] = {"n\0ame": [float("nan"), np.float64("-inf"), 1.5], "text": "a\0b \ud800", "deep": {"x": [{}]}}
    workflow_id = cast.play("give")
    (step,) = steps.of_workflow(workflow_id)
    run_step(step.id, 1)
    step = steps.get(step.id)
    assert step.status is Status.completed, step.error
    assert step.result == {"name": [None, None, 1.5], "text": "ab ?", "deep": {"x": [{}]}}


def of_own(workflow_id):
    claim = steps.claim(steps.of_workflow(workflow_id)[0].id, 1, "me")
    return claim, Recorder(claim, lambda: None, "f")


def test_an_epoch_may_be_numpys(home):
    """Epochs counted by numpy are numbers in the database."""
    claim, recorder = of_own(cast.play())
    for epoch in np.arange(1, 3):
        recorder.metric(epoch, loss=1.0)
    recorder.flush()
    assert [point.epoch for point in metrics.curves(claim.step.id)["loss"]] == [1, 2]


def test_who_logs_faster_than_the_database_writes_waits(home):
    """Lines are not gathered without end."""
    _, recorder = of_own(cast.play())
    for number in range(MOST_UNSENT + 1):
        recorder.log(str(number))
    assert len(recorder.unsent()[1]) <= MOST_UNSENT


def test_a_step_may_change_its_folder(home, monkeypatch):
    """A home named by a relative path stays where it was."""
    monkeypatch.setenv("TRAINYARD_HOME", os.path.relpath(home))
    settings.cache_clear()
    before = settings().folder
    monkeypatch.chdir("/")
    assert settings().folder == before


def test_a_last_line_needs_no_end(home):
    """What was printed last is told, also without a line end."""
    RETURNED[0] = lambda: print("said", end="") or {}
    workflow_id = cast.play("give")
    run_step(steps.of_workflow(workflow_id)[0].id, 1)
    assert "said" in [text_of(line.text, line.message) for line in logs.tail(steps.of_workflow(workflow_id)[0].id)]


def works(line):
    while (seconds := line.recv()) is not None:
        time.sleep(seconds)
        line.send("done")


def test_a_child_that_cannot_be_forked_ends_no_other(monkeypatch):
    """When no process can be made, those that work go on, and one is made later."""
    fork, forks = os.fork, []

    def full():
        forks.append(1)
        if len(forks) == 3:
            raise BlockingIOError(errno.EAGAIN, "full")
        return fork()

    user = fork()
    if user == 0:
        os.fork = full
        children = forked_ahead(works)
        line = children.take().line
        line.send(0.5)
        children.prepare()
        ok = line.poll(5) and line.recv() == "done" and children.take()
        os._exit(0 if ok else 2)
    assert os.waitstatus_to_exitcode(os.waitpid(user, 0)[1]) == 0


def test_ends_are_told_where_the_kernel_has_no_pidfd(monkeypatch):
    """The end of a child is noticed on kernels without pidfd."""

    def none(*_):
        raise OSError(errno.ENOSYS, "no")

    monkeypatch.setattr(os, "pidfd_open", none)
    children = forked_ahead(works)
    pid = children.take().pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: children._line.poll(), 5)
    until(lambda: children._line.poll() and (children._read() or pid in children._ended), 5)
    children.end()


@pytest.mark.slow
def test_a_step_is_not_lost_with_a_fork_server_that_died_before_it(services):
    """A fork server that was killed while idle costs a step neither an attempt nor a long wait."""
    until(lambda: len(queue_view.snapshot().workers) == 2)
    time.sleep(1)
    servers = [psutil.Process(row.pid).children()[0] for row in queue_view.snapshot().workers]
    family = servers + [child for server in servers for child in server.children()]
    for server in servers:
        server.kill()
    until(lambda: all(gone(process.pid) for process in family))  # a child taken before it dies costs an attempt
    workflow_id = run(number=2)
    assert finish(workflow_id, 15) == Status.completed
    assert {step.attempt for step in steps.of_workflow(workflow_id)} == {1}
