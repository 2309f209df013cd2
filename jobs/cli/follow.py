"""Seeing a workflow through: leave it to the workers there are, or work until it is over, and say how it ended."""

import contextlib
from collections.abc import Iterator
from typing import Any

from jobs.cli.output import DONE, INTERRUPTED, NOT_DONE, complain
from jobs.cli.output import print_json as _print_json
from store.errors import RequestError
from store.messages import Message
from store.program import COMMAND


def carry_out(workflow_id: int, wait: bool, as_json: bool) -> int:
    """Leave the workflow to running workers; run it to its end with `wait`, or when none run."""
    from store import workflows

    if workflows.get(workflow_id).status.over:
        return _report_end(workflow_id, as_json)
    if not wait and (no_workers_possible() or workers_run()):
        state = "waits for a worker" if no_workers_possible() else "is on its way"
        follow = f"Follow it with: {COMMAND} watch {workflow_id}"
        return show_workflow(workflow_id, as_json, f"Workflow {workflow_id} {state}. {follow}")
    return run_to_end(workflow_id, as_json)


def run_to_end(workflow_id: int, as_json: bool) -> int:
    """Follow a workflow to its end."""
    from store import workflows

    try:
        if not workflows.get(workflow_id).status.over or not as_json:
            _follow(workflow_id, draw=not as_json)
    except KeyboardInterrupt:
        return _interrupted(workflow_id, as_json)
    return _report_end(workflow_id, as_json)


def _report_end(workflow_id: int, as_json: bool) -> int:
    """Say how a workflow ended; done only when it completed."""
    from jobs.cli import listings
    from store import workflows
    from store.tables import Status

    workflow = workflows.get(workflow_id)
    if as_json:
        show_workflow(workflow_id, as_json)
    else:
        from jobs.cli import terminal

        terminal.say(listings.over(workflow))
    return DONE if workflow.status is Status.completed else NOT_DONE


def _follow(workflow_id: int, draw: bool) -> None:
    from jobs.cli import terminal, watch
    from store import workflows

    if draw and not workflows.get(workflow_id).status.over:
        terminal.say(f"Workflow {workflow_id}: {workflows.get(workflow_id).name}")
    with _services(workflow_id, draw) as keep:
        watch.watch(workflow_id, draw, keep)


def _interrupted(workflow_id: int, as_json: bool) -> int:
    goes_on = "continues" if workers_run() else "waits, and continues when the app runs"
    sentence = f"Workflow {workflow_id} {goes_on}. Follow it again with: {COMMAND} watch {workflow_id}"
    return complain(sentence, as_json, INTERRUPTED)


@contextlib.contextmanager
def _services(workflow_id: int, draw: bool) -> Iterator[Any]:
    """Have workers until the workflow ends."""
    from jobs.engine import handover
    from store import workflows

    if workflows.get(workflow_id).status.over or _remote_workers_run():
        yield lambda: None
        return
    with having_workers(draw, Message("no_worker", {"workflow": workflow_id})) as keep:
        handover.hand_over(workflow_id)
        yield keep


@contextlib.contextmanager
def having_workers(draw: bool, without: Message) -> Iterator[Any]:
    """Have workers: those that run already, or services of our own; refuse, with a message, where there can be none."""
    from jobs.cli import terminal
    from jobs.engine import queue, queue_view
    from jobs.services import presence
    from store.settings import settings

    if _remote_workers_run():
        yield lambda: None
        return
    if no_workers_possible():
        raise RequestError(without)
    if settings().redis_url and not queue_view.snapshot().reachable:
        raise queue.QueueDownError
    if draw and not presence.supervisor_runs():
        terminal.say("No app or worker is running, so this command does the work itself.")
    with presence.using() as use:
        yield use.ensure


def workers_run() -> bool:
    """Whether workers run that take what is handed over now."""
    from jobs.services import presence

    return presence.supervisor_runs() or _remote_workers_run()


def no_workers_possible() -> bool:
    """Whether starting the services would bring no worker either."""
    from store.settings import settings

    return settings().workers == 0 and not workers_run()


def _remote_workers_run() -> bool:
    """Whether workers on other machines serve our queue, so that none have to be started here."""
    from jobs.engine import queue_view
    from jobs.services import presence
    from store.settings import settings

    return bool(settings().redis_url) and not presence.supervisor_runs() and bool(queue_view.snapshot().workers)


def show_workflow(workflow_id: int, as_json: bool, sentence: str = "") -> int:
    from jobs.cli import listings

    if as_json:
        from jobs.verbs import schemas

        return _print_json(schemas.workflow(workflow_id))
    from jobs.cli import terminal

    if sentence:
        terminal.say(sentence)
    else:
        listings.workflow(workflow_id)
    return DONE
