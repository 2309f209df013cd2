"""The gateway to the queue: whatever happens to a job in between, nothing of RQ's or Redis' reaches a caller."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from helpers import cast
from helpers.running import finish
from redis import Redis
from redis.client import Pipeline
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import chain
from jobs.chain import run_workflow
from jobs.engine import handover, queue, queue_view, reconcile
from jobs.services import presence
from jobs.verbs import queues as queue_verbs
from jobs.verbs import workflows as verbs
from store import steps
from store.tables import Status


class Vanishing:
    """Deletes the records of jobs right before the command of this number is sent to the server."""

    def __init__(self, monkeypatch, at, job_ids, server):
        self.sent, self.at, self.keys, self.happened = 0, at, [f"rq:job:{each}" for each in job_ids], False
        self.other = Redis.from_url(server)
        for owner, name in ((Redis, "execute_command"), (Pipeline, "execute"), (Pipeline, "immediate_execute_command")):
            monkeypatch.setattr(owner, name, self.before(getattr(owner, name)))

    def before(self, send):
        def sent(connection, *args, **options):
            if connection is not self.other and self.at is not None:
                if self.sent == self.at:
                    self.at, self.happened = None, True
                    self.other.delete(*self.keys)
                self.sent += 1
            return send(connection, *args, **options)

        return sent


def waits(workflow_id):
    """Its first step waits in the list, the others for it."""


def is_deferred(workflow_id):
    """The job of the first step is deferred as if it waited for another."""
    first = steps.of_workflow(workflow_id)[0]
    job = queue.rq_queue().fetch_job(first.job_id)
    queue.rq_queue().remove(first.job_id)
    job.set_status("deferred")
    queue.rq_queue().deferred_job_registry.add(job, ttl=100)


def has_failed(workflow_id):
    """The job of the first step is among the failed ones, as after a worker was lost."""
    first = steps.of_workflow(workflow_id)[0]
    job = queue.rq_queue().fetch_job(first.job_id)
    queue.rq_queue().remove(first.job_id)
    job.set_status("failed")
    queue.rq_queue().failed_job_registry.add(job, ttl=100)


def is_worked_on(workflow_id):
    """A worker that is not there has the first job."""
    first = steps.of_workflow(workflow_id)[0]
    steps.claim(first.id, 1, "somebody")
    job = queue.rq_queue().fetch_job(first.job_id)
    queue.rq_queue().remove(first.job_id)
    job.set_status("started")
    queue.connection().hset(job.key, "worker_name", "somebody")


def retry(workflow_id):
    steps.cancel(workflow_id)
    verbs.retry(workflow_id)


def hand_over_again(workflow_id):
    for step in steps.of_workflow(workflow_id):
        handover.hand_over_again(step)


def reconciled(workflow_id):
    reconciler = reconcile.Reconciler()
    reconciler._waiting.seconds = lambda looks: dict.fromkeys(looks, 100.0)
    reconciler._heartbeats.seconds = lambda looks: dict.fromkeys(looks, 100.0)
    assert not reconciler.round()["errors"]


def start_another(_workflow_id):
    workflow_id = cast.play(number=2)
    chain.run_workflow(workflow_id)
    steps.cancel(workflow_id)


ACTS = {
    "start": start_another,
    "run": run_workflow,
    "retry": retry,
    "cancel": verbs.cancel,
    "stop": lambda workflow_id: queue_verbs.stop_workflow_of(steps.of_workflow(workflow_id)[0].id),
    "pause and resume": lambda _: (queue_verbs.pause(), queue_verbs.resume()),
    "hand over again": hand_over_again,
    "drop": lambda workflow_id: queue.drop_jobs(step.job_id for step in steps.of_workflow(workflow_id)),
    "reconcile": reconciled,
    "look": lambda _: queue_view.snapshot(),
}


@pytest.mark.parametrize(
    ("act", "state"),
    [
        *((act, state) for act in ("retry", "drop", "reconcile") for state in (waits, is_deferred, has_failed)),
        *((act, is_worked_on) for act in ACTS),
    ],
)
def test_a_job_that_vanishes_between_two_looks_reaches_no_caller(valkey, server, act, state):
    """The records of a workflow's jobs are deleted before the first, second, ... command of a call: no call raises,
    and what is still to be done can be handed over afterwards."""
    for at in count():
        valkey.flushall()
        workflow_id = cast.play(number=2)
        chain.run_workflow(workflow_id)
        state(workflow_id)
        with pytest.MonkeyPatch.context() as patch:
            vanishing = Vanishing(patch, at, [step.job_id for step in steps.of_workflow(workflow_id)], server)
            ACTS[act](workflow_id)
        handover.hand_over(workflow_id)
        steps.cancel(workflow_id)
        if not vanishing.happened:
            return


def test_a_chain_is_in_the_queue_whole_or_not_at_all(valkey, monkeypatch):
    """The queue goes away in the middle of handing over: not one of the jobs is in it, and the next try puts in all."""
    workflow_id = cast.play(number=2)
    last, usual = steps.of_workflow(workflow_id)[-1], Pipeline.hset

    def hset(pipe, key, *args, **options):
        if key == Job.key_for(last.job_id):
            raise ConnectionError
        return usual(pipe, key, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "hset", hset)
        with pytest.raises(queue.QueueDownError):
            handover.hand_over(workflow_id)
    assert valkey.keys() == []
    handover.hand_over(workflow_id)
    jobs = [step.job_id for step in steps.of_workflow(workflow_id)]
    assert queue.queued_job_ids() == jobs[:1] and sorted(queue.deferred_job_ids()) == jobs[1:]


def test_a_queue_that_is_away_is_told_once(valkey, monkeypatch, caplog):
    """Open pages look at it every two seconds: the log says once that it is away, and again when that happens again."""
    usual = Pipeline.execute

    def away(_pipe, *_args, **_options):
        raise ConnectionError

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(Pipeline, "execute", away)
            assert not any(queue_view.snapshot().reachable for _ in range(3))
        monkeypatch.setattr(Pipeline, "execute", usual)
        assert queue_view.snapshot().reachable
    told = [each.message for each in caplog.records if each.name == "jobs.engine.queue"]
    assert told == ["The queue does not answer (ConnectionError); work goes on once it does."] * 2


def test_many_who_hand_over_at_once_queue_each_job_once(valkey):
    """As the page, the reconciler and a command may do; who meets changes all the time says that the queue is down."""
    ids = [cast.play(number=each) for each in range(5)]

    def hand_over(number):
        with contextlib.suppress(queue.QueueDownError):
            handover.hand_over(ids[number % len(ids)])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(hand_over, range(80)))
    assert sorted(queue.queued_job_ids()) == sorted(steps.of_workflow(each)[0].job_id for each in ids)


def test_handing_over_asks_the_queue_a_few_times(valkey, monkeypatch, server):
    """Three times for a whole chain: RQ's own way would take more than twenty."""
    workflow_id = cast.play(number=2)
    counting = Vanishing(monkeypatch, -1, [], server)
    handover.hand_over(workflow_id)
    assert counting.sent == 3


@pytest.mark.parametrize("error", queue.CHANGED)
def test_every_error_of_the_queue_becomes_one(valkey, monkeypatch, error):
    """Whatever RQ raises while a job is made, however often: QueueDownError; and a retry is accepted all the same."""

    def raises(*_args, **_options):
        raise error("no such thing")

    monkeypatch.setattr(Queue, "create_job", raises)
    workflow_id = cast.play(number=2)
    with pytest.raises(queue.QueueDownError):
        chain.run_workflow(workflow_id)
    steps.cancel(workflow_id)
    assert verbs.retry(workflow_id).status == Status.pending


def test_a_damaged_record_reaches_no_caller(valkey):
    """A record that no RQ can read is removed like any other, and the step is handed over again."""
    workflow_id = cast.play(number=2)
    chain.run_workflow(workflow_id)
    for step in steps.of_workflow(workflow_id):
        valkey.hset(Job.key_for(step.job_id), mapping={"data": b"\x80", "created_at": "yesterday", "timeout": "long"})
    retry(workflow_id)
    hand_over_again(workflow_id)
    assert sorted(queue.queued_job_ids()) == [step.job_id for step in steps.of_workflow(workflow_id)]


def test_what_is_dropped_leaves_nothing(valkey):
    """A dropped job is gone from the list, the registries and the jobs it waited for, whatever became of it."""
    empty = sorted(valkey.keys())
    for state in (waits, is_deferred, has_failed):
        workflow_id = cast.play(number=2)
        chain.run_workflow(workflow_id)
        state(workflow_id)
        queue.drop_jobs(step.job_id for step in steps.of_workflow(workflow_id))
        steps.cancel(workflow_id)
        assert sorted(set(valkey.keys()) - {b"rq:queues"}) == empty


# Jobs of an older release


def queued_by_an_older_release(workflow_id):
    """What 0.1 wrote into the queue: ids such as wf42-train-a1, and a function that has moved since."""
    old = Queue(queue.QUEUE, connection=queue.connection(), serializer=JSONSerializer)
    above = None
    for step in steps.of_workflow(workflow_id):
        job_id = f"wf{workflow_id}-{step.name}-a{step.attempt}"
        old.enqueue("jobs.runner.run_step", args=[step.id, step.attempt], job_id=job_id, depends_on=above)
        above = job_id


def test_jobs_of_an_older_release_are_removed(valkey):
    """The reconciler removes them once, and leaves foreign jobs alone."""
    workflow_id = cast.play(number=2)
    queued_by_an_older_release(workflow_id)
    queue.rq_queue().enqueue("os.getcwd", job_id="another-s-a1")
    assert reconcile.Reconciler().round()["dropped"] == 3
    assert queue.queued_job_ids() == ["another-s-a1"] and queue.deferred_job_ids() == []


@pytest.mark.slow
def test_a_home_upgraded_with_jobs_queued_loses_nothing(server, home, monkeypatch):
    """Three workflows queued by an older release, one of them half done: after the upgrade all complete, each step
    once."""
    from conftest import forget

    monkeypatch.setenv("TRAINYARD_REDIS_URL", server)
    monkeypatch.setenv("TRAINYARD_WORKERS", "2")
    forget()
    queue.connection().flushall()
    ids = [cast.play(number=2 + each) for each in range(3)]
    for workflow_id in ids:
        queued_by_an_older_release(workflow_id)
    begun = steps.of_workflow(ids[0])[0]
    claim = steps.claim(begun.id, 1, "a worker of the older release")
    steps.complete(claim, "f", steps.Outcome({}))
    with presence.using():
        assert [finish(workflow_id, 40) for workflow_id in ids[1:]] == [Status.completed] * 2
        assert finish(ids[0], 40).over
    assert all(step.attempt == 1 for workflow_id in ids for step in steps.of_workflow(workflow_id))
    left = [key for key in queue.connection().scan_iter() if b"wf" in key]
    assert left == []
