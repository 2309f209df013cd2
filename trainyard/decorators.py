"""The two decorators, in both ways of writing: plain functions, and steps that are given a context."""

from collections.abc import Callable
from typing import Any, overload

from jobs import pipelines
from jobs.authoring import runs
from jobs.authoring.flow import dynamic_pipeline
from jobs.authoring.flow import flow as flow
from jobs.authoring.node_pipelines import Pipeline as Pipeline
from jobs.authoring.nodes import Node
from jobs.authoring.nodes import node as node
from jobs.authoring.pipeline import TracedPipeline
from jobs.authoring.pipeline import pipeline as traced
from jobs.authoring.step import Step
from jobs.authoring.step import step as plain
from jobs.authoring.step import task as task
from jobs.pipelines import Pipeline as Registered
from jobs.pipelines import StepDefinition
from trainyard.runs import launch

runs.use_launcher(launch)


@overload
def step(function: Callable[..., Any], /) -> Step: ...
@overload
def step(function: str, /, **options: Any) -> Callable[[Callable[..., Any]], StepDefinition]: ...
@overload
def step(function: None = None, /, **options: Any) -> Callable[[Callable[..., Any]], Step]: ...
def step(function: Callable[..., Any] | str | None = None, /, **options: Any) -> Any:
    """Make a function a step: `@step` for a plain function, `@step("train", needs=("load",))` for one that is given a
    context."""
    if isinstance(function, str):
        return pipelines.step(function, **options)
    return plain(function, **options)


@overload
def pipeline(function: Callable[..., Any], /) -> TracedPipeline: ...
@overload
def pipeline(function: str, /, *steps: StepDefinition, **options: Any) -> Registered: ...
@overload
def pipeline(function: list[Node], /, **options: Any) -> Pipeline: ...
@overload
def pipeline(function: None = None, /, **options: Any) -> Callable[[Callable[..., Any]], TracedPipeline]: ...
def pipeline(
    function: Callable[..., Any] | str | list[Node] | None = None, /, *steps: StepDefinition, **options: Any
) -> Any:
    """Make a function whose body calls steps a pipeline; or a list of nodes; or register one by its name and steps.
    With `dynamic=True`, the body runs as a program, and a call of a step gives a handle with `.load()`."""
    if isinstance(function, str):
        return pipelines.pipeline(function, *steps, **options)
    if isinstance(function, list | tuple):
        return Pipeline(function, **options)
    if options.pop("dynamic", None):
        return dynamic_pipeline(function, **options)
    return traced(function, **options)
