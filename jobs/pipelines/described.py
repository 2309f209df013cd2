"""Described: the answers of the describer's child, as JSON has them."""

from typing import Any, Literal, TypedDict

from jobs.pipelines.params import Kind
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
