"""Workflow -> RQ dependent-job chain. Rows come first; the chain can be handed over again at any time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from redis.client import Pipeline
from rq import Queue
from rq.job import Job, JobStatus
from rq.utils import now

from jobs.engine import lanes, queue
from store import steps as step_store
from store.steps import Step
from store.tables import Status, StepRole


def hand_over(workflow_id: int) -> list[Step]:
    """Give every step that still has to run to the queue, each after those it needs; returns all steps. A workflow that
    is held back waits in the database."""
    steps = {step.id: step for step in step_store.brief([workflow_id])[workflow_id]}
    needs = step_store.needs_of(workflow_id)
    pending = [step for step in steps.values() if step.status is Status.pending]
    if any(step.ready_at is None and not needs[step.id] for step in pending):
        return list(steps.values())  # held until another workflow has done what both need
    pending = _not_late(pending, needs)
    _drop_attempts_before(pending)
    above = {step.id: [steps[need] for need in needs[step.id]] for step in pending}
    waiting_for = [(step, [each.job_id for each in above[step.id] if not each.status.over]) for step in pending]
    _enqueue(waiting_for, lanes.lane_of(workflow_id))
    return list(steps.values())


def hand_over_late(ready: Iterable[Step]) -> None:
    """Give steps to the queue that could not be given to it before they were ready, and what comes after them."""
    for step in ready:
        if step.role == StepRole.driver:
            _drop_attempts_before([step])
            _enqueue([(step, [])], lanes.lane_of(step.workflow_id), at_front=True)
        else:
            hand_over(step.workflow_id)


def _not_late(pending: Sequence[Step], needs: Mapping[int, Sequence[int]]) -> list[Step]:
    """Those that the queue can have now: late ones that are not ready, and what comes after them, it cannot."""
    kept_back: set[int] = set()
    given = []
    for step in pending:  # each comes after those it needs, except a driver
        if (step.late and step.ready_at is None) or not kept_back.isdisjoint(needs[step.id]):
            kept_back.add(step.id)
        else:
            given.append(step)
    return given


def hand_over_again(step: Step) -> bool:
    """Put a step into the queue anew, whatever its old job is; return False when another process just did."""
    queue.drop_job(step.job_id)
    _drop_attempts_before([step])
    # One that was interrupted has waited its turn before.
    return bool(_enqueue([(step, [])], lanes.lane_of(step.workflow_id), at_front=step.attempt > 1))


def hand_over_held(step: Step) -> bool:
    """Put a step into the queue anew, with all that waits for it: these were dropped or let through when the job before
    ended without doing the step."""
    if not hand_over_again(step):
        return False
    below = [each for each in step_store.brief([step.workflow_id])[step.workflow_id] if each.position > step.position]
    queue.drop_jobs(each.job_id for each in below if not each.status.over and each.ready_at is None)
    hand_over(step.workflow_id)
    return True


def _drop_attempts_before(pending: Iterable[Step]) -> None:
    """What became of an attempt before is in the database; in the queue it would look like trouble."""
    before = [replace(step, attempt=step.attempt - 1).job_id for step in pending if step.attempt > 1]
    if before:
        queue.drop_jobs(before)


@queue.gateway
def _enqueue(waiting_for: Sequence[tuple[Step, Sequence[str]]], lane: str, *, at_front: bool = False) -> int:
    """Put steps into a lane, each behind the jobs that it waits for, all of them at once; returns how many were not in
    the queue already. RQ would ask twenty times for three steps, and a queue that goes down meanwhile would have some.
    """
    if not waiting_for:
        return 0
    target, asked = queue.rq_queue(lane), list({each for step, above in waiting_for for each in (step.job_id, *above)})
    with queue.connection().pipeline() as pipe:
        # What is read now has to be so until all is written.
        pipe.watch(*map(Job.key_for, asked))  # type: ignore[no-untyped-call]
        statuses = queue.statuses(asked)
        new = {step.job_id: (step, above) for step, above in waiting_for if step.job_id not in statuses}
        open_ = {each for each, status in statuses.items() if status != JobStatus.FINISHED} | set(new)
        pipe.multi()
        for step, above in new.values():
            _put(pipe, target, step, [] if open_.isdisjoint(above) else above, at_front)
        pipe.execute()
    return len(new)


def _put(pipe: Pipeline, target: Queue, step: Step, above: Sequence[str], at_front: bool) -> None:
    """Write one job, which waits in the lane or, where there are jobs above, for these."""
    job = target.create_job(
        queue.RUN_STEP,
        args=[step.id, step.attempt, step.turn] if step.turn else [step.id, step.attempt],
        job_id=step.job_id,
        depends_on=list(above) or None,
        status=JobStatus.DEFERRED if above else JobStatus.QUEUED,
        timeout=step.timeout,
        result_ttl=queue.KEEP_SECONDS,
        failure_ttl=queue.KEEP_SECONDS,
        description=f"{step.name} · workflow {step.workflow_id}",
    )
    if above:
        job.register_dependency(pipe)
    else:
        job.enqueued_at = now()
        target.push_job_id(job.id, pipe, at_front)
    job.save(pipe)
    pipe.sadd(target.redis_queues_keys, target.key)
