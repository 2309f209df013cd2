"""Outlooks: what a control would do, before anybody presses it: which steps would run, and which would be reused."""

from typing import Literal

from jobs.pipelines.params import Params
from jobs.verbs import workflows as verbs
from jobs.verbs.plans import CellPlan, check_key, plan
from store import steps, workflows
from store.errors import RequestError
from store.messages import Message
from store.tables import Status
from store.workflows import Workflow

Control = Literal["restart", "rerun", "retry", "compose"]
CONTROLS: tuple[Control, ...] = ("restart", "rerun", "retry", "compose")


def of(
    control: Control,
    workflow_id: int,
    params: Params | None = None,
    step: str | None = None,
    config_from: int | None = None,
) -> list[CellPlan]:
    """What a control would do to each step, with changed params where it takes some."""
    old = workflows.get(workflow_id)
    if control == "restart":
        draft = verbs.restarted(old, params or {})
        return plan(draft.pipeline, draft.params, draft.inputs, options=old.options, fresh=True)
    if control == "compose":
        return verbs.compose_preview(workflow_id, workflow_id if config_from is None else config_from, params)[1]
    if control == "retry":
        if params:
            raise RequestError(Message("retry_with_params"), "params")
        return _of_retry(old, step)
    if step is None:
        raise RequestError(Message("rerun_without_step"), "step")
    return _of_rerun(old, step, params or {})


def _of_rerun(old: Workflow, step: str, params: Params) -> list[CellPlan]:
    if any(row.source for row in steps.brief([old.id])[old.id]):
        changed = {**old.params, **params}
        return plan(old.pipeline, changed, verbs.inputs_of(old), options=old.options, again_from=step)
    draft = verbs.changed(old.id, step, params)
    return plan(draft.pipeline, draft.params, draft.inputs)


def _of_retry(old: Workflow, step: str | None) -> list[CellPlan]:
    """Of a retry in place: completed steps stay as they are, and so do those that are left alone."""
    rows = steps.brief([old.id])[old.id]
    if step is not None:
        check_key(step, [row.key for row in rows])
    again = steps.revived(old.id, step)
    stays = [row for row in rows if row.id not in again and row.status is not Status.completed]
    left_out = {row.id for row in stays}
    return [
        CellPlan(row.name, row.key, row.params, old.id if row.id not in again else None)
        for row in rows
        if row.id not in left_out
    ]
