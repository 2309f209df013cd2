"""The verbs: what a button, a command and a request can do to the queue."""

from jobs.engine.queue import QUEUE, apply_pauses
from jobs.verbs import workflows
from jobs.verbs.permission import deed
from store import pauses, steps
from store.errors import ConflictError, NotFoundError
from store.messages import Message
from store.pauses import Pause


@deed("pause", "queue")
def pause(name: str = QUEUE) -> None:
    """Start no new steps; running steps finish. Remembered across restarts."""
    _check(name)
    pauses.add(name)
    apply_pauses()


def pause_of(name: str) -> Pause | None:
    """Since when a queue is paused, and by whom; None when it is not."""
    return pauses.of(name)


@deed("resume", "queue")
def resume(name: str = QUEUE) -> None:
    """Start steps again."""
    _check(name)
    pauses.remove(name)
    apply_pauses()


@deed("stop", "step")
def stop_workflow_of(step_id: int) -> None:
    """Cancel the whole workflow of a step that has not ended."""
    step = steps.get(step_id)
    if step.status.over:
        raise ConflictError(
            Message("step_over", {"step": step.name, "workflow": step.workflow_id, "status": str(step.status)})
        )
    workflows.cancel(step.workflow_id)


@deed("retry", "step")
def retry_workflow_of(step_id: int) -> None:
    """Try what failed again, in the whole workflow of a step."""
    workflows.retry(steps.get(step_id).workflow_id)


def _check(name: str) -> None:
    if name != QUEUE:
        raise NotFoundError(Message("no_such_queue", {"given": name[:40], "queue": QUEUE}))
