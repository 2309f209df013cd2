"""Workflow -> RQ dependent-job chain. Rows come first; the chain can be handed over again at any time."""

import logging
from dataclasses import replace

from redis.exceptions import RedisError
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from jobs import pipelines, queues
from jobs.queues import KEEP_SECONDS, RUN_STEP, QueueDown, SafeJob
from store import steps as step_store
from store import workflows
from store.steps import Step
from store.tables import Status

log = logging.getLogger(__name__)


def run_workflow(workflow_id: int) -> Job:
    """Bring a workflow to its end, and return the job of its last step.

    A new workflow is handed to the queue, a failed or cancelled one goes on where it stopped, a running or
    completed one is left alone.
    """
    workflow = workflows.get(workflow_id)
    if workflow.status.over and workflow.status is not Status.completed:
        step_store.revive(workflow_id)
    hand_over(workflow_id)
    last = step_store.of_workflow(workflow_id)[-1]
    return SafeJob(last.job_id, connection=queues.connection(), serializer=JSONSerializer)


def hand_over(workflow_id: int) -> None:
    """Give every step that still has to run to the queue, each after those it needs."""
    steps = step_store.of_workflow(workflow_id)
    definitions = pipelines.get(workflows.get(workflow_id).pipeline)
    by_name = {step.name: step for step in steps}
    try:
        for step in steps:
            if step.status is Status.pending:
                above = [by_name[need] for need in definitions.step(step.name).needs]
                _enqueue(step, [need.job_id for need in above if not need.status.over],
                         definitions.step(step.name).timeout)
    except RedisError as error:
        log.warning("handing over workflow %s: %s", workflow_id, type(error).__name__)
        raise QueueDown from None


def hand_over_again(step: Step, timeout: int) -> bool:
    """Put a ready step into the queue unless it is on its way already; True when something had to be done."""
    if _on_its_way(step.job_id):
        return False
    queues.drop_job(step.job_id)
    try:
        _queue_job(step, [], timeout, unique=True)
    except DuplicateJobError:
        return False
    return True


def _enqueue(step: Step, depends_on: list[str], timeout: int) -> None:
    if _is_job(step.job_id):
        return
    _queue_job(step, depends_on, timeout, unique=not depends_on)


def _queue_job(step: Step, depends_on: list[str], timeout: int, unique: bool) -> None:
    if step.attempt > 1:  # what became of the attempt before is in the database; here it would look like trouble
        queues.drop_job(replace(step, attempt=step.attempt - 1).job_id)
    queues.queue().enqueue(
        RUN_STEP, args=[step.id, step.attempt], job_id=step.job_id, depends_on=depends_on or None,
        job_timeout=timeout, result_ttl=KEEP_SECONDS, failure_ttl=KEEP_SECONDS, unique=unique,
        description=f"{step.name} · workflow {step.workflow_id}",
    )


def _is_job(job_id: str) -> bool:
    return bool(Job.exists(job_id, connection=queues.connection()))


def _on_its_way(job_id: str) -> bool:
    """Whether the queue will run this job by itself: it is in the list, just taken from it, or running."""
    try:
        job = SafeJob.fetch(job_id, connection=queues.connection(), serializer=JSONSerializer)
    except NoSuchJobError:
        return False
    status = job.get_status(refresh=False)
    if status is JobStatus.STARTED:
        return job.last_heartbeat is not None and queues.age(job.last_heartbeat) < queues.SILENT_SECONDS
    if status is not JobStatus.QUEUED:
        return False
    if queues.queue().get_job_position(job_id) is not None:
        return True
    just_taken = queues.connection().lrange(queues.queue().intermediate_queue_key, 0, -1)
    return job_id.encode() in just_taken and job.enqueued_at is not None and queues.age(job.enqueued_at) < 70
