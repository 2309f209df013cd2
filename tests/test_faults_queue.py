"""Faults of the queue, really performed: killed, frozen, emptied, damaged, cut off, poisoned.

What was accepted completes exactly once, or failed with a reason; its curve has no gap and no double point.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import psutil
import pytest
from conftest import forget, free_port
from helpers import cast
from helpers.crew import child_of, crew, enter, family, gone, services, valkey, worker_of, workers  # noqa: F401 - fixtures
from helpers.running import completed_once, finish, run, running_step
from helpers.tiers import seldom
from helpers.waiting import until
from sqlalchemy import text

from jobs import chain
from jobs.engine import queue, queue_view, reconcile
from jobs.language import sentence, text_of
from jobs.services import presence
from jobs.services import valkey as valkey_server
from jobs.verbs import queues
from jobs.verbs import workflows as verbs
from store import db, logs, steps, workflows
from store.settings import settings
from store.tables import Status


def test_a_queue_that_lost_its_file_is_filled_again(services):
    """Valkey killed and its append-only file deleted: the database knows what has to be done."""
    queues.pause()
    ids = [run(number=2 + number) for number in range(3)]
    shutil.rmtree(settings().folder / "valkey")
    os.kill(presence.state()["valkey"], signal.SIGKILL)
    until(lambda: queue_view.snapshot().reachable)
    queues.resume()
    for number, workflow_id in enumerate(ids):
        completed_once(workflow_id, 2 + number)


def test_a_step_survives_its_queue(services):
    """Valkey killed in the middle of a step, and away for a while: the step completes in its first attempt."""
    workflow_id = run(number=100, pause=0.1)
    step = running_step(workflow_id)
    valkey, supervisor = presence.state()["valkey"], psutil.Process(presence.state()["pid"])
    supervisor.suspend()  # or it would be back before the worker looks
    os.kill(valkey, signal.SIGKILL)
    time.sleep(5)
    supervisor.resume()
    completed_once(workflow_id, 100)
    assert steps.get(step.id).attempt == 1


@pytest.mark.rare
def test_a_frozen_valkey_is_replaced(services):
    """SIGSTOP to Valkey: nobody waits for it for ever, another one takes its place, and the work goes on."""
    workflow_id = run(number=30, pause=0.1)
    running_step(workflow_id)
    frozen = psutil.Process(presence.state()["valkey"])
    frozen.suspend()
    begun = time.monotonic()
    assert not queue_view.snapshot().reachable and time.monotonic() - begun < 8
    until(lambda: gone(frozen), 30)
    completed_once(workflow_id, 30, 90)


@pytest.mark.parametrize("damage", seldom(["garbage in the middle", "garbage at the end"]))
def test_a_damaged_queue_file_is_set_aside(home, damage):
    """A file that Valkey refuses to read, as after a power cut, does not keep the work from going on."""
    with presence.using():
        queues.pause()
        workflow_id = run(number=3)
    file = next((home / "valkey").rglob("*.incr.aof"))
    content = file.read_bytes()
    where = content.index(b"\r\n*", len(content) // 2) + 2 if damage == "garbage in the middle" else len(content)
    file.write_bytes(content[:where] + b"\0garbage\0" * 20 + content[where:])
    with presence.using():
        queues.resume()
        completed_once(workflow_id, 3)


def test_a_queue_cut_off_anywhere_is_completed(valkey, home):
    """The append-only file cut at many places: afterwards every step that may start is queued, exactly once."""
    ids = [run() for _ in range(3)]
    valkey.kill()
    valkey.wait()
    file = next((home / "valkey").rglob("*.incr.aof"))
    content = file.read_bytes()
    ready = sorted(steps.of_workflow(workflow_id)[0].job_id for workflow_id in ids)
    for cut in range(0, len(content), len(content) // 12):
        file.write_bytes(content[:cut])
        process = valkey_server.start()
        until(queue.answers)
        for step in steps.waiting():
            if step.job_id in queue.job_states([step.job_id]):
                assert reconcile._hand_over(step) == "handed_over"
        assert sorted(queue.queued_job_ids()) == ready
        process.kill()
        process.wait()


@pytest.mark.rare
def test_two_valkeys_never_share_a_file(home):
    """A Valkey whose supervisor was killed is gone before the next one starts."""
    code = "from jobs.services import valkey; import time; print(valkey.start().pid, flush=True); time.sleep(60)"
    orphan = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    valkey = psutil.Process(int(orphan.stdout.readline()))
    until(queue.answers)
    with presence.using():
        assert gone(valkey)
        assert finish(run(number=2)) == Status.completed
    orphan.kill()
    orphan.communicate()


def test_nothing_is_dropped_when_memory_is_short(valkey):
    """Valkey refuses new entries rather than drop old ones."""
    assert valkey_server.VALKEY_SETTINGS["maxmemory-policy"] == "noeviction"
    assert queue.connection().config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_an_external_queue_that_is_away_is_said_at_once(home, monkeypatch):
    """A Redis that is down when the app starts: said within moments, tried all the time, and used when it is up."""
    port = free_port()
    monkeypatch.setenv("TRAINYARD_REDIS_URL", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setenv("TRAINYARD_WORKERS", "1")
    forget()
    workflow_id = cast.play(number=2)
    from jobs.services.valkey import program

    command = [str(program()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
    said = []
    with ExitStack() as later:
        use = later.enter_context(presence.using(wait=False))
        begun = time.monotonic()
        with pytest.raises(presence.NotReadyError, match="does not answer"):
            use.wait_until_ready(3.0, said.append)
        assert said == [presence.QUEUE_AWAY] and time.monotonic() - begun < 10
        redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        later.callback(lambda: redis.kill() or redis.wait())
        until(lambda: use.ensure() or workflows.get(workflow_id).status.over, 60)
        assert workflows.get(workflow_id).status == Status.completed


def test_diamonds_run_exactly_once(services):
    """Steps with two parents: every step runs once, none waits for ever, and RQ remembers none as started."""
    ids = [run("diamond", number=number) for number in range(15)]
    for workflow_id in ids:
        assert finish(workflow_id, 60) == Status.completed
        for step in steps.of_workflow(workflow_id):
            assert [text_of(line.text, line.message) for line in logs.tail(step.id)] == ["ran"]
    until(lambda: queue.rq_queue().started_job_registry.get_job_count(cleanup=False) == 0, 5)


def test_a_poisoned_job_does_not_stop_the_clean_up(valkey):
    """Jobs that were given up, with callbacks that cannot be called: all are cleaned up, and the lock is free after."""
    from rq.job import Callback

    from jobs.engine.worker import StepWorker

    worker = StepWorker("cleaner")
    ours = queue.rq_queue()
    jobs = [
        ours.enqueue(
            queue.RUN_STEP, args=[number, 1], job_id=f"poisoned-{number}", on_failure=Callback("nowhere.at_all")
        )
        for number in range(2)
    ]
    for job in jobs:
        ours.remove(job)
        worker.prepare_execution(job)
        job.set_status("started")
    for job_id in queue.connection().zrange(ours.started_job_registry.key, 0, -1):
        queue.connection().zadd(ours.started_job_registry.key, {job_id: 1})
    worker.run_maintenance_tasks()
    assert {job.get_status() for job in jobs} == {"failed"}
    assert ours.acquire_maintenance_lock()


def test_a_job_that_got_lost_on_its_way_is_handed_over_again(valkey, monkeypatch):
    """Killed between taking a job and starting it: it is in no list that a worker looks at, and yet it runs."""
    monkeypatch.setattr(reconcile, "PATIENCE_SECONDS", 0.3)
    run()
    ours = queue.rq_queue()
    taken = queue.connection().lpop(ours.key)
    assert ours.get_job_ids() == []
    reconciler = reconcile.Reconciler()
    assert not reconciler.round()["handed_over"], "a worker may be about to start it"
    time.sleep(0.4)
    assert reconciler.round()["handed_over"] == 1
    assert ours.get_job_ids() == [taken.decode()]


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80\x04nonsense",
        b'["jobs.engine.runner.run_step", null, [1], {}]',
        b'["jobs.engine.runner.run_step", null, ["x", "y", "z"], {"new": 1}]',
        b'["jobs.elsewhere.do", null, [1, 1], {}]',
    ],
)
def test_a_job_of_another_version_is_written_anew(services, payload):
    """An upgrade, or a damaged record: the step is handed over again as this version writes it."""
    queues.pause()
    workflow_id = run(number=2)
    queue.connection().hset(f"rq:job:{steps.of_workflow(workflow_id)[0].job_id}", "data", payload)
    queues.resume()
    completed_once(workflow_id, 2)


def test_a_step_whose_code_is_gone_fails_with_a_reason(services):
    """An upgrade that took a pipeline away while work was queued: said in a sentence, and not tried for ever."""
    workflow_id, other = cast.play(number=2), cast.play(number=2)
    with db.writing() as connection:
        connection.execute(text("UPDATE workflows SET pipeline = 'old' WHERE id = :id"), {"id": workflow_id})
        renamed = "UPDATE steps SET name = 'counting', key = 'counting' WHERE workflow_id = :id AND position = 1"
        connection.execute(text(renamed), {"id": other})
    chain.run_workflow(workflow_id)
    chain.run_workflow(other)
    for each, name in ((workflow_id, "greet"), (other, "counting")):
        assert finish(each) == Status.failed
        step = next(step for step in steps.of_workflow(each) if step.status == Status.failed)
        assert (step.name, step.attempt, step.error_code) == (name, 1, "code_gone")
        assert "cannot load the code" in sentence(step.error) and "TRAINYARD_PIPELINES" in sentence(step.error)
        assert steps.of_workflow(each)[-1].status == Status.skipped


def test_cancelled_is_not_failed(services):
    """A step that was cancelled is not counted among RQ's failed jobs, nor held against its worker."""

    def failed():
        seen = queue_view.snapshot()
        return seen.queues[0].failed, sum(row.failed for row in seen.workers)

    before = failed()
    workflow_id = run(number=1000, pause=0.1)
    running_step(workflow_id)
    verbs.cancel(workflow_id)
    until(lambda: all(row.workflow_id is None for row in queue_view.snapshot().workers))
    time.sleep(0.5)
    assert failed() == before
