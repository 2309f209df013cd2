"""The verbs: what a button, a command and a request can do to workflows, whatever pipeline they are of."""

from contextlib import suppress

from jobs.engine import handover, queue
from jobs.pipelines import registry
from jobs.pipelines.definition import Options
from jobs.pipelines.params import Params
from jobs.pipelines.preparation import prepare
from jobs.pipelines.warnings import WorkflowWarning
from jobs.verbs import rows, shares
from jobs.verbs.controls import NAME_LENGTH as NAME_LENGTH
from jobs.verbs.controls import cancel as cancel
from jobs.verbs.controls import cancel_all as cancel_all
from jobs.verbs.controls import describe as describe
from jobs.verbs.controls import remove as remove
from jobs.verbs.controls import retry as retry
from jobs.verbs.controls import stop_early as stop_early
from jobs.verbs.controls import tag as tag
from jobs.verbs.drafts import Draft as Draft
from jobs.verbs.drafts import changed as changed
from jobs.verbs.drafts import composed as composed
from jobs.verbs.drafts import inputs_of as inputs_of
from jobs.verbs.drafts import missing_inputs as missing_inputs
from jobs.verbs.drafts import on_dataset as on_dataset
from jobs.verbs.drafts import propose as propose
from jobs.verbs.drafts import restarted as restarted
from jobs.verbs.drafts import usual as usual
from jobs.verbs.permission import deed
from jobs.verbs.plans import CellPlan as CellPlan
from jobs.verbs.plans import Inputs as Inputs
from jobs.verbs.plans import check_key, given_datasets, prepared_for, run_again
from jobs.verbs.plans import plan as plan
from store import actors, steps, workflows
from store.actors import Role
from store.codes import Place
from store.errors import RequestError
from store.tables import Priority
from store.workflows import New, Workflow


@deed("start", "workflow")
def start(
    pipeline: str,
    params: Params | None = None,
    inputs: Inputs | None = None,
    name: str | None = None,
    request: str | None = None,
    *,
    priority: Priority = Priority.person,
    origin: str = "new",
    parent_id: int | None = None,
    config_from: int | None = None,
    fresh: bool = False,
    trial: tuple[int, int] | None = None,
    options: Options | None = None,
    place: Place | None = None,
    again_from: str | None = None,
) -> Workflow:
    """Write a workflow with all its steps, then hand it to the queue. The same request twice starts it once.

    `inputs` are ids of datasets by the name of the input; `fresh` runs steps again that are repeated on a restart;
    `trial` is a sweep and which of its trials this is; `options` are those of a run beside its params, as a run's
    configuration file has them; `place` is where its code is, which else is the newest that is known; the
    step `again_from` and those below it run again."""
    workflow_id = _write(
        pipeline,
        params,
        inputs,
        name,
        request,
        priority=priority,
        origin=origin,
        parent_id=parent_id,
        config_from=config_from,
        fresh=fresh,
        trial=trial,
        options=options,
        place=place,
        again_from=again_from,
    )
    with suppress(queue.QueueDownError):  # the rows are safe; the reconciler hands over when the queue is back
        handover.hand_over(workflow_id)
    return workflows.get(workflow_id)


def _write(
    pipeline: str,
    params: Params | None = None,
    inputs: Inputs | None = None,
    name: str | None = None,
    request: str | None = None,
    *,
    priority: Priority = Priority.person,
    origin: str = "new",
    parent_id: int | None = None,
    config_from: int | None = None,
    fresh: bool = False,
    trial: tuple[int, int] | None = None,
    options: Options | None = None,
    place: Place | None = None,
    again_from: str | None = None,
) -> int:
    """Write a workflow with all its steps, pending; returns its id. What is ready is handed over by the reconciler."""
    known = registry.get_in(place, pipeline)
    prepared = prepared_for(known, params or {}, inputs or {}, options)
    new = New(
        name=((name or "").strip() or prepared.title)[:NAME_LENGTH],
        pipeline=pipeline,
        params=prepared.params,
        inputs=known.in_order(inputs or {}),
        facets=prepared.facets or {},
        origin=origin,
        parent_id=parent_id,
        config_from=config_from,
        priority=priority,
        sweep_id=trial[0] if trial else None,
        trial=trial[1] if trial else None,
        options=rows.options_of(options or {}, again_from if rows.drives(prepared) else None),
        place=place or registry.place_of(pipeline),
        tags=prepared.tags,
    )
    shares.check_waiting()
    queue.connection()  # a setting that leads to no queue is refused before anything is written
    again = run_again(prepared.steps, None if rows.drives(prepared) else again_from, repeating=fresh)
    return workflows.insert_new(new, [rows.row(step, prepared.tags) for step in again], request)


@deed("restart", "as workflow")
def restart(workflow_id: int, params: Params | None = None) -> Workflow:
    """The same inputs and params, but for those that are changed, in a new workflow; steps that repeat on restart run
    again, others are reused."""
    old = workflows.get(workflow_id)
    draft = restarted(old, params or {})
    return start(
        draft.pipeline,
        draft.params,
        draft.inputs,
        _given_name(old) if params else old.name,
        origin="restart",
        parent_id=old.id,
        fresh=True,
        options=old.options,
    )


@deed("compose", "workflow")
def compose(data_from: int, config_from: int, name: str | None = None, params: Params | None = None) -> Workflow:
    """The inputs of one workflow with the configuration of another, in which `params` are changed."""
    draft, _ = compose_preview(data_from, config_from, params)
    return start(
        draft.pipeline,
        draft.params,
        draft.inputs,
        name,
        origin="compose",
        parent_id=data_from,
        config_from=config_from,
    )


def compose_preview(data_from: int, config_from: int, params: Params | None = None) -> tuple[Draft, list[CellPlan]]:
    """What compose would start, and which cells would be reused."""
    draft = composed(workflows.get(data_from), workflows.get(config_from), params)
    return draft, plan(draft.pipeline, draft.params, draft.inputs)


@deed("run again", "as workflow")
def rerun_from(workflow_id: int, step: str, params: Params) -> Workflow:
    """A new workflow with changed params in one cell; everything above it is reused. Of a pipeline that is a function,
    any of its params may change, and the step runs again with all below it in any case."""
    old = workflows.get(workflow_id)
    own = steps.brief([workflow_id])[workflow_id]
    if any(row.source for row in own):
        check_key(step, [row.key for row in own])
        return start(
            old.pipeline,
            {**old.params, **params},
            inputs_of(old),
            _given_name(old),
            origin="rerun",
            parent_id=old.id,
            options=old.options,
            again_from=step,
        )
    draft = changed(workflow_id, step, params)
    return start(draft.pipeline, draft.params, draft.inputs, _given_name(old), origin="rerun", parent_id=old.id)


@deed("repeat", "workflow")
def repeat(workflow_id: int, dataset_id: int, name: str | None = None) -> Workflow:
    """The settings of a workflow on another dataset, such as a new version of its own."""
    draft, old = on_dataset(workflow_id, dataset_id), workflows.get(workflow_id)
    called = name or _given_name(old)
    return start(draft.pipeline, draft.params, draft.inputs, called, origin="repeat", parent_id=old.id)


def _given_name(workflow: Workflow) -> str | None:
    """The name that a person gave a workflow; None for the one that follows from its params."""
    try:
        proposed = prepared_for(registry.get(workflow.pipeline), workflow.params, inputs_of(workflow)).title
    except RequestError:  # its pipeline, or a dataset of it, is no longer what it was
        return workflow.name
    return None if workflow.name == proposed[:NAME_LENGTH] else workflow.name


def mark_seen(workflow_id: int | None = None) -> None:
    """Mark a workflow as seen, or all failed ones; viewers change nothing."""
    if actors.current().may(Role.analyst):
        workflows.mark_all_seen() if workflow_id is None else workflows.mark_seen(workflow_id)


def problems(pipeline: str, params: Params, inputs: Inputs) -> list[RequestError]:
    """Everything that keeps a workflow from being started, each with its field."""
    return list(prepare(registry.get(pipeline), params, given_datasets(inputs)).problems)


def notices(pipeline: str, params: Params, inputs: Inputs) -> list[str]:
    """What to know before a workflow is started; nothing while it cannot be started."""
    return list(prepare(registry.get(pipeline), params, given_datasets(inputs)).notices)


def foreseen(pipeline: str, params: Params, inputs: Inputs) -> list[WorkflowWarning]:
    """What to know before a workflow is started, with what helps; `notices` says the same and more in sentences."""
    known, given = registry.get(pipeline), given_datasets(inputs)
    prepared = prepare(known, params, given)
    return [] if prepared.problems else list(known.foresee(prepared.params, given))


def exists(workflow_id: int) -> None:
    """Refuse the number of no workflow."""
    workflows.status_of(workflow_id)
