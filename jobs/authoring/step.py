"""Step: a plain function that may run as a step of a workflow, and is a plain function everywhere else."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NoReturn, overload

from jobs.authoring import driving, mapping, retries, tracing
from jobs.authoring.body import Body
from jobs.authoring.futures import Done
from jobs.authoring.options import HOOKS, PipelineOptions, StepOptions, refuse_method, step_options
from jobs.authoring.returns import Returned, as_many, outputs_of, shape_of
from jobs.authoring.signature import Parameter, parameters_of
from jobs.authoring.sources import module_of, remember
from jobs.pipelines.definition import CountsAs, StepDefinition
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.params import short
from store.messages import Message, Values
from store.text import LONGEST_NAME

Function = Callable[..., Any]
# What a call says beside the arguments of the function.
APART = ("id", "after", "wait_for", "return_state")


class Step(CountsAs):
    """A function that is a step. Called outside of a pipeline, it is the function."""

    # Whether it may be given datasets.
    reads_dataset = False

    def __init__(self, function: Function, options: StepOptions, base: "Step | None" = None, mark: str = "") -> None:
        self.function = function
        self.options = options
        self.name = options.name or function.__name__
        self.base = base or self
        self.undo: Step | None = base.undo if base else None
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__
        # A mark tells apart steps that are made of one function.
        self.source = f"{module_of(function)}:{function.__qualname__}{mark and f'@{mark}'}"
        if base is None:
            remember(self.source, self)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """What it takes."""
        return parameters_of(self.function, self.name)

    @cached_property
    def outputs(self) -> tuple[Returned, ...]:
        """What it leaves."""
        return outputs_of(self.function, self.name)

    @property
    def entrypoint(self) -> Function:
        """The function itself."""
        return self.function

    fn = entrypoint

    def values(self, returned: Any) -> Sequence[Any]:
        """What the function returned, as a value for each output."""
        return as_many(returned, self.outputs, self.name)

    def counts_as(self) -> Any:
        return [self.function, shape_of(self.outputs)]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        apart, after = self._apart(kwargs)
        if (trace := tracing.current()) is not None:
            return trace.call(self, args, kwargs, apart.get("id"), after)
        if (run := driving.current()) is None:
            return self.function(*args, **kwargs)
        future = run.call(self, args, kwargs, key=apart.get("id"), after=after)
        if apart.get("return_state"):
            return future.state
        if run.gives_futures or (run.is_async and inspect.iscoroutinefunction(self.function)):
            return future
        return future.result()

    def _apart(self, kwargs: dict[str, Any]) -> tuple[dict[str, Any], list[Any] | None]:
        """What a call says beside the function's arguments, taken out of these; and which steps it comes after."""
        apart = {name: kwargs.pop(name) for name in APART if name in kwargs and name not in self.parameters}
        after = [each for each in (apart.get("after"), apart.get("wait_for")) if each is not None]
        return apart, after or None

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Ask for the step and go on; outside of a flow, it is done at once."""
        apart, after = self._apart(kwargs)
        if (trace := tracing.current()) is not None:
            return trace.call(self, args, kwargs, apart.get("id"), after)
        if (run := driving.current()) is None:
            return Done(self.function(*args, **kwargs))
        future = run.call(self, args, kwargs, key=apart.get("id"), after=after)
        return future.state if apart.get("return_state") else future

    def map(self, *args: Any, map_key: Callable[..., Any] | None = None, chunk: int = 1, **kwargs: Any) -> Any:
        """Ask for the step once for each item of the lists that are given; `unmapped` gives one whole. With `chunk`,
        one process does so many items, one after the other."""
        apart, after = self._apart(kwargs)
        for option in ("return_state", "id"):
            if apart.get(option):
                raise PipelineError(Message("map_without", {"step": self.name, "option": option}))
        if (run := driving.current()) is not None:
            return run.map(self, args, kwargs, map_key=map_key, after=after, chunk=chunk)
        made = mapping.calls(self.function, self.name, args, kwargs, map_key)
        if (trace := tracing.current()) is not None:
            return [trace.call(self, (), given, None, after) for _, given in made]
        return [Done(self.function(**given)) for _, given in made]

    def product(self, *args: Any, **kwargs: Any) -> Any:
        """As `map`, for each item of one list with each item of the others."""
        apart = {name: kwargs.pop(name) for name in (*APART, "map_key", "chunk") if name in kwargs}
        return self.map(**mapping.product(self.function, self.name, args, kwargs), **apart)

    def on_rollback(self, function: Function) -> "Step":
        """What undoes this step when the `transaction` around it fails; it is given the values kept there."""
        self.undo = Step(
            function, replace(StepOptions(), name=f"{self.name}.rollback"[:LONGEST_NAME], enable_cache=False)
        )
        return self.undo

    def with_options(self, **options: Any) -> "Step":
        """The same step with other options."""
        return Step(self.function, step_options(self.name, options, self.options), self.base)

    def definition(self) -> StepDefinition:
        """As the engine knows it."""
        return StepDefinition(
            name=self.name,
            function=Body(self, self.options),
            version=self.options.version,
            reads_dataset=self.reads_dataset,
            key=self.source,
            timeout=max(1, round(self.options.timeout_seconds)),
            retry=self.base_retry,
        )

    def base_retry(self, row: Any, error: BaseException) -> float | None:
        """In how many seconds a failed attempt is made again; None: not at all."""
        return retries.pause(row, error, self.options.retry.on)

    def policy(self, options: StepOptions, pipeline: PipelineOptions) -> dict[str, Any] | None:
        """What the row must say of retries and hooks: whatever this step's own decorator does not."""
        retry = options.retry if options.retry.max_retries or pipeline.retry is None else pipeline.retry
        said: dict[str, Any] = {}
        if delays := retry.delays():
            said |= {"delays": delays, "jitter": retry.jitter}
        if retry.on is not None and retry.on is not self.base.options.retry.on:
            said["on"] = reference_to(retry.on, self.name)
        cache = options.cache or pipeline.cache
        if cache is not None and (compared := cache.as_json()):
            if unknown := set(compared["ignored"]) - set(self.parameters):
                told: Values = {"name": self.name, "given": sorted(unknown)[0], "known": sorted(self.parameters)}
                raise PipelineError(Message("cache_ignores_unknown", told))
            # What a step leaves is compared even where its code is not, as others are handed it by name.
            said["cache"] = {**compared, "outputs": shape_of(self.outputs)}
        for name in HOOKS:
            hooks = getattr(options, name) or getattr(pipeline, name)
            if hooks and hooks is not getattr(self.base.options, name):
                said[name] = [reference_to(hook, self.name) for hook in hooks]
        return said or None

    def __getattr__(self, name: str) -> NoReturn:
        refuse_method(self, name)

    def __repr__(self) -> str:
        return f"<step {self.name}>"


def reference_to(function: Function, owner: str) -> str:
    """Where a function is, so that the process of a step finds it."""
    name = getattr(function, "__qualname__", "<")
    if "<" in name:
        raise PipelineError(Message("function_not_importable", {"name": owner, "function": short(function)}))
    return f"{module_of(function)}:{name}"


def task(function: Function | None = None, /, **options: Any) -> Any:
    """Make a function a step whose result is reused within its own run only: `@task`, or `@task(retries=3)`."""
    made = step(**options, is_task=True)
    return made(function) if function is not None else made


@overload
def step(function: Function, /) -> Step: ...
@overload
def step(function: None = None, /, **options: Any) -> Callable[[Function], Step]: ...
def step(function: Function | None = None, /, **options: Any) -> Step | Callable[[Function], Step]:
    """Make a function a step: `@step`, or `@step(retries=3)`."""

    def made(function: Function) -> Step:
        if isinstance(function, Step):
            raise PipelineError(Message("step_of_a_step", {"step": function.name, "other": function.name}))
        if not callable(function) or not hasattr(function, "__qualname__"):
            raise PipelineError(Message("step_without_function", {"step": "?", "given": short(function)}))
        return Step(function, step_options(function.__name__, options))

    return made(function) if function is not None else made
