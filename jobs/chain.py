"""The contract: `from jobs.chain import run_workflow`."""

from typing import TYPE_CHECKING

from jobs.engine import handover, queue
from jobs.verbs.permission import deed
from store import actors, steps, workflows
from store.tables import Status

if TYPE_CHECKING:
    from rq.job import Job


def run_workflow(workflow_id: int) -> "Job":
    """Bring a workflow to its end, and return the job of its last step.

    A new workflow is handed to the queue, a failed or cancelled one continues where it stopped, a running or
    completed one is left alone. In a script of one's own, the account that runs the script acts.
    """
    with actors.acting(actors.caller()):
        return run(workflow_id)


@deed("run", "workflow")
def run(workflow_id: int) -> "Job":
    """Run a workflow to its end, as the current actor."""
    status = workflows.status_of(workflow_id)
    if status.over and status is not Status.completed:
        steps.revive(workflow_id)
    return queue.job(handover.hand_over(workflow_id)[-1].job_id)
