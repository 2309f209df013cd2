"""Workflow -> RQ dependent-job chain. Rows come first; the chain can be handed over again at any time."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.engine import queue
from jobs.pipelines import registry
from jobs.verbs.permission import deed
from store import steps as step_store
from store import workflows
from store.errors import NotFound
from store.steps import Step
from store.tables import Status
from store.workflows import Workflow

if TYPE_CHECKING:
    from rq.job import Job

log = logging.getLogger(__name__)


@deed("run", "workflow")
def run_workflow(workflow_id: int) -> "Job":
    """Bring a workflow to its end, and return the job of its last step.

    A new workflow is handed to the queue, a failed or cancelled one goes on where it stopped, a running or
    completed one is left alone.
    """
    workflow = workflows.get(workflow_id)
    if workflow.status.over and workflow.status is not Status.completed:
        step_store.revive(workflow_id)
    last = _hand_over(workflow)[-1]
    return queue.job(last.job_id)


def hand_over(workflow_id: int) -> None:
    """Give every step that still has to run to the queue, each after those it needs."""
    _hand_over(workflows.get(workflow_id))


def _hand_over(workflow: Workflow) -> list[Step]:
    steps = {step.id: step for step in step_store.of_workflow(workflow.id)}
    needs = step_store.needs_of(workflow.id)
    pending = [step for step in steps.values() if step.status is Status.pending]
    known = queue.known([step.job_id for step in pending])
    for step in pending:
        if step.job_id not in known:
            above = [steps[need] for need in needs[step.id]]
            depends_on = [need.job_id for need in above if not need.status.over]
            _queue_job(step, depends_on, _timeout(workflow.pipeline, step.name))
    return list(steps.values())


def hand_over_again(step: Step) -> bool:
    """Put a step into the queue, whatever became of it there before; False when somebody else did so just now."""
    queue.drop_job(step.job_id)
    timeout = _timeout(workflows.get(step.workflow_id).pipeline, step.name)
    # One that was interrupted has waited its turn before.
    return _queue_job(step, [], timeout, at_front=step.attempt > 1)


def _queue_job(step: Step, depends_on: list[str], timeout: int, at_front: bool = False) -> bool:
    if step.attempt > 1:  # what became of the attempt before is in the database; here it would look like trouble
        queue.drop_job(replace(step, attempt=step.attempt - 1).job_id)
    return queue.enqueue(step, depends_on, timeout, at_front=at_front)


def _timeout(pipeline: str, step: str) -> int:
    """How long a step may take. One whose code is gone is handed over all the same: the runner says what is wrong."""
    try:
        return registry.get(pipeline).step(step).timeout
    except NotFound:
        return registry.TIMEOUT_SECONDS
