"""The queue over HTTP."""

from starlette.responses import Response

from api.errors import Answer
from api.wall import roles
from api.wall.roles import needs
from jobs.engine import queue_view
from jobs.verbs import queues, schemas
from jobs.verbs.documents import QueuesOut
from store.actors import Role

router = roles.router("Queues", "/queues")


@router.get("", response_model=QueuesOut, summary="Queues and workers")
@needs(Role.viewer)
def snapshot() -> Response:
    """What waits, what runs and who works. When the queue cannot be reached, `reachable` is false and the saved
    numbers are still right."""
    return Answer(schemas.queues(queue_view.snapshot(memory=True)))


@router.post("/{name}/pause", response_model=QueuesOut, summary="Pause a queue")
@needs(Role.analyst)
def pause(name: str) -> Response:
    """No new steps start; running steps finish."""
    queues.pause(name)
    return snapshot()


@router.post("/{name}/resume", response_model=QueuesOut, summary="Resume a queue")
@needs(Role.analyst)
def resume(name: str) -> Response:
    """Steps start again."""
    queues.resume(name)
    return snapshot()
