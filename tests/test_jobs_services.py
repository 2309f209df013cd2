"""The real thing: Valkey, a supervisor, forked workers, and what happens when they are killed."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
from helpers import cast
from helpers.crew import crew, services  # noqa: F401 - fixtures
from helpers.running import curve, finish, run, running_step
from helpers.waiting import until

from jobs import chain
from jobs.engine import queue, queue_view, reconcile
from jobs.services import presence
from jobs.verbs import queues
from store import metrics, steps, workflows
from store.settings import settings
from store.tables import Status


def test_a_workflow_runs_on_forked_workers(services):
    """Steps are run by workers, each in a process of its own, and the job id can be had from Python."""
    workflow_id = cast.play(number=3)
    job = chain.run_workflow(workflow_id)
    assert job.id == f"s{steps.of_workflow(workflow_id)[-1].id}-a1"
    assert finish(workflow_id) == Status.completed
    assert {step.worker for step in steps.of_workflow(workflow_id)} <= {
        row.name for row in queue_view.snapshot().workers
    }


def test_many_workflows_run_side_by_side(services):
    """Twenty workflows posted at once all complete, on two workers, and nothing is left in the queue."""
    ids = [run(number=number + 2) for number in range(20)]
    assert {finish(workflow_id, 60) for workflow_id in ids} == {Status.completed}
    assert len({step.worker for workflow_id in ids for step in steps.of_workflow(workflow_id)}) == 2
    until(lambda: queue_view.snapshot().queues[0].started == 0)
    assert (queue_view.snapshot().queues[0].ready, queue_view.snapshot().queues[0].deferred) == (0, 0)


def test_nothing_of_the_users_text_is_in_redis(services):
    """Names, messages and values of users stay in the database; the queue holds ids and step names."""
    workflow_id = run(mood="breaks")
    assert finish(workflow_id) == Status.failed
    connection = queue.connection()
    everything = b""
    for key in connection.scan_iter():
        kind = connection.type(key)
        everything += key
        if kind == b"hash":
            everything += b"".join(connection.hgetall(key).values())
        elif kind == b"stream":
            everything += repr(connection.xrange(key)).encode()
    assert "şehir".encode() not in everything and b"secret" not in everything
    assert b"\x80\x04" not in everything, "nothing is pickled"


def test_a_failed_workflow_leaves_no_job_waiting(services):
    """RQ would keep the jobs below a failed one for ever; they are taken out of the queue."""
    workflow_id = run(mood="calm")
    assert finish(workflow_id) == Status.completed
    broken = cast.play(number=1, mood="breaks")
    chain.run_workflow(broken)
    cancelled = cast.play(number=1000, pause=0.1)
    chain.run_workflow(cancelled)
    running_step(cancelled)
    steps.cancel(cancelled)
    until(lambda: queue_view.snapshot().queues[0].deferred == 0)


def test_only_run_step_can_be_called(services):
    """A job that names another function fails instead of running it."""
    marker = settings().folder / "marker"
    job = queue.rq_queue().enqueue("os.mkdir", str(marker))
    until(lambda: job.get_status() == "failed")
    assert not marker.exists()


def test_a_killed_step_continues_from_its_checkpoint(services):
    """SIGKILL to the step's process: the next attempt goes on, and the curve has no gap and no double point."""
    workflow_id = run(number=60, pause=0.08)
    step = running_step(workflow_id, epoch=35)
    worker = next(row for row in queue_view.snapshot().workers if row.workflow_id == workflow_id)
    for child in psutil.Process(worker.pid).children(recursive=True):
        if child.num_threads() > 1:  # a recorder's
            child.kill()
    assert finish(workflow_id) == Status.completed
    after = steps.get(step.id)
    assert after.attempt == 2
    assert curve(workflow_id) == list(range(1, 61))
    attempts = [point.value for point in metrics.curves(step.id)["attempt"]]
    assert attempts[0] == 1 and attempts[-1] == 2, "the first part is the first attempt's"


def test_a_killed_worker_is_replaced_and_its_step_runs_again(services):
    """SIGKILL to worker and step process: within 15 s the step runs again on another worker."""
    workflow_id = run(number=20, pause=0.1)
    running_step(workflow_id)
    worker = next(row for row in queue_view.snapshot().workers if row.workflow_id == workflow_id)
    family = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    until(
        lambda: (
            steps.of_workflow(workflow_id)[1].attempt == 2
            and steps.of_workflow(workflow_id)[1].status == Status.running
        ),
        15,
    )
    assert finish(workflow_id) == Status.completed
    assert curve(workflow_id) == list(range(1, 21))
    assert worker.name not in {row.name for row in queue_view.snapshot().workers}
    until(lambda: len(queue_view.snapshot().workers) == 2)


def test_a_flushed_queue_is_filled_again(services):
    """FLUSHALL loses nothing: the reconciler hands over what the database says."""
    queues.pause()
    ids = [run(number=2 + number) for number in range(3)]
    queue.connection().flushall()
    queues.resume()
    assert {finish(workflow_id) for workflow_id in ids} == {Status.completed}


def test_workers_register_again_after_a_flush(services, monkeypatch):
    """A queue that was emptied learns of its workers again, without a new process."""
    until(lambda: len(queue_view.snapshot().workers) == 2)
    before = {row.pid for row in queue_view.snapshot().workers}
    queue.connection().flushall()
    assert finish(run(number=2)) == Status.completed
    until(lambda: {row.pid for row in queue_view.snapshot().workers} == before)


def test_a_killed_valkey_comes_back_with_its_jobs(services):
    """SIGKILL to the queue's server: it is started again and the work goes on."""
    workflow_id = run(number=10, pause=0.1)
    running_step(workflow_id)
    os.kill(presence.state()["valkey"], signal.SIGKILL)
    assert finish(workflow_id, 40) == Status.completed
    assert curve(workflow_id) == list(range(1, 11))


def test_a_killed_supervisor_takes_all_with_it_and_is_replaced(services):
    """SIGKILL to the supervisor: no orphan works on, and the user's process brings everything back."""
    workflow_id = run(number=30, pause=0.1)
    running_step(workflow_id)
    before = presence.state()
    os.kill(before["pid"], signal.SIGKILL)
    until(
        lambda: (
            not any(
                psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
                for pid in [*before["workers"], before["valkey"]]
            )
        )
    )
    until(lambda: services.ensure() or workflows.get(workflow_id).status.over, 40)
    assert workflows.get(workflow_id).status == Status.completed
    assert curve(workflow_id) == list(range(1, 31))


def test_pause_starts_nothing_and_resume_goes_on(services):
    """A paused queue starts no step, says so, and loses nothing."""
    queues.pause()
    workflow_id = run(number=2)
    time.sleep(1.0)
    assert workflows.get(workflow_id).status == Status.pending
    assert queue_view.snapshot().queues[0].paused
    queues.resume()
    assert finish(workflow_id) == Status.completed


def test_cancel_stops_the_process(services):
    """Cancelling a running workflow ends its process within two seconds and frees the worker."""
    workflow_id = run(number=1000, pause=0.1)
    running_step(workflow_id)
    from jobs.verbs import workflows as verbs

    verbs.cancel(workflow_id)
    until(lambda: all(row.workflow_id is None for row in queue_view.snapshot().workers), 2)
    assert workflows.get(workflow_id).status == Status.cancelled


def test_work_accepted_while_the_queue_is_down_is_done_later(home):
    """A workflow written while nothing runs is done once services start."""
    workflow_id = cast.play(number=2)
    with suppress(queue.QueueDownError):
        chain.run_workflow(workflow_id)
    with presence.using():
        assert finish(workflow_id) == Status.completed


def test_two_users_share_one_supervisor_and_the_last_one_ends_it(home):
    """Two users at once get one Valkey and one supervisor; it ends after the last of them, leaving no process."""
    code = (
        "import sys, time; from jobs.services import presence\n"
        "with presence.using():\n    print(presence.state()['pid'], flush=True)\n    sys.stdin.read()"
    )
    users = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    with ThreadPoolExecutor() as pool:
        pids = set(pool.map(lambda user: int(user.stdout.readline()), users))
    assert len(pids) == 1
    supervisor = psutil.Process(pids.pop())
    family = [supervisor, *supervisor.children(recursive=True)]
    users[0].communicate(timeout=30)
    assert supervisor.is_running()
    users[1].communicate(timeout=30)
    until(lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family))
    assert not presence.supervisor_runs()


def test_stopping_keeps_what_was_done(home):
    """Services stopped in the middle of a step: the next start goes on from the checkpoint, no attempt is used up."""
    with presence.using():
        workflow_id = run(number=60, pause=0.08)
        step = running_step(workflow_id, epoch=35)
    stopped = steps.get(step.id)
    assert stopped.status == Status.pending and stopped.max_attempts - stopped.attempt == 2
    service_again = presence.using()
    with service_again:
        assert finish(workflow_id) == Status.completed
    assert curve(workflow_id) == list(range(1, 61))


def test_the_reconciler_has_nothing_to_do_in_health(services):
    """In a healthy system no repair is made, however long one looks."""
    reconciler = reconcile.Reconciler()
    ids = [run(number=30, pause=0.1) for _ in range(3)]
    end = time.monotonic() + 20
    while time.monotonic() < end and not all(workflows.get(each).status.over for each in ids):
        assert not reconciler.round()
        time.sleep(0.5)
    assert {workflows.get(each).status for each in ids} == {Status.completed}


def test_the_worker_never_computes(services):
    """The processes that fork hold no started thread team of a numeric library, or their children could hang."""
    assert finish(run(number=2)) == Status.completed
    for worker in queue_view.snapshot().workers:
        assert psutil.Process(worker.pid).num_threads() <= 2, "its own and the one that listens for stop commands"


def test_connecting_reads_no_package_description(home, monkeypatch):
    """A connection is made for every process, so making it must not look up which version of which package asks."""
    looked_up = []
    monkeypatch.setattr("importlib.metadata.version", looked_up.append)
    queue.new_connection()
    assert looked_up == []


def test_homes_are_private(services):
    """No file, folder or socket under the home can be read by another user."""
    assert finish(run(number=2)) == Status.completed
    open_to_others = [path for path in settings().folder.rglob("*") if path.lstat().st_mode & 0o077]
    assert open_to_others == []
    valkey = psutil.Process(presence.state()["valkey"])
    assert valkey.net_connections("inet") == [], "the embedded Valkey listens on no port"


def test_a_foreign_workers_record_hides_ours_not(services):
    """What others wrote into the queue under a worker's name does not keep the page from showing the workers."""
    until(lambda: len(queue_view.snapshot().workers) == 2)
    connection = queue.connection()
    connection.hset("rq:worker:odd", mapping={"birth": "yesterday", "pid": "x", "successful_job_count": "many"})
    connection.sadd("rq:workers", "rq:worker:odd")
    assert len(queue_view.snapshot().workers) == 2
