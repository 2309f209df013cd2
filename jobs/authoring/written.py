"""Written: what the parts of this room know of a step and a pipeline that somebody wrote."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from jobs.authoring.configuration import Configuration
from jobs.authoring.options import PipelineOptions, StepOptions
from jobs.authoring.returns import Returned
from jobs.authoring.signature import Parameter
from jobs.pipelines.definition import Pipeline, StepDefinition


class Written(Protocol):
    """A function that runs as a step: that of a step, or of a flow."""

    function: Callable[..., Any]
    name: str
    source: str

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...

    @property
    def outputs(self) -> tuple[Returned, ...]: ...

    def values(self, returned: Any) -> Sequence[Any]: ...

    def counts_as(self) -> Any: ...


class WrittenStep(Written, Protocol):
    """A step."""

    options: StepOptions

    @property
    def undo(self) -> "WrittenStep | None": ...

    def definition(self) -> StepDefinition: ...

    def policy(self, options: StepOptions, pipeline: PipelineOptions) -> dict[str, Any] | None: ...


class WrittenPipeline(Protocol):
    """A pipeline, for one run of it."""

    name: str
    source: str
    run: Configuration
    is_flow: bool

    @property
    def returned(self) -> tuple[Returned, ...]: ...

    @property
    def registered(self) -> Pipeline: ...
