"""Plans: what a start would write, and which cells would be reused, without starting anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.pipelines import registry
from jobs.pipelines.definition import Options, Pipeline
from jobs.pipelines.fingerprint import expires_after, fingerprint
from jobs.pipelines.handed import references
from jobs.pipelines.params import Params, short
from jobs.pipelines.planned import PlannedStep, Prepared
from jobs.pipelines.preparation import prepare
from jobs.verbs import rows
from store import datasets, steps
from store.datasets import Dataset
from store.errors import InvalidError, NotFoundError
from store.messages import Message
from store.steps import Upstream

Inputs = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CellPlan:
    """What would happen to one step: run, or be reused from another workflow."""

    step: str
    key: str
    params: dict[str, Any]
    reused_from: int | None


def plan(
    pipeline: str,
    params: Params | None = None,
    inputs: Inputs | None = None,
    *,
    options: Options | None = None,
    again_from: str | None = None,
    fresh: bool = False,
) -> list[CellPlan]:
    """Which cells would run and which would be reused, without starting anything; what is said beside params and
    inputs means the same as for a start."""
    known = registry.get(pipeline)
    prepared = prepared_for(known, params or {}, inputs or {}, options)
    given = known.in_order(given_datasets(inputs or {}))
    left: dict[str, Upstream] = {}
    cells: list[CellPlan] = []
    for step in run_again(prepared.steps, None if rows.drives(prepared) else again_from, repeating=fresh):
        handed = (step.handed or {}) if step.source else None
        above = _above(step, prepared.steps) if handed is None else {key for key, _ in references(handed)}
        reused_from = None
        if above <= set(left) and not step.fresh:
            read = given if step.reads_dataset else {}
            print_ = fingerprint(
                step.identity, step.params, read, {key: left[key] for key in above}, handed, step.policy
            )
            if equal := steps.find_equal(print_, expires_after(step.policy)):
                reused_from = equal[0].workflow_id
                handed_on = {each.name: each.handed() for each in equal[1].outputs}
                left[step.key] = Upstream(equal[1].result, print_, equal[1].artifacts, handed_on)
        cells.append(CellPlan(step.name, step.key, step.params, reused_from))
    return cells


def run_again(
    planned: Sequence[PlannedStep], again_from: str | None = None, *, repeating: bool = False
) -> list[PlannedStep]:
    """Planned steps, of which some are to run even if nothing changed: one with all below it, and on a restart those
    that repeat."""
    again = _at_or_below(again_from, planned) if again_from is not None else set()
    return [
        replace(step, fresh=step.fresh or step.key in again or (repeating and step.repeats_on_restart))
        for step in planned
    ]


def _at_or_below(key: str, planned: Sequence[PlannedStep]) -> set[str]:
    """The keys of a step and of all that needs it, directly or through others."""
    check_key(key, [step.key for step in planned])
    found = {key}
    for step in planned:  # each comes after those it needs
        if found & set(step.needs):
            found.add(step.key)
    return found


def check_key(key: str, known: Sequence[str]) -> None:
    """Refuse the key of no step."""
    if key not in known:
        raise InvalidError(Message("no_step_of_pipeline", {"given": short(key), "known": [*known]}), "step")


def _above(step: PlannedStep, planned: Sequence[PlannedStep]) -> set[str]:
    """The keys of every step that this one needs, directly or through others."""
    needs = {each.key: set(each.needs) for each in planned}
    above: set[str] = set()
    reached = needs[step.key]
    while reached:
        above |= reached
        reached = set().union(*(needs[key] for key in reached)) - above
    return above


def prepared_for(pipeline: Pipeline, params: Params, inputs: Inputs, options: Options | None = None) -> Prepared:
    """What a start would write, or the first problem."""
    prepared = prepare(pipeline, params, given_datasets(inputs), options)
    for problem in prepared.problems:
        raise problem
    return prepared


def given_datasets(inputs: Inputs) -> dict[str, Dataset]:
    """The dataset of each input; an id that does not exist is refused under the name of its input."""
    return {name: _dataset(name, dataset_id) for name, dataset_id in inputs.items()}


def _dataset(name: str, dataset_id: int) -> Dataset:
    try:
        return datasets.get(dataset_id)
    except NotFoundError as error:
        raise NotFoundError(error.message, f"inputs.{name}") from None
