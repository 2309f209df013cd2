"""Faults of workers and of what they run, really performed: killed, frozen, told to stop, out of memory, out of disk.

What was accepted completes exactly once, or failed with a reason; its curve has no gap and no double point.
"""

import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest
from conftest import forget
from helpers import cast
from helpers.crew import child_of, crew, enter, family, gone, services, valkey, worker_of, workers  # noqa: F401 - fixtures
from helpers.running import RERUN_SECONDS, completed_once, finish, run, running_step, second_attempt
from helpers.waiting import until

from jobs.engine import queue, queue_view
from jobs.language import sentence, text_of
from jobs.pipelines import Recorder
from jobs.services import presence
from jobs.verbs import workflows as verbs
from store import files, logs, metrics, steps, workflows
from store.settings import settings
from store.tables import Status


def said_last(step_id):
    """The last line of a step's log."""
    line = logs.tail(step_id)[-1]
    return text_of(line.text, line.message)


def test_a_killed_worker_takes_its_step_along(services):
    """SIGKILL to a worker alone: its step does not work on beside the next attempt, which goes on from a checkpoint."""
    workflow_id = run(number=50, pause=0.1)
    step = running_step(workflow_id, epoch=30)
    child, worker = child_of(workflow_id), worker_of(workflow_id)
    worker.kill()
    until(lambda: gone(child), 2)
    second_attempt(step)
    completed_once(workflow_id, 50)
    assert "continues from epoch" in said_last(step.id)


def test_no_step_outlives_its_worker(services):
    """SIGKILL to a worker whose step does not listen: the kernel ends the step at once."""
    workflow_id = run(number=2, pause=60)
    running_step(workflow_id, epoch=1)
    child, worker = child_of(workflow_id), worker_of(workflow_id)
    worker.kill()
    until(lambda: gone(child), 2)
    verbs.cancel(workflow_id)


def test_a_step_that_is_always_killed_fails_with_a_reason(services):
    """Three attempts, then it failed and says what happened to its process; the worker goes on."""
    workflow_id = run(mood="dies")
    assert finish(workflow_id, 40) == Status.failed
    judge = steps.of_workflow(workflow_id)[-1]
    assert (judge.attempt, judge.error_code) == (3, "killed")
    assert "was killed after it had used up to" in sentence(judge.error) and "memory" in sentence(judge.error)
    assert finish(run(number=2)) == Status.completed


def test_a_worker_told_to_stop_finishes_its_step(services):
    """SIGTERM once: the step completes in its first attempt, and another worker takes the place."""
    workflow_id = run(number=15, pause=0.1)
    step = running_step(workflow_id)
    worker = worker_of(workflow_id)
    worker.terminate()
    completed_once(workflow_id, 15)
    assert steps.get(step.id).attempt == 1
    until(lambda: gone(worker) and len(queue_view.snapshot().workers) == 2)


def test_a_step_told_to_stop_with_its_worker_uses_up_no_attempt(services):
    """SIGTERM to a worker and its step: what the operator ends is not held against the step."""
    workflow_id = run(number=50, pause=0.1)
    step = running_step(workflow_id, epoch=25)
    child, worker = child_of(workflow_id), worker_of(workflow_id)
    worker.terminate()
    child.terminate()
    again = second_attempt(step)
    assert again.max_attempts - again.attempt == 2
    completed_once(workflow_id, 50)


@pytest.mark.rare
def test_a_worker_told_twice_to_stop_gives_its_step_away(services):
    """SIGTERM twice: the worker ends at once, and the step runs again elsewhere."""
    workflow_id = run(number=60, pause=0.1)
    step = running_step(workflow_id)
    worker = worker_of(workflow_id)
    worker.terminate()
    time.sleep(1.2)
    worker.terminate()
    until(lambda: gone(worker), 3)
    second_attempt(step)
    completed_once(workflow_id, 60)


def test_sigterm_to_every_process_uses_up_no_attempt(services):
    """What an init system does: everybody is told to stop at once. The work waits, and goes on with the next start."""
    workflow_id = run(number=60, pause=0.1)
    step = running_step(workflow_id, epoch=25)
    everybody = family(presence.state()["pid"])
    for process in everybody:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    until(lambda: all(gone(process) for process in everybody))
    stopped = steps.get(step.id)
    assert (stopped.status, stopped.max_attempts - stopped.attempt) == (Status.pending, 2)
    services.wait_until_ready()
    completed_once(workflow_id, 60)


def test_a_power_cut_loses_nothing(services):
    """SIGKILL to supervisor, workers, steps and Valkey at the same moment: the next start goes on."""
    ids = [run(number=40, pause=0.1), run(number=3), run(number=4)]
    step = running_step(ids[0], epoch=25)
    everybody = family(presence.state()["pid"])
    for process in everybody:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    until(lambda: all(gone(process) for process in everybody))
    services.wait_until_ready()
    for workflow_id, epochs in zip(ids, (40, 3, 4), strict=True):
        completed_once(workflow_id, epochs)
    assert steps.get(step.id).attempt == 2


@pytest.mark.rare
def test_a_frozen_step_is_ended_and_runs_again(services):
    """SIGSTOP to a step's process: its worker notices, ends it, and is free; the step says why it ran twice."""
    workflow_id = run(number=60, pause=0.1)
    step = running_step(workflow_id, epoch=25)
    child, worker = child_of(workflow_id), worker_of(workflow_id)
    child.suspend()
    second_attempt(step)
    assert gone(child) and not gone(worker)
    assert any("stood still" in text_of(line.text, line.message) for line in logs.tail(step.id))
    completed_once(workflow_id, 60)


@pytest.mark.rare
def test_a_step_that_wakes_up_after_its_time_is_fenced(home, monkeypatch):
    """A frozen machine: its step runs elsewhere; when it wakes up, nothing it says is taken, and it ends by itself."""
    monkeypatch.setenv("TRAINYARD_WORKERS", "0")
    forget()
    with presence.using(), workers() as frozen:
        workflow_id = run(number=120, pause=0.1)
        step = running_step(workflow_id, epoch=25)
        child = child_of(workflow_id)
        stopped = family(frozen.pid)
        for process in stopped:
            process.suspend()
        with workers():
            second_attempt(step)
            child.resume()  # its worker, which would end it, sleeps on
            until(lambda: gone(child), 10)
            completed_once(workflow_id, 120)
            attempts = [point.value for point in metrics.curves(step.id)["attempt"]]
            assert attempts == sorted(attempts) and steps.get(step.id).attempt == 2


@pytest.mark.slow
def test_a_frozen_worker_is_replaced(services):
    """SIGSTOP to both idle workers: what is handed to them is done by those that take their place."""
    until(lambda: len(queue_view.snapshot().workers) == 2)
    frozen = [psutil.Process(row.pid) for row in queue_view.snapshot().workers]
    for worker in frozen:
        worker.suspend()
    workflow_id = run(number=2)
    until(lambda: steps.of_workflow(workflow_id)[0].started_at, RERUN_SECONDS)
    completed_once(workflow_id, 2)
    until(lambda: all(gone(worker) for worker in frozen))


@pytest.mark.rare
def test_a_frozen_supervisor_is_replaced(services, monkeypatch):
    """SIGSTOP to the supervisor: whoever uses the services ends it, and another one goes on."""
    monkeypatch.setattr(presence, "HUNG_SECONDS", 3.0)
    workflow_id = run(number=100, pause=0.1)
    running_step(workflow_id)
    frozen = psutil.Process(presence.state()["pid"])
    frozen.suspend()
    until(lambda: services.ensure() or time.sleep(0.5) or gone(frozen))
    until(lambda: services.ensure() or presence.state().get("ready"))
    completed_once(workflow_id, 100)


@pytest.mark.rare
def test_a_step_that_takes_too_long_is_ended_whatever_it_does(services):
    """Careless code, a search that forgives errors, and native code that hangs: the limit holds, and is the reason."""
    kinds = ("forgives", "searches_a_grid", "hangs", "forgives_everything")
    ids = {kind: run("late", kind=kind) for kind in kinds}
    late = run("late", kind="forgives_everything", seconds=4)
    for workflow_id in (*ids.values(), late):
        assert finish(workflow_id, 60) == Status.failed
        only = steps.of_workflow(workflow_id)[0]
        assert (only.error_code, only.traceback) == ("timeout", "") and "exceeded its time limit" in sentence(
            only.error
        )
    assert steps.of_workflow(ids["searches_a_grid"])[0].seconds < 8, "the first candidate's error ended the search"


@pytest.mark.slow
def test_a_step_that_does_not_listen_frees_its_worker(services):
    """Cancelled while the queue could not tell anybody: the process of the step ends itself."""
    workflow_id = run(number=3, pause=60)
    running_step(workflow_id, epoch=1)
    child = child_of(workflow_id)
    steps.cancel(workflow_id)
    until(lambda: gone(child))
    assert workflows.get(workflow_id).status == Status.cancelled


def test_too_little_memory_is_said_and_tried_twice(services):
    """RLIMIT_AS: the step fails with a reason after two attempts, and its worker goes on."""
    workflow_id = run("eater")
    assert finish(workflow_id, 30) == Status.failed
    only = steps.of_workflow(workflow_id)[0]
    assert (only.attempt, only.error_code) == (2, "out_of_memory") and "memory" in sentence(only.error)


def test_a_full_disk_is_said(services):
    """RLIMIT_FSIZE: the step fails with a reason, and leaves no half file."""
    workflow_id = run("eater", what="disk")
    assert finish(workflow_id, 40) == Status.failed
    only = steps.of_workflow(workflow_id)[0]
    assert (only.error_code, sentence(only.error)) == ("disk_full", "The disk is full. Free some space, then retry.")
    until(lambda: not list((settings().folder / "scratch").iterdir()))


def test_what_a_step_started_ends_with_it(services):
    """A step's own processes do not outlive it."""
    workflow_id = run(number=2, mood="leaves a child")
    assert finish(workflow_id) == Status.completed
    left = int(steps.of_workflow(workflow_id)[-1].result["read"])
    until(lambda: not psutil.pid_exists(left) or gone(psutil.Process(left)), 5)


def test_a_killed_app_leaves_no_process_and_no_socket(home):
    """SIGKILL to the only user of the services: they end by themselves, and leave nothing running."""
    user = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from jobs.services import presence; import time\n"
            "with presence.using():\n    print('ready', flush=True)\n    time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    assert user.stdout.readline() == b"ready\n"
    everybody = family(presence.state()["pid"])
    assert len(everybody) >= 4
    user.kill()
    user.communicate()
    until(lambda: all(gone(process) for process in everybody))
    assert not presence.supervisor_runs() and not queue.socket_path().exists()
    assert not (home / "run" / "supervisor.json").exists()


def test_the_page_says_what_happened(services):
    """After a kill the cell says when it was, which attempt went on and from which epoch; also when it is over."""
    from helpers.notebooks import page, text

    workflow_id = run(number=60, pause=0.1)
    step = running_step(workflow_id, epoch=30)
    worker_of(workflow_id).kill()
    second_attempt(step)
    until(lambda: "continues from" in said_last(step.id))
    lost, continued = logs.tail(step.id)[-2:]
    epoch = continued.message.values["epoch"]
    told = f"worker lost at {lost.at:%H:%M} UTC, attempt 2 continued from epoch {epoch}"
    assert int(epoch) >= 15 and told in text(page(id=workflow_id))
    completed_once(workflow_id, 60)
    assert told in text(page(id=workflow_id))


def test_a_number_that_is_none_is_left_out_and_said(home):
    """A metric without a value leaves a line in the log and does not break the step."""
    step = steps.of_workflow(cast.play())[0]
    with files.scratch() as folder:
        recorder = Recorder(steps.claim(step.id, 1, "a"), lambda: folder, "f")
        recorder.metric(1, loss=float("nan"), accuracy=0.5)
        recorder.log("odd \ud800 and \0 letters")
        recorder.flush()
    assert list(metrics.curves(step.id)) == ["accuracy"]
    assert [text_of(line.text, line.message) for line in logs.tail(step.id)] == [
        "loss of epoch 1 is nan and is left out.",
        "odd ? and  letters",
    ]
