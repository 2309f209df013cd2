"""Definitions: a step is a function with a name, its needs and its params; a pipeline is a named graph of steps."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Never, TypedDict, TypeVar

from jobs.pipelines import keywords
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.measures import Measure, declared_measure, measure_for
from jobs.pipelines.params import Param, Params, short
from jobs.pipelines.planned import PlannedStep, Prepared
from jobs.pipelines.predictions import Predict
from jobs.pipelines.telling import Tell, nothing_more
from jobs.pipelines.thresholds import ThresholdsOf
from jobs.pipelines.warnings import Result, WorkflowWarning, nothing_foreseen, of_steps
from store.datasets import Dataset
from store.errors import InvalidError, RequestError
from store.messages import Message
from store.steps import Step
from store.text import composed

if TYPE_CHECKING:
    from jobs.pipelines.context import StepContext

TIMEOUT_SECONDS = 24 * 3600

StepFunction = Callable[["StepContext"], Mapping[str, Any] | None]
StepParams = Callable[[Params], Sequence[Param]] | Sequence[Param]
Datasets = Mapping[str, Dataset]
Given = TypeVar("Given")
Check = Callable[[Params, Datasets], list[RequestError]]
Propose = Callable[[Params, Datasets], dict[str, Any]]
Facets = Callable[[Params, Datasets], Mapping[str, str]]
Title = Callable[[Params, Datasets], str]
Advise = Callable[[Params, Datasets], list[str]]
ScoredRows = Callable[[Params, Datasets], float]
Foresee = Callable[[Params, Datasets], Sequence[WorkflowWarning]]
Warn = Callable[[Params, Mapping[str, Result]], Sequence[WorkflowWarning]]


Options = Mapping[str, Any]
Graph = Callable[[Params, Options, Datasets], "Planned"]


@dataclass(frozen=True, slots=True)
class Planned:
    """The steps that a pipeline has for certain params, and what its workflow is called and tagged with."""

    steps: tuple[PlannedStep, ...]
    title: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """A dataset that a pipeline is given when it is started."""

    name: str = "data"
    label: str = "Data"
    help: str = ""
    optional: bool = False


class CountsAs:
    """Something of which, where code is compared, only a part counts."""

    __slots__ = ()

    def counts_as(self) -> Any:
        """The part that counts."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class StepDefinition(CountsAs):
    """One stage of a pipeline, as written."""

    name: str
    function: StepFunction
    version: int | str | None = None
    needs: tuple[str, ...] = ()
    params: StepParams = ()
    reads_dataset: bool = False
    repeats_on_restart: bool = False
    stops_early: bool = False
    max_attempts: int = 3
    timeout: int = TIMEOUT_SECONDS
    label: str = ""
    key: str = ""
    # Of a plain function: in how many seconds an attempt that failed is made again; None: not at all.
    retry: Callable[[Step, BaseException], float | None] | None = None

    @property
    def title(self) -> str:
        """The label, or the name as words."""
        return self.label or self.name.replace("_", " ").capitalize()

    def counts_as(self) -> Any:
        return self.function

    def params_for(self, chosen: Params) -> list[Param]:
        """The params that this step uses, which may depend on those chosen."""
        return list(self.params(chosen) if callable(self.params) else self.params)

    def declared(self, chosen: Params) -> dict[str, Any]:
        """Those of the chosen params that this step uses, completed with defaults."""
        return {param.name: param.read(chosen.get(param.name)) for param in self.params_for(chosen)}


def nothing_wrong(_params: Params, _inputs: Datasets) -> list[RequestError]:
    """Return no problems."""
    return []


def no_proposal(chosen: Params, _inputs: Datasets) -> dict[str, Any]:
    """Return what is chosen, as it is."""
    return dict(chosen)


def no_facets(_params: Params, _inputs: Datasets) -> Mapping[str, str]:
    """Return no facets."""
    return {}


def no_advice(_params: Params, _inputs: Datasets) -> list[str]:
    """Return no advice."""
    return []


def rows_unknown(_params: Params, _inputs: Datasets) -> float:
    """Return 0: it is not known."""
    return 0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A named graph of steps, in an order in which every step comes after what it needs.

    `check` returns what is wrong with params and inputs, `propose` completes what is chosen so far, `facets` returns
    what workflows are listed and filtered by, `title` what one is called unless its user says so, `advise` what to know
    before it starts, `predict` makes a predictor of new rows from what a completed workflow left, `thresholds` returns
    where its threshold can stand, `tell` what more a report says of it, `scored_rows` on about how many rows workflows
    are compared.
    """

    name: str
    steps: tuple[StepDefinition, ...]
    label: str = ""
    description: str = ""
    inputs: tuple[Input, ...] = ()
    measures: tuple[Measure, ...] = ()
    check: Check = nothing_wrong
    propose: Propose = no_proposal
    facets: Facets = no_facets
    title: Title | None = None
    advise: Advise = no_advice
    # Only for pipelines that come with Trainyard: what to know before a start, and of the results of the steps by key.
    foresee: Foresee = nothing_foreseen
    warn: Warn = of_steps
    # Only for pipelines that come with Trainyard; without it, a workflow cannot predict.
    predict: Predict | None = None
    tell: Tell = nothing_more
    thresholds: ThresholdsOf | None = None
    scored_rows: ScoredRows = rows_unknown
    # Modules that a worker's parent imports ahead; only for pipelines that come with Trainyard.
    preload: tuple[str, ...] = ()
    # Whether people are offered to start it by itself; else it is started by what a workflow of another one offers.
    offered: bool = True
    # For a pipeline whose steps are plain functions that its body calls: that it is one, its params, which steps
    # these and the run's options lead to, and every step that may be among them, by its reference.
    is_function: bool = False
    own_params: tuple[Param, ...] = ()
    graph: Graph | None = field(default=None, compare=False)
    definitions: Callable[[], Mapping[str, StepDefinition]] | None = field(default=None, compare=False)
    # Set for a pipeline whose code runs in other processes only: asks one of those.
    prepared_elsewhere: Callable[[Params, Datasets, Options], Prepared] | None = field(default=None, compare=False)

    @property
    def shown(self) -> str:
        """The label, or the name as words."""
        return self.label or self.name.replace("_", " ").replace("-", " ").capitalize()

    def params(self, chosen: Params) -> dict[str, Param]:
        """Every param of every step, by name. A step whose params depend on those above gets their defaults, too."""
        known: dict[str, Param] = {param.name: param for param in self.own_params}
        given = {name: value for name, value in chosen.items() if value is not None}
        for each in self.steps:
            defaults = {name: param.default for name, param in known.items() if param.default is not None}
            known |= {param.name: param for param in each.params_for(defaults | given)}
        return known

    def step(self, key: str) -> StepDefinition:
        """The step with this key."""
        for definition in self.steps:
            if definition.key == composed(key):
                return definition
        keys = [definition.key for definition in self.steps]
        raise InvalidError(Message("no_step_of_pipeline", {"given": short(key), "known": keys}), "step")

    def defines(self, row: Step) -> StepDefinition:
        """The step that a row of a workflow is."""
        return self.by_reference().get(row.reference) or self.step(row.reference)

    def by_reference(self) -> Mapping[str, StepDefinition]:
        """Every step that a workflow of this pipeline may have, by what its row says."""
        return self.definitions() if self.definitions else {each.key: each for each in self.steps}

    def in_order(self, inputs: Mapping[str, Given]) -> dict[str, Given]:
        """What is given for each input, in the order in which the pipeline declares its inputs; others come last."""
        declared = [each.name for each in self.inputs if each.name in inputs]
        return {name: inputs[name] for name in [*declared, *inputs]}

    def measure(self, name: str) -> Measure:
        """Return the measure of this name, or a plain one for a name that no pipeline declares."""
        return declared_measure(self.measures, name) or measure_for(name)


class PipelineOptions(TypedDict, total=False):
    """What an author may give to `pipeline` beside its name and its steps; see `Pipeline`."""

    label: str
    description: str
    inputs: Sequence[Input]
    measures: Sequence[Measure]
    check: Check
    propose: Propose
    facets: Facets
    title: Title | None
    advise: Advise
    foresee: Foresee
    warn: Warn
    predict: Predict | None
    tell: Tell
    thresholds: ThresholdsOf | None
    scored_rows: ScoredRows
    preload: Sequence[str]
    offered: bool


def step(
    name: str,
    *,
    version: int | str | None = None,
    needs: Collection[str] = (),
    params: StepParams = (),
    reads_dataset: bool = False,
    repeats_on_restart: bool = False,
    stops_early: bool = False,
    max_attempts: int = 3,
    timeout: int = TIMEOUT_SECONDS,
    label: str = "",
    **unknown: Never,
) -> Callable[[StepFunction], StepDefinition]:
    """Make a function a step: `@step("train", needs=("preprocess",), params=...)`."""
    keywords.check_name("step", name)
    given = {
        "version": version,
        "needs": needs,
        "params": params,
        "reads_dataset": reads_dataset,
        "repeats_on_restart": repeats_on_restart,
        "stops_early": stops_early,
        "max_attempts": max_attempts,
        "timeout": timeout,
        "label": label,
    }
    keywords.check("step", name, keywords.STEP, {**given, **unknown})

    def define(function: StepFunction) -> StepDefinition:
        if isinstance(function, StepDefinition):
            raise PipelineError(Message("step_of_a_step", {"step": name, "other": function.name}))
        if not callable(function):
            raise PipelineError(Message("step_without_function", {"step": name, "given": short(function)}))
        return StepDefinition(
            name=composed(name),
            function=function,
            version=version,
            needs=tuple(map(composed, needs)),
            params=params,
            reads_dataset=reads_dataset,
            repeats_on_restart=repeats_on_restart,
            stops_early=stops_early,
            max_attempts=max_attempts,
            timeout=timeout,
            label=label,
        )

    return define


def with_keys(steps: Sequence[StepDefinition]) -> tuple[StepDefinition, ...]:
    """Give each step a key that is unique among them: its name, and `name[2]` where a name occurs again."""
    seen: dict[str, int] = {}
    keyed = []
    for definition in steps:
        seen[definition.name] = count = seen.get(definition.name, 0) + 1
        keyed.append(replace(definition, key=definition.name if count == 1 else f"{definition.name}[{count}]"))
    return tuple(keyed)


def inputs_of(steps: Sequence[StepDefinition], declared: Sequence[Input]) -> tuple[Input, ...]:
    """The inputs of a pipeline: those declared, or one called `data` when a step reads a dataset."""
    if declared or not any(definition.reads_dataset for definition in steps):
        return tuple(declared)
    return (Input(),)
