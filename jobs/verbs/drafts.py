"""What a new workflow takes from others: their inputs and params, with changes; what nobody touched follows those."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jobs.pipelines import registry
from jobs.pipelines.definition import Pipeline
from jobs.pipelines.params import Params
from jobs.verbs import order
from jobs.verbs.plans import Inputs, given_datasets
from store import datasets, workflows
from store.datasets import Dataset
from store.errors import NotFoundError, RequestError
from store.messages import Message
from store.workflows import Workflow


@dataclass(frozen=True, slots=True)
class Draft:
    """A workflow that could be started."""

    pipeline: str
    params: Params
    inputs: Inputs


def composed(data: Workflow, config: Workflow, changes: Params | None = None) -> Draft:
    """The inputs of one workflow, and the params that name its columns, with the configuration of another; what nobody
    touched in that follows the inputs and the changes, as when another algorithm has other settings."""
    known = registry.get(config.pipeline).params(config.params)
    of_data = {name for name, param in known.items() if param.of_data}
    params = {name: value for name, value in config.params.items() if name not in of_data}
    params |= {name: data.params[name] for name in of_data if data.params.get(name) is not None}
    wanted = {each.name for each in registry.get(config.pipeline).inputs}
    inputs = {name: given for name, given in inputs_of(data).items() if name in wanted}
    return Draft(config.pipeline, _following(config, params, inputs, changes or {}), inputs)


def _following(old: Workflow, params: Params, inputs: Inputs, changes: Params) -> dict[str, Any]:
    """Params of a workflow for other inputs, with changes: of those that nobody touched, what is proposed there, else
    the defaults; those that no longer exist after the changes are left out. What names columns stays, and so does the
    choice that is tried out as a whole, such as the algorithm."""
    pipeline, before = registry.get(old.pipeline), usual(old, old.params)
    untouched = {
        name
        for name, param in pipeline.params(old.params).items()
        if not param.of_data and not param.try_all and name in params and params[name] == before[name]
    } - set(changes)
    given = _known_datasets(old.pipeline, inputs)
    followed = _followed(pipeline, untouched, {**params, **changes}, given)
    return _applicable(pipeline, followed, changes) if changes else followed


def changed(workflow_id: int, step: str, params: Params) -> Draft:
    """A workflow after a change of params in one cell. Params that no longer exist after the change are left out, and
    those that nobody touched follow it, as when another algorithm has another default."""
    old = workflows.get(workflow_id)
    pipeline = registry.get(old.pipeline)
    order.check_from(pipeline, pipeline.step(step), params, old.params)
    return _with_changes(old, params)


def restarted(old: Workflow, params: Params) -> Draft:
    """A workflow with some params changed; of the others, those that nobody touched follow."""
    if not params or registry.get(old.pipeline).is_function:
        return Draft(old.pipeline, {**old.params, **params}, inputs_of(old))
    return _with_changes(old, params)


def _with_changes(old: Workflow, params: Params) -> Draft:
    pipeline, before = registry.get(old.pipeline), usual(old, old.params)
    untouched = {
        name for name, value in old.params.items() if name not in params and name in before and value == before[name]
    }
    followed = _followed(pipeline, untouched, {**old.params, **params}, _known_datasets(old.pipeline, inputs_of(old)))
    return Draft(old.pipeline, _applicable(pipeline, followed, params), inputs_of(old))


def _applicable(pipeline: Pipeline, params: Params, changes: Params) -> dict[str, Any]:
    """Params without those that do not exist beside the changes; a change is never left out without a word."""
    known = pipeline.params(params)
    return {name: value for name, value in params.items() if name in known or name in changes}


def _followed(
    pipeline: Pipeline, untouched: Collection[str], params: Params, given: Mapping[str, Dataset] | None
) -> dict[str, Any]:
    """Params, of which the untouched ones are as the others and the datasets ask for."""
    kept = {name: value for name, value in params.items() if name not in untouched}
    proposed = _proposed(pipeline, kept, given)
    known = pipeline.params(proposed)
    return kept | {name: proposed.get(name, known[name].default) for name in untouched if name in known}


def usual(workflow: Workflow, params: Params) -> dict[str, Any]:
    """What each of a workflow's params would be beside the others if nobody had touched it: as proposed, else its
    default. Only the touched ones are asked for singly: a proposal for a wide table takes its time."""
    pipeline, given = registry.get(workflow.pipeline), _known_datasets(workflow.pipeline, inputs_of(workflow))
    touched: set[str] = set()
    while True:
        untouched = _filled(pipeline, {name: params[name] for name in touched}, given)
        more = {name for name, value in params.items() if name not in touched and value != untouched.get(name)}
        if not more:
            break
        touched |= more
    singly = {name: {each: value for each, value in params.items() if each != name} for name in touched}
    alone = {name: _filled(pipeline, others, given).get(name) for name, others in singly.items()}
    return {name: alone.get(name, untouched.get(name)) for name in pipeline.params(params)}


def _filled(pipeline: Pipeline, params: Params, given: Mapping[str, Dataset] | None) -> dict[str, Any]:
    """Params completed by what the pipeline proposes, and by defaults."""
    proposed = _proposed(pipeline, params, given)
    return {name: proposed.get(name, param.default) for name, param in pipeline.params(proposed).items()}


def _proposed(pipeline: Pipeline, params: Params, given: Mapping[str, Dataset] | None) -> dict[str, Any]:
    """Params completed by what the pipeline proposes; as they are where it can propose nothing."""
    if given is not None:
        with suppress(RequestError):
            return pipeline.propose(_as_declared(pipeline, params), given)
    return dict(params)


def _known_datasets(pipeline: str, inputs: Inputs) -> Mapping[str, Dataset] | None:
    """The datasets of inputs; None when one is missing or gone, so that nothing can be proposed for them."""
    if missing_inputs(pipeline, inputs):
        return None
    with suppress(NotFoundError):
        return registry.get(pipeline).in_order(given_datasets(inputs))
    return None


def on_dataset(workflow_id: int, dataset_id: int) -> Draft:
    """A workflow with another dataset: in the place of the one of the same name, or of the only one. What nobody
    touched follows the dataset."""
    old, given = workflows.get(workflow_id), datasets.get(dataset_id)
    places = [name for name, row in old.inputs.items() if row.name == given.name] or list(old.inputs)
    if len(places) != 1:
        code = "repeat_which_input" if places else "repeat_without_data"
        raise RequestError(Message(code, {"workflow": workflow_id, "dataset": given.title}), "dataset_id")
    inputs = inputs_of(old) | {places[0]: dataset_id}
    return Draft(old.pipeline, _following(old, old.params, inputs, {}), inputs)


def propose(pipeline: str, inputs: Inputs, chosen: Params | None = None) -> dict[str, Any]:
    """What is chosen so far, completed by what the pipeline proposes for these inputs; unchanged while an input that
    it needs has no dataset. Pages, commands and requests start with what this returns."""
    if missing_inputs(pipeline, inputs):
        return dict(chosen or {})
    known = registry.get(pipeline)
    return known.propose(_as_declared(known, chosen or {}), known.in_order(given_datasets(inputs)))


def _as_declared(pipeline: Pipeline, chosen: Params) -> dict[str, Any]:
    """What is chosen, each value as its param's kind: a command gives texts. What does not fit is refused later."""
    read = dict(chosen)
    with suppress(RequestError):
        for name, param in pipeline.params(chosen).items():
            if chosen.get(name) is not None:
                with suppress(RequestError):
                    read[name] = param.read(chosen[name])
    return read


def missing_inputs(pipeline: str, inputs: Inputs) -> list[str]:
    """The inputs that a pipeline needs and that have no dataset yet."""
    return [each.name for each in registry.get(pipeline).inputs if not each.optional and each.name not in inputs]


def inputs_of(workflow: Workflow) -> dict[str, int]:
    """The dataset of each input of a workflow."""
    return {name: given.dataset_id for name, given in workflow.inputs.items()}
