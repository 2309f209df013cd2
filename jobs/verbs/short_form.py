"""The short form of a start: a dataset, a target and an algorithm, for the pipeline that trains on a table."""

from collections.abc import Sequence
from typing import Any

from jobs.pipelines.params import Params
from jobs.tabular import proposal
from jobs.tabular.algorithms import ALGORITHMS
from jobs.tabular.algorithms import get as algorithm_of
from jobs.verbs import schemas, workflows
from jobs.verbs.documents import AlgorithmOut
from jobs.verbs.sweeps import EVERY, Values
from jobs.verbs.workflows import Draft, Inputs
from store import datasets
from store.errors import InvalidError
from store.messages import Message
from store.workflows import Workflow

PIPELINE = "tabular"
DATA, TARGET, ALGORITHM = "data", "target", "algorithm"


def draft(dataset_id: int, target: str | None, algorithm: str | None, params: Params | None = None) -> Draft:
    """What to start: target and algorithm as chosen, else as proposed for the dataset."""
    datasets.get(dataset_id)  # an unknown one is refused under the field's name in the short form
    inputs = {DATA: dataset_id}
    given = {TARGET: target, ALGORITHM: algorithm}
    chosen = {**(params or {}), **{name: value for name, value in given.items() if value}}
    return Draft(PIPELINE, workflows.propose(PIPELINE, inputs, chosen), inputs)


def sweep(
    dataset_id: int,
    target: str | None,
    algorithms: str | Sequence[str] | None,
    params: Params | None = None,
    values: Values | None = None,
) -> tuple[Draft, dict[str, Any]]:
    """What all trials have in common, and what to try: the algorithms that are named, or all that fit the target where
    no other values are given."""
    common = draft(dataset_id, target, None, params)
    # What is proposed beside the target is proposed for one algorithm, and anew for each trial.
    given = {*(params or {}), "target"} - {ALGORITHM}
    chosen = {name: value for name, value in common.params.items() if name in given}
    tried: dict[str, Any] = dict(values or {})
    if algorithms is None and tried:
        return (Draft(PIPELINE, chosen, common.inputs) if ALGORITHM in tried else common), tried
    named = algorithms.split(",") if isinstance(algorithms, str) else algorithms
    if named is None or list(named) == [EVERY]:
        named = proposal.fitting(datasets.get(dataset_id), chosen)
    return Draft(PIPELINE, chosen, common.inputs), tried | {ALGORITHM: [algorithm_of(each).key for each in named]}


def is_meant(pipeline: str | None) -> bool:
    """Whether a request without a pipeline, or with this one, is about training on a table."""
    return pipeline in (None, PIPELINE)


def dataset_of(inputs: Inputs) -> int | None:
    """The dataset among inputs by name."""
    return inputs.get(DATA)


def algorithm_list() -> list[AlgorithmOut]:
    """Every algorithm, with its settings as a JSON schema."""
    return [
        {
            "key": each.key,
            "label": each.label,
            "task": each.task,
            "description": each.sentence,
            "aliases": list(each.aliases),
            "params": schemas.params_schema({param.name: param for param in each.params}),
        }
        for each in ALGORITHMS.values()
    ]


def check(params: Params) -> None:
    """Refuse params that are fields of their own in the short form."""
    for name in (TARGET, ALGORITHM):
        if name in params:
            raise InvalidError(Message("own_field", {"name": name}), name)


def refuse_beside_pipeline(given: Params) -> None:
    """Refuse fields of the short form in a request that names its pipeline, as they would be ignored."""
    for name in ("dataset_id", TARGET, ALGORITHM, f"{ALGORITHM}s"):
        if given.get(name) is not None:
            raise InvalidError(Message("short_form_field", {"name": name}), name)


def start(
    dataset_id: int,
    target: str | None = None,
    algorithm: str | None = None,
    params: Params | None = None,
    name: str | None = None,
    request: str | None = None,
    *,
    fresh: bool = False,
) -> Workflow:
    """Start training on a table."""
    made = draft(dataset_id, target, algorithm, params)
    return workflows.start(made.pipeline, made.params, made.inputs, name, request, fresh=fresh)


def facets(algorithms: str) -> dict[str, tuple[str, ...]]:
    """What to filter by for a list of algorithms with commas, short codes included."""
    if not algorithms.strip():
        return {}
    keys = [algorithm_of(word.strip()).key for word in algorithms.split(",") if word.strip()]
    return {ALGORITHM: tuple(keys)}
