"""Workflows of the cast that really run, and what can be seen of them."""

from helpers import cast
from helpers.waiting import until
from jobs import chain
from store import files, metrics, steps, workflows
from store.tables import Status

RERUN_SECONDS = 15


def run(name="play", **params):
    """A workflow that is worked on, whether an equal one was done before or not."""
    workflow_id = cast.play(name, fresh=True, **params)
    chain.run_workflow(workflow_id)
    return workflow_id


def finish(workflow_id, seconds=20.0):
    until(lambda: workflows.get(workflow_id).status.over, seconds)
    return workflows.get(workflow_id).status


def running_step(workflow_id, name="count", epoch=3):
    """The named step, once it runs and has got somewhere."""

    def there():
        step = next(step for step in steps.of_workflow(workflow_id) if step.name == name)
        points = metrics.curves(step.id).get("count", [])
        return step if step.status == Status.running and len(points) >= epoch else None

    return until(there)


def curve(workflow_id):
    return [point.epoch for point in metrics.curves(steps.of_workflow(workflow_id)[1].id)["count"]]


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
