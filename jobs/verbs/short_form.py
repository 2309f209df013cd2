"""The short form of a start: a dataset, a target and an algorithm, for the pipeline that trains on a table."""

from jobs.pipelines.params import Params
from jobs.tabular.algorithms import get as algorithm_of
from jobs.verbs import workflows
from jobs.verbs.workflows import Draft
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


def check(params: Params) -> None:
    """Refuse params that are fields of their own in the short form."""
    for name in (TARGET, ALGORITHM):
        if name in params:
            raise InvalidError(Message("own_field", {"name": name}), name)


def refuse_beside_pipeline(given: Params) -> None:
    """Refuse fields of the short form in a request that names its pipeline, as they would be ignored."""
    for name in ("dataset_id", TARGET, ALGORITHM):
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
