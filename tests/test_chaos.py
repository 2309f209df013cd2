"""Chaos, seeded: real workers and Valkey are killed, frozen, stopped, emptied and locked out while work is posted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import cast

from jobs import chain
from jobs.engine import handover, queue
from jobs.engine.worker import StepWorker
from jobs.services import presence
from jobs.services import valkey as valkey_server
from jobs.services import workers as worker_processes
from store import steps
from store.messages import Message

ROOT = Path(__file__).parent.parent
PROMISES = {
    "nothing is lost",
    "nothing is accepted twice",
    "no attempt runs twice",
    "no step starts before what it needs has ended",
    "failures have a reason that was to be expected",
    "something was done",
    "a step that was hit runs again or ends within 60 s",
    "a step that froze runs again or ends within 90 s",
    "curves have no gap and no double point",
    "the same settings give the same curve and result, disturbed or not",
    "every file is what was written",
    "the database is whole",
    "memory and open files do not grow",
    "no process, lock, socket or scratch file is left",
    "the queue is empty after the calm",
    "whoever posted was never met with an error",
}


@pytest.mark.rare
def test_every_promise_holds_in_chaos():
    """Half a minute of work with a fault every second or two, of nearly every kind: each promise is kept."""
    options = {"minutes": 0.4, "seed": 1, "every": 1.6, "recovery": 60}
    command = [sys.executable, "-m", "tests.bench.chaos", "--json", *(f"--{name}={options[name]}" for name in options)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    report = json.loads(run.stdout)
    assert {name for name, kept in report["promises"].items() if not kept} == set(), run.stdout
    assert set(report["promises"]) == PROMISES
    assert run.returncode == 0, run.stderr
    assert report["faults in all"] >= 8 and len(report["faults"]) >= 6, report["faults"]
    assert report["steps"]["accepted"] >= 20 and report["curves"]["checked"] >= 2


def test_a_worker_that_is_killed_again_and_again_is_soon_back(home):
    """However often a worker was killed, its place is filled again within ten seconds; one that had worked for a while
    is replaced at once."""
    workers = worker_processes.Workers(1)
    for failures, lived, pause in [(0, 0, 0), (1, 0, 2), (5, 0, 10), (5_000, 0, 10), (5_000, 15, 0)]:
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        slot = worker_processes.Slot(
            1, pid, worker_processes.worker_name(1, pid, "beef"), time.monotonic() - lived, failures
        )
        os.kill(pid, signal.SIGKILL)
        while not workers.ended(slot):
            time.sleep(0.01)
        assert slot.not_before - time.monotonic() == pytest.approx(pause, abs=0.5)


def test_a_supervisor_that_is_killed_again_and_again_is_soon_back(home):
    """However often it ended at once, the next start is at most ten seconds away; after a steady run it is at once."""
    use = presence.Use()
    use._supervisor = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
    use._supervisor.wait()
    for failures, lived, starts in [(0, 0.5, False), (0, 1.5, True), (5_000, 9, False), (5_000, 10.5, True)]:
        use._failures, use._started = failures, time.monotonic() - lived
        assert use._may_start() is starts
    use.end()


@pytest.fixture
def valkey(home):
    """A home in which Valkey runs and nothing else."""
    process = valkey_server.start()
    try:
        end = time.monotonic() + 30
        while not queue.answers():
            assert time.monotonic() < end, "Valkey did not start"
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_step_that_was_interrupted_goes_before_those_that_wait(valkey):
    """A step whose worker was lost has waited its turn once: it is handed over before what came later."""
    first, later = cast.play(), cast.play()
    lost = steps.of_workflow(first)[0]
    steps.claim(lost.id, 1, "a worker that is no more")
    chain.run_workflow(later)
    assert steps.lose(lost, Message("worker_lost", {"text": "The worker was lost while it ran this step."}))
    assert handover.hand_over_again(steps.get(lost.id))
    assert queue.rq_queue().get_job_ids() == [
        f"s{steps.of_workflow(first)[0].id}-a2",
        f"s{steps.of_workflow(later)[0].id}-a1",
    ]


def test_a_step_handed_over_by_itself_does_not_trip_the_job_above_it(valkey):
    """The worker of a step is killed after the result was accepted and before the queue was told: what comes below is
    handed over by itself, and the clean-up of the lost job goes through."""
    workflow_id = cast.play()
    chain.run_workflow(workflow_id)
    greet, count, _ = steps.of_workflow(workflow_id)
    ours = queue.rq_queue()
    job = ours.fetch_job(greet.job_id)
    worker = StepWorker("cleaner")
    ours.remove(job)
    worker.prepare_execution(job)
    job.set_status("started")
    steps.complete(steps.claim(greet.id, 1, "a worker that is no more"), "print", steps.Outcome({}))
    assert handover.hand_over_again(steps.get(count.id))
    for entry in queue.connection().zrange(ours.started_job_registry.key, 0, -1):
        queue.connection().zadd(ours.started_job_registry.key, {entry: 1})
    worker.run_maintenance_tasks()
    assert (job.get_status(), ours.started_job_registry.get_job_ids(cleanup=False)) == ("failed", [])
    assert ours.get_job_ids() == [count.job_id], "once"
