"""Pipeline: a function whose body calls steps. Called in a script, it starts a workflow; called in the body of another
pipeline, it is a part of that."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, NoReturn, overload

from jobs.authoring import driving, inside, runs, sources, tracing
from jobs.authoring.arguments import bound
from jobs.authoring.configuration import Configuration, read_file
from jobs.authoring.names import filled
from jobs.authoring.options import CACHES, PipelineOptions, pipeline_options, refuse_method
from jobs.authoring.returns import Returned
from jobs.authoring.signature import Parameter, as_json, checked, parameters_of, params_of
from jobs.authoring.step import Step
from jobs.authoring.tracing import Trace
from jobs.pipelines import registry
from jobs.pipelines.definition import Datasets, Input, Options, Pipeline, Planned, StepDefinition
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.params import Params, short
from store.errors import RequestError
from store.messages import Message

Function = Callable[..., Any]
LONGEST_PIPELINE = 40
_NOT_IN_NAMES = re.compile(r"[^\w-]+")


class TracedPipeline:
    """A pipeline whose body is traced when a workflow starts."""

    is_flow = False

    def __init__(self, function: Function, options: PipelineOptions, run: Configuration | None = None) -> None:
        self.function = function
        self.options = options
        self.run = run or Configuration()
        self.name = named(options.name or function.__name__)
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__
        self.source = f"{sources.module_of(function)}:{function.__qualname__}"

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """What it takes."""
        return parameters_of(self.function, self.name)

    @property
    def returned(self) -> tuple[Returned, ...]:
        """A pipeline returns nothing; what its steps leave is theirs."""
        return ()

    @property
    def entrypoint(self) -> Function:
        """The function itself."""
        return self.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (trace := tracing.current()) is not None:
            given = bound(self.function, self.name, args, kwargs)
            with trace.group(self.name):
                return self.function(**given)
        if (run := driving.current()) is not None:
            with run.group(self.name), run.giving_futures():
                return self.function(**bound(self.function, self.name, args, kwargs))
        if inside.is_running():
            raise PipelineError(Message("pipeline_in_a_step", {"pipeline": self.name}))
        given = bound(self.function, self.name, args, kwargs, partial=True)
        for name in set(given) & set(self.run.parameters):
            if given[name] != self.run.parameters[name]:
                raise PipelineError(Message("param_given_twice", {"owner": self.name, "param": name}))
        inputs = {name: given.pop(name) for name in self.data if name in given}
        return runs.launch(self, self.plain({**self.run.parameters, **given}), inputs)

    def with_options(self, config_path: str | None = None, **options: Any) -> "TracedPipeline":
        """The same pipeline for one run: with a configuration file, and options that count more than the file's."""
        run = self.run.merged(read_file(config_path)) if config_path else self.run
        steps, parameters = options.pop("steps", None), options.pop("parameters", None)
        run = run.merged(Configuration(parameters=dict(parameters or {}), steps=dict(steps or {})))
        said = pipeline_options(self.name, options)  # checked before the run keeps it
        run = run.merged(Configuration(options={name: value for name, value in options.items() if value is not None}))
        return self._with(_together(self.options, said, options), run)

    def _with(self, options: PipelineOptions, run: Configuration) -> "TracedPipeline":
        return type(self)(self.function, options, run)

    configure = with_options

    def plain(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments as the JSON that a workflow keeps as its params."""
        plain = {}
        for name, value in given.items():
            if name not in self.parameters:
                known = sorted(self.parameters)
                raise PipelineError(Message("no_such_argument", {"pipeline": self.name, "given": name, "known": known}))
            annotation = self.parameters[name].annotation
            plain[name] = as_json(checked(value, annotation, self.name, name), annotation, self.name, name)
        return plain

    def graph(self, params: Params, options: Options, inputs: Datasets | None = None) -> Planned:
        """The steps that the body calls for these params, with these datasets."""
        run = Configuration.from_json(options)
        said = pipeline_options(self.name, run.options, self.options)
        given = {}
        for name, each in self.parameters.items():
            if name in params and not (params[name] is None and not each.required and each.default is None):
                given[name] = checked(params[name], each.annotation, self.name, name)
        trace = Trace(said, run.steps, datasets=frozenset(inputs or ()))
        with tracing.tracing(trace):
            self.function(**given)
        if not trace.steps:
            raise PipelineError(Message("pipeline_calls_no_step", {"pipeline": self.name}))
        called = {each.name for each in trace.steps.values()}
        for name in run.steps:
            if name not in called:
                raise PipelineError(Message("config_step_not_called", {"step": name, "known": sorted(called)}))
        title = filled(said.run_name, params) if said.run_name else ""
        return Planned(tuple(trace.steps.values()), title, said.tags)

    @property
    def data(self) -> tuple[str, ...]:
        """The names of datasets that it may be given."""
        return ()

    def check(self, params: Params, _inputs: Datasets) -> list[RequestError]:
        """What is wrong with params, each with its field."""
        problems = []
        for name, value in params.items():
            if name in self.parameters:
                try:
                    read = self.registered.params({})[name].read(value)
                    checked(read, self.parameters[name].annotation, self.name, name)
                except RequestError as wrong:
                    problems.append(wrong)
        return problems

    @cached_property
    def registered(self) -> Pipeline:
        """As the registry, the pages and the engine know it."""
        return Pipeline(
            name=self.name,
            steps=self._example(),
            label=_titled(self.name) if self.name == (self.options.name or self.name) else self.options.name,
            description=self.options.description or _first_paragraph(self.function),
            inputs=tuple(Input(name, _titled(name), optional=True) for name in self.data),
            is_function=True,
            own_params=params_of(self.parameters, self.name),
            check=self.check,
            graph=self._graph,
            definitions=definitions,
        )

    def _graph(self, params: Params, options: Options, inputs: Datasets) -> Planned:
        return self.graph(params, options, inputs)

    def _example(self) -> tuple[StepDefinition, ...]:
        """The steps for the defaults, to be drawn before it starts; none where a param has no default."""
        if any(each.required for each in self.parameters.values()):
            return ()
        defaults = {name: each.default for name, each in self.parameters.items()}
        trace = Trace(self.options, {})
        with tracing.tracing(trace):
            try:
                self.function(**defaults)
            except PipelineError:
                raise
            except Exception:  # noqa: BLE001 - a body may need what is not there yet
                return ()
        return tuple(
            StepDefinition(each.name, not_called, needs=each.needs, key=each.key, label=each.label or "")
            for each in trace.steps.values()
        )

    def __getattr__(self, name: str) -> NoReturn:
        refuse_method(self, name)

    def __repr__(self) -> str:
        return f"<pipeline {self.name}>"


def _together(before: PipelineOptions, said: PipelineOptions, given: Mapping[str, Any]) -> PipelineOptions:
    names = {"run_name" if name == "flow_run_name" else name for name in given}
    names |= {"cache", "enable_cache"} if set(CACHES) & names else set()
    return replace(before, **{name: getattr(said, name) for name in names if hasattr(said, name)})


def named(given: str) -> str:
    """A name as commands and addresses can have it; what its author wrote is its label."""
    return _NOT_IN_NAMES.sub("-", given).strip("-")[:LONGEST_PIPELINE] or given


def _titled(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").capitalize()


def not_called(_context: object) -> None:
    """Stand for the function of a step where only its place in the graph counts."""
    raise RuntimeError("only the step itself is called")


def _first_paragraph(function: Function) -> str:
    return " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())


def definitions() -> dict[str, StepDefinition]:
    """Every step of the code that is loaded here, by its source."""
    known: dict[str, sources.Defines] = {**sources.steps(), **sources.drivers()}
    return {source: each.definition() for source, each in known.items()}


@overload
def pipeline(function: Function, /) -> TracedPipeline: ...
@overload
def pipeline(function: None = None, /, **options: Any) -> Callable[[Function], TracedPipeline]: ...
def pipeline(
    function: Function | None = None, /, **options: Any
) -> TracedPipeline | Callable[[Function], TracedPipeline]:
    """Make a function a pipeline: `@pipeline`, or `@pipeline(name="nightly", enable_cache=False)`."""

    def made(function: Function) -> TracedPipeline:
        if isinstance(function, Step | TracedPipeline) or not callable(function):
            raise PipelineError(Message("pipeline_without_function", {"given": short(function)}))
        traced = TracedPipeline(function, pipeline_options(function.__name__, options))
        registry.offer(traced.name, traced)
        return traced

    return made(function) if function is not None else made
