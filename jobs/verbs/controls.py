"""Controls: what can be done with workflows that were started, short of starting others."""

from collections.abc import Sequence
from contextlib import suppress

from jobs.engine import handover, queue
from jobs.pipelines import registry
from jobs.pipelines.params import short
from jobs.verbs.permission import deed
from jobs.verbs.plans import check_key
from store import steps, tags, workflows
from store.errors import ConflictError, InvalidError, NotFoundError, RequestError
from store.messages import Message, Values
from store.tables import Status
from store.workflows import Workflow

NAME_LENGTH = 120


@deed("retry", "workflow")
def retry(workflow_id: int, step: str | None = None) -> Workflow:
    """Try failed, skipped or cancelled steps of a workflow again, in place: all of them, or one with what it needs and
    what then can run. One can be tried again while others still run."""
    workflow = workflows.get(workflow_id)
    if step is not None:
        _check_retried(workflow, step)
    elif workflow.status not in (Status.failed, Status.cancelled):
        raise ConflictError(
            Message("workflow_not_retryable", {"workflow": workflow_id, "status": str(workflow.status)})
        )
    steps.revive(workflow_id, step)
    with suppress(queue.QueueDownError):
        handover.hand_over(workflow_id)
    return workflows.get(workflow_id)


def _check_retried(workflow: Workflow, key: str) -> None:
    rows = {row.key: row for row in steps.brief([workflow.id])[workflow.id]}
    check_key(key, list(rows))
    status = rows[key].status
    if not status.over or status is Status.completed or rows[key].handled:
        told: Values = {"step": key, "workflow": workflow.id, "status": "handled" if rows[key].handled else str(status)}
        raise ConflictError(Message("step_not_retryable", told))


@deed("cancel", "workflow")
def cancel(workflow_id: int) -> Workflow:
    """Stop a workflow: what has not ended is cancelled at once, and its processes are ended."""
    workflow = workflows.get(workflow_id)
    if workflow.status.over:
        raise ConflictError(Message("workflow_over", {"workflow": workflow_id, "status": str(workflow.status)}))
    cancelled = steps.cancel(workflow_id)
    for step in cancelled:
        queue.stop_job(step)
    return workflows.get(workflow_id)


@deed("cancel", "workflow")
def cancel_all(workflow_ids: Sequence[int]) -> list[int]:
    """Stop workflows, but those that have ended already; returns which were stopped."""
    known = [workflows.get(workflow_id) for workflow_id in workflow_ids]
    cancelled = []
    for workflow in known:
        with suppress(ConflictError):  # it may end at this moment
            cancelled.append(cancel(workflow.id).id)
    return cancelled


@deed("stop early", "workflow")
def stop_early(workflow_id: int) -> Workflow:
    """Let the running step end with what it has so far, and the steps below it go on with that."""
    workflow = workflows.get(workflow_id)
    keys = [step.key for step in registry.get(workflow.pipeline).steps if step.stops_early]
    if not steps.stop_early(workflow_id, keys):
        raise ConflictError(Message("nothing_to_stop_early", {"workflow": workflow_id}))
    return workflows.get(workflow_id)


@deed("delete", "workflow")
def remove(workflow_ids: list[int]) -> int:
    """Delete workflows and what only they need; returns how many there were."""
    return workflows.remove(workflow_ids)


@deed("describe", "workflow")
def describe(workflow_id: int, name: str | None = None, note: str | None = None) -> Workflow:
    """Change a workflow's name or note."""
    if name is not None and not name.strip():
        raise RequestError(Message("workflow_unnamed"), "name")
    workflows.describe(workflow_id, name.strip()[:NAME_LENGTH] if name is not None else None, note)
    return workflows.get(workflow_id)


@deed("tag", "workflow")
def tag(workflow_ids: Sequence[int], add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[Workflow]:
    """Mark workflows with tags, and take others away."""
    new, gone = checked_tags(add), checked_tags(remove)
    before = workflows.get_many(workflow_ids)
    if missing := set(workflow_ids) - {each.id for each in before}:
        raise NotFoundError(Message("no_such_workflow", {"workflow": min(missing)}), "workflow_id")
    for each in before:
        if len({*each.tags, *new} - set(gone)) > tags.MOST:
            raise InvalidError(Message("too_many_tags", {"workflow": each.id, "most": tags.MOST}), "tags")
    tags.change(workflow_ids, new, gone)
    return workflows.get_many(workflow_ids)


def checked_tags(given: Sequence[str]) -> list[str]:
    """Tags as they are kept."""
    checked = [" ".join(str(each).split()) for each in given]
    for each in checked:
        if not each or len(each) > tags.LONGEST or "," in each:
            raise InvalidError(Message("tag_malformed", {"given": short(each), "most": tags.LONGEST}), "tags")
    return checked
