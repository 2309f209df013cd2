"""Commands on the queue: pause, resume, worker, status."""

import logging
from typing import Annotated

import typer

from jobs.cli.output import DONE, Json
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open
from jobs.cli.output import print_json as _print_json
from store.errors import RequestError
from store.messages import Message


def pause(as_json: Json = False) -> int:
    """Start no new steps; running steps finish."""
    _open()
    from jobs.engine import queue
    from jobs.verbs import queues

    queues.pause(queue.QUEUE)
    return _answer(f"The queue {queue.QUEUE} is paused.", {"paused": True}, as_json)


def resume(as_json: Json = False) -> int:
    """Start steps again after a pause."""
    _open()
    from jobs.engine import queue
    from jobs.verbs import queues

    queues.resume(queue.QUEUE)
    return _answer(f"The queue {queue.QUEUE} is resumed.", {"paused": False}, as_json)


def worker(
    count: Annotated[int | None, typer.Option(min=1, max=1000, help="How many; by default one per core.")] = None,
) -> int:
    """Run workers until stopped, for the queue at TRAINYARD_REDIS_URL or for the app of this home."""
    _open()
    from jobs.engine import queue_view
    from jobs.services import supervisor
    from store.settings import settings

    if not queue_view.snapshot().reachable:
        raise RequestError(Message("no_queue_to_work_for"))
    logging.basicConfig(level=logging.INFO, force=True, format="%(asctime)s %(levelname)s %(message)s")
    supervisor.work(count or settings().workers or 1)
    return DONE


def status(as_json: Json = False) -> int:
    """Show the queue, the workers, and how many workflows there are."""
    from jobs.cli import listings

    _open()
    from jobs.engine import queue_view
    from jobs.services import presence
    from jobs.verbs import schemas
    from store import workflows

    seen, counts = queue_view.snapshot(memory=True), workflows.count_by_status()
    if as_json:
        more = {"services": presence.supervisor_runs(), "workflows": counts}
        return _print_json(schemas.queues(seen) | more)

    listings.status(seen, counts, presence.supervisor_runs())
    return DONE
