"""Workflow -> RQ dependent-job chain. Rows come first; the chain can be handed over again at any time."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from redis.exceptions import RedisError
from rq.exceptions import DuplicateJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import as_text

from jobs.engine import queues
from jobs.engine.queues import KEEP_SECONDS, RUN_STEP, QueueDown, SafeJob
from jobs.pipelines import registry
from jobs.verbs.permission import deed
from store import steps as step_store
from store import workflows
from store.errors import NotFound
from store.steps import Step
from store.tables import Status
from store.workflows import Workflow

log = logging.getLogger(__name__)


@deed("run", "workflow")
def run_workflow(workflow_id: int) -> Job:
    """Bring a workflow to its end, and return the job of its last step.

    A new workflow is handed to the queue, a failed or cancelled one goes on where it stopped, a running or
    completed one is left alone.
    """
    workflow = workflows.get(workflow_id)
    if workflow.status.over and workflow.status is not Status.completed:
        step_store.revive(workflow_id)
    last = _hand_over(workflow)[-1]
    return SafeJob(last.job_id, connection=queues.connection(), serializer=JSONSerializer)


def hand_over(workflow_id: int) -> None:
    """Give every step that still has to run to the queue, each after those it needs."""
    _hand_over(workflows.get(workflow_id))


def _hand_over(workflow: Workflow) -> list[Step]:
    steps = {step.id: step for step in step_store.of_workflow(workflow.id)}
    needs = step_store.needs_of(workflow.id)
    try:
        for step in _unknown([step for step in steps.values() if step.status is Status.pending]):
            above = [steps[need] for need in needs[step.id]]
            depends_on = [need.job_id for need in above if not need.status.over]
            _queue_job(step, depends_on, _timeout(workflow.pipeline, step.name), unique=not depends_on)
    except RedisError as error:
        log.warning("handing over workflow %s: %s", workflow.id, type(error).__name__)
        raise QueueDown from None
    return list(steps.values())


def _unknown(steps: Sequence[Step]) -> list[Step]:
    """Those of the steps that the queue does not know."""
    pipe = queues.connection().pipeline(transaction=False)
    for step in steps:
        pipe.exists(Job.key_for(step.job_id))
    return [step for step, known in zip(steps, pipe.execute(), strict=True) if not known]


def hand_over_again(step: Step) -> bool:
    """Put a step into the queue, whatever became of it there before; False when somebody else did so just now."""
    queues.drop_job(step.job_id)
    try:
        # One that was interrupted has waited its turn before.
        _queue_job(
            step,
            [],
            _timeout(workflows.get(step.workflow_id).pipeline, step.name),
            unique=True,
            at_front=step.attempt > 1,
        )
    except DuplicateJobError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What the queue knows of a job that is not in its list."""

    status: str | None
    heartbeat: str | None
    taken: bool

    @property
    def with_worker(self) -> bool:
        """Whether a worker has it, and may be about to begin."""
        return self.taken or self.status == JobStatus.STARTED


def whereabouts(job_ids: Sequence[str]) -> dict[str, Whereabouts]:
    """Where these jobs are; those that wait in the queue's list are left out, as nothing is wrong with them."""
    pipe = queues.connection().pipeline()
    pipe.lrange(queues.queue().key, 0, -1)
    pipe.lrange(queues.queue().intermediate_queue_key, 0, -1)
    listed, taken = ({as_text(job_id) for job_id in found} for found in pipe.execute())
    missing = [job_id for job_id in job_ids if job_id not in listed]
    for job_id in missing:
        pipe.hmget(Job.key_for(job_id), "status", "last_heartbeat")
    told = [[as_text(value) if value else None for value in found] for found in pipe.execute()]
    return {
        job_id: Whereabouts(status, heartbeat, job_id in taken)
        for job_id, (status, heartbeat) in zip(missing, told, strict=True)
    }


def _queue_job(step: Step, depends_on: list[str], timeout: int, unique: bool, at_front: bool = False) -> None:
    if step.attempt > 1:  # what became of the attempt before is in the database; here it would look like trouble
        queues.drop_job(replace(step, attempt=step.attempt - 1).job_id)
    queues.queue().enqueue(
        RUN_STEP,
        args=[step.id, step.attempt],
        job_id=step.job_id,
        depends_on=depends_on or None,
        job_timeout=timeout,
        result_ttl=KEEP_SECONDS,
        failure_ttl=KEEP_SECONDS,
        unique=unique,
        at_front=at_front,
        description=f"{step.name} · workflow {step.workflow_id}",
    )


def _timeout(pipeline: str, step: str) -> int:
    """How long a step may take. One whose code is gone is handed over all the same: the runner says what is wrong."""
    try:
        return registry.get(pipeline).step(step).timeout
    except NotFound:
        return registry.TIMEOUT_SECONDS
