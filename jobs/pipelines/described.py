"""Described: the answers of the describer's child, as JSON has them."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Literal, TypedDict, cast

from jobs.pipelines.definition import Pipeline, StepDefinition
from jobs.pipelines.params import Kind, Param
from store.messages import StoredMessage


class ParamFacts(TypedDict):
    """A param."""

    name: str
    kind: Kind
    default: Any
    label: str
    help: str
    low: float | None
    high: float | None
    choices: list[str]
    logarithmic: bool
    advanced: bool
    try_all: bool
    required: bool
    type: str


class InputFacts(TypedDict):
    """An input."""

    name: str
    label: str
    help: str
    optional: bool


class MeasureFacts(TypedDict):
    """A measure."""

    name: str
    label: str
    help: str
    better: Literal["high", "low"]
    share: bool
    main: bool


class StepFacts(TypedDict):
    """A step; without params where they depend on what is chosen."""

    name: str
    key: str
    label: str
    version: int | str | None
    needs: list[str]
    max_attempts: int
    timeout: int
    reads_dataset: bool
    repeats_on_restart: bool
    stops_early: bool
    params: list[ParamFacts] | None


class PipelineFacts(TypedDict):
    """A pipeline."""

    name: str
    label: str
    description: str
    inputs: list[InputFacts]
    measures: list[MeasureFacts]
    steps: list[StepFacts]
    is_function: bool
    params: list[ParamFacts]  # of the pipeline itself
    offered: bool


class Description(TypedDict):
    """Every pipeline, and what is wrong with modules."""

    pipelines: list[PipelineFacts]
    faults: list[StoredMessage]


class PlannedFacts(TypedDict):
    """A step as a start would write it."""

    name: str
    key: str
    needs: list[str]
    params: dict[str, Any]
    max_attempts: int
    timeout: int
    repeats_on_restart: bool
    reads_dataset: bool
    identity: str
    source: str | None
    label: str | None
    group: str | None
    handed: dict[str, Any] | None
    tags: list[str] | None
    policy: dict[str, Any] | None
    fresh: bool


class ProblemFacts(StoredMessage):
    """A problem, and the field it is about."""

    field: str | None


class PreparedFacts(TypedDict):
    """What a start would write, or the problems that keep it from being written."""

    problems: list[ProblemFacts]
    params: dict[str, Any]
    steps: list[PlannedFacts]
    facets: dict[str, str]
    title: str
    notices: list[str]
    tags: list[str]


def facts_of(made: Pipeline) -> PipelineFacts:
    """A pipeline without its code."""
    return {
        "name": made.name,
        "label": made.label,
        "description": made.description,
        "inputs": [cast(InputFacts, asdict(each)) for each in made.inputs],
        "measures": [cast(MeasureFacts, asdict(each)) for each in made.measures],
        "steps": [_step_facts(each) for each in made.steps],
        "is_function": made.is_function,
        "params": params_facts(made.own_params),
        "offered": made.offered,
    }


def _step_facts(step: StepDefinition) -> StepFacts:
    return {
        "name": step.name,
        "key": step.key,
        "label": step.label,
        "version": step.version,
        "needs": list(step.needs),
        "max_attempts": step.max_attempts,
        "timeout": step.timeout,
        "reads_dataset": step.reads_dataset,
        "repeats_on_restart": step.repeats_on_restart,
        "stops_early": step.stops_early,
        "params": None if callable(step.params) else params_facts(step.params),
    }


def params_facts(declared: Iterable[Param]) -> list[ParamFacts]:
    """Params as JSON has them."""
    return [cast(ParamFacts, asdict(param)) for param in declared]
