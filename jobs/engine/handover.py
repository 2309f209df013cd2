"""Workflow -> RQ dependent-job chain. Rows come first; the chain can be handed over again at any time."""

import logging
from dataclasses import replace

from jobs.engine import lanes, queue
from store import steps as step_store
from store.steps import Step
from store.tables import Status

log = logging.getLogger(__name__)


def hand_over(workflow_id: int) -> list[Step]:
    """Give every step that still has to run to the queue, each after those it needs; returns all steps. A workflow that
    is held back waits in the database."""
    steps = {step.id: step for step in step_store.brief([workflow_id])[workflow_id]}
    needs = step_store.needs_of(workflow_id)
    pending = [step for step in steps.values() if step.status is Status.pending]
    if any(step.ready_at is None and not needs[step.id] for step in pending):
        return list(steps.values())  # held until another workflow has done what both need
    lane = lanes.lane_of(workflow_id)
    known = queue.known([step.job_id for step in pending])
    for step in pending:
        if step.job_id not in known:
            above = [steps[need] for need in needs[step.id]]
            depends_on = [need.job_id for need in above if not need.status.over]
            _queue_job(step, lane, depends_on)
    return list(steps.values())


def hand_over_again(step: Step) -> bool:
    """Put a step into the queue anew, whatever its old job is; return False when another process just did."""
    queue.drop_job(step.job_id)
    # One that was interrupted has waited its turn before.
    return _queue_job(step, lanes.lane_of(step.workflow_id), [], at_front=step.attempt > 1)


def _queue_job(step: Step, lane: str, depends_on: list[str], at_front: bool = False) -> bool:
    if step.attempt > 1:  # what became of the attempt before is in the database; here it would look like trouble
        queue.drop_job(replace(step, attempt=step.attempt - 1).job_id)
    return queue.enqueue(step, lane, depends_on, step.timeout, at_front=at_front)
