"""Flow: a program that calls steps and looks at what they leave. Its own function is a step, the driver, that is run
from the top in turns (`driving`); a flow that it calls is a part of it."""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar, overload

from jobs.authoring import driving, inside, retries, sources, tracing
from jobs.authoring.arguments import bound
from jobs.authoring.body import Body
from jobs.authoring.configuration import Configuration
from jobs.authoring.driving import Run
from jobs.authoring.futures import Future, Futures, State
from jobs.authoring.names import filled
from jobs.authoring.options import HOOKS, PipelineOptions, pipeline_options
from jobs.authoring.pipeline import TracedPipeline
from jobs.authoring.returns import Returned, as_many, outputs_of
from jobs.authoring.signature import checked
from jobs.authoring.step import Step, reference_to
from jobs.pipelines import registry
from jobs.pipelines.code_hash import identity
from jobs.pipelines.context import StepContext
from jobs.pipelines.definition import Datasets, Options, Planned, StepDefinition
from jobs.pipelines.errors import PipelineError, StepError
from jobs.pipelines.params import Params, short
from jobs.pipelines.planned import PlannedStep
from store import workflows
from store.messages import Message
from store.tables import StepRole

Function = Callable[..., Any]
TURN_SECONDS = 24 * 3600


class Flow(TracedPipeline):
    """A pipeline that is a program."""

    is_flow = True
    gives_futures = False

    def __init__(self, function: Function, options: PipelineOptions, run: Configuration | None = None) -> None:
        super().__init__(function, options, run)
        sources.remember_driver(self.source, self)

    @cached_property
    def outputs(self) -> tuple[Returned, ...]:
        """What it leaves: the value that it returns."""
        return outputs_of(self.function, self.name)

    @property
    def returned(self) -> tuple[Returned, ...]:
        return self.outputs

    def values(self, returned: Any) -> Sequence[Any]:
        """What the function returned, as a value for each output."""
        return as_many(returned, self.outputs, self.name)

    def counts_as(self) -> Any:
        return self.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (run := driving.current()) is None:
            if tracing.current() is not None:
                raise PipelineError(Message("flow_in_a_pipeline", {"flow": self.name}))
            return super().__call__(*args, **kwargs)
        if "return_state" in kwargs and "return_state" not in self.parameters:
            raise PipelineError(Message("flow_return_state", {"flow": self.name}))
        given = {
            name: checked(_value(value), self.parameters[name].annotation, self.name, name)
            for name, value in bound(self.function, self.name, args, kwargs).items()
        }
        if inspect.iscoroutinefunction(self.function):
            return self._awaited(run, given)
        with run.group(self.name):
            return _ended(self.function(**given))

    async def _awaited(self, run: Run, given: Mapping[str, Any]) -> Any:
        with run.group(self.name):
            return _ended(await self.function(**given))

    def graph(self, params: Params, options: Options, _inputs: Datasets | None = None) -> Planned:
        """One step: the driver. It asks for all others."""
        said = pipeline_options(self.name, Configuration.from_json(options).options, self.options)
        driver = PlannedStep(
            name=self.name,
            key=self.name,
            needs=(),
            params=dict(params),
            max_attempts=3,
            timeout=TURN_SECONDS,
            repeats_on_restart=True,
            reads_dataset=False,
            identity=identity(self.definition()).of_step(None),
            source=self.source,
            policy=self.policy(said),
            fresh=True,
            role=StepRole.driver,
        )
        title = filled(said.run_name, params) if said.run_name else ""
        return Planned((driver,), title, said.tags)

    def policy(self, options: PipelineOptions) -> dict[str, Any] | None:
        """What the driver's row must say of retries, hooks and time."""
        said: dict[str, Any] = {}
        if options.retry and (delays := options.retry.delays()):
            said |= {"delays": delays, "jitter": options.retry.jitter}
            if options.retry.on is not None:
                said["on"] = reference_to(options.retry.on, self.name)
        if options.timeout_seconds:
            said["whole_seconds"] = options.timeout_seconds
        for name in HOOKS:
            if hooks := getattr(options, name):
                said[name] = [reference_to(hook, self.name) for hook in hooks]
        return said or None

    def definition(self) -> StepDefinition:
        """Its driver, as the engine knows it."""
        return StepDefinition(
            name=self.name,
            function=Drive(self),
            key=self.source,
            timeout=TURN_SECONDS,
            retry=lambda row, error: retries.pause(row, error, self.options.retry.on if self.options.retry else None),
        )

    def _example(self) -> tuple[StepDefinition, ...]:
        """What it does is known when it runs."""
        return ()

    def __repr__(self) -> str:
        return f"<flow {self.name}>"


class Drive(Body):
    """The function that the engine calls for the driver of a flow, in each of its turns."""

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow, flow.options)
        self.flow = flow

    def __call__(self, context: StepContext) -> dict[str, Any]:
        workflow = workflows.get(context.step.workflow_id)
        kept = workflow.options
        config = Configuration.from_json(kept)
        options = pipeline_options(self.flow.name, config.options, self.flow.options)
        again_from = kept.get("again_from")
        run = Run(context, options, config, again_from, workflow.parent_id if again_from else None)
        run.gives_futures = self.flow.gives_futures
        run.is_async = inspect.iscoroutinefunction(self.flow.function)
        with inside.running(context, self.step) as seen, driving.driving(run):
            if context.step.turn == 0:
                self.call_hooks("on_start", context)
            try:
                value = _ended(self._call(self.arguments(context, seen)))
                run.finish()
                self.save(context, seen, value)
            except (Exception, BaseExceptionGroup) as raised:
                run.leave_if_parked()  # a task group wraps what ends the turn
                if not isinstance(raised, Exception):
                    raise
                error = StepError(raised.message) if isinstance(raised, PipelineError) else raised
                run.failed(error)
                if self.pause(context, error) is None:
                    self.call_hooks("on_failure", context, error)
                    self.call_hooks("on_end", context, error)
                if error is raised:
                    raise
                raise error from raised
            self.call_hooks("on_success", context)
            self.call_hooks("on_end", context)
            return seen.result()

    def _call(self, given: Mapping[str, Any]) -> Any:
        if inspect.iscoroutinefunction(self.flow.function):
            return asyncio.run(self.flow.function(**given))
        return self.flow.function(**given)


def _ended(value: Any) -> Any:
    """What a flow returns: of steps, what these leave; a state that failed is a failure."""
    if isinstance(value, State | Future | Futures):
        return value.result()
    if isinstance(value, list | tuple) and any(isinstance(each, State | Future) for each in value):
        return type(value)(_ended(each) for each in value)
    return value


def _value(value: Any) -> Any:
    if isinstance(value, Future | Futures):
        return value.result()
    if type(value) in (list, tuple) and any(isinstance(each, Future) for each in value):
        return type(value)(map(_value, value))
    return value


class DynamicPipeline(Flow):
    """A flow in the manner of ZenML: a call of a step gives a handle with `.load()`."""

    gives_futures = True


@overload
def flow(function: Function, /) -> Flow: ...
@overload
def flow(function: None = None, /, **options: Any) -> Callable[[Function], Flow]: ...
def flow(function: Function | None = None, /, **options: Any) -> Flow | Callable[[Function], Flow]:
    """Make a function a flow: `@flow`, or `@flow(name="nightly", retries=1, timeout_seconds=3600)`."""
    return _made(Flow, function, options)


def dynamic_pipeline(
    function: Function | None = None, /, **options: Any
) -> DynamicPipeline | Callable[[Function], DynamicPipeline]:
    """Make a function a pipeline whose body runs as a program."""
    return _made(DynamicPipeline, function, options)


Made = TypeVar("Made", bound=Flow)


def _made(kind: type[Made], function: Function | None, options: Mapping[str, Any]) -> Made | Callable[[Function], Made]:
    def made(function: Function) -> Made:
        if isinstance(function, Step | TracedPipeline) or not callable(function):
            raise PipelineError(Message("pipeline_without_function", {"given": short(function)}))
        written = kind(function, pipeline_options(function.__name__, options))
        registry.offer(written.name, written)
        return written

    return made(function) if function is not None else made
