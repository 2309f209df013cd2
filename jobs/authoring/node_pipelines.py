"""Node pipelines: a list of nodes as a pipeline, its order, its params, and what it is called."""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import FrameType, FunctionType, ModuleType
from typing import Any, NoReturn

from jobs.authoring import sources, tracing
from jobs.authoring.configuration import Configuration
from jobs.authoring.handles import GivenDataset, Handles
from jobs.authoring.nodes import ALL_PARAMS, PARAM, Node, is_param, node, refuse
from jobs.authoring.options import PipelineOptions, pipeline_options
from jobs.authoring.pipeline import TracedPipeline, not_called
from jobs.authoring.signature import MISSING, Parameter
from jobs.pipelines import registry
from jobs.pipelines.definition import Datasets, StepDefinition
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.params import Params, short
from store import outputs
from store.errors import RequestError
from store.messages import Message, Values


class Pipeline(TracedPipeline):
    """A pipeline made of nodes. At the top of a module it is called as its variable is, unless it has a `name`."""

    def __init__(
        self,
        nodes: Iterable["Node | Pipeline"],
        *,
        name: str = "",
        tags: str | Iterable[str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`defaults` are values of params, beside those that the functions have."""
        refuse(options, name or "Pipeline")
        listed = list(tags) if tags is not None and not isinstance(tags, str) else tags
        self.set_up(nodes, pipeline_options(name, {**options, "tags": listed}), name, defaults or {})
        self.come_from(*_caller(inspect.currentframe()))
        if name:
            registry.offer(name, self)

    def set_up(
        self,
        nodes: Iterable["Node | Pipeline"],
        options: PipelineOptions,
        name: str,
        defaults: Mapping[str, Any],
        run: Configuration | None = None,
    ) -> None:
        """Make it of these nodes, for one run."""
        self.nodes = _in_order(list(_flat(nodes)))
        self.defaults = dict(defaults)
        self.made_in = ""
        super().__init__(_body_of(self), options, run)
        self.name = name
        self.__doc__ = options.description

    def come_from(self, module: str, function: str) -> None:
        """Remember where it was made: at the top of a module, or in a function there."""
        self.function.__module__ = self.__module__ = module
        self.made_in = function
        self.source = f"{sources.module_of(self.function)}:{self.name}"

    def called(self, name: str) -> None:
        """Take this name, unless it has one, and be known."""
        self.name = self.name or name
        self.source = f"{sources.module_of(self.function)}:{self.name}"
        registry.offer(self.name, self)

    def _with(self, options: PipelineOptions, run: Configuration) -> "Pipeline":
        made = Pipeline.__new__(Pipeline)
        self._name_itself()
        made.set_up(self.nodes, options, self.name, self.defaults, run)
        made.come_from(self.__module__, self.made_in)
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracing.current() is None:
            self._name_itself()
        return super().__call__(*args, **kwargs)

    def _name_itself(self) -> None:
        """Find what it is called where its module is loaded, so that other processes find it there."""
        module = sys.modules.get(self.__module__)
        if module is not None and self.made_in == "<module>":
            find(module)
        elif name := _named_by(self.made_in, sources.module_of(self.function)):
            self.called(name)
        if not self.name or (self.made_in != "<module>" and not _named_by(self.made_in, "")):
            raise PipelineError(Message("node_pipeline_unnamed", {"function": self.made_in}))

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The params that its nodes name."""
        found: dict[str, Parameter] = {}
        for each in self.nodes:
            for argument, name in each.arguments.items():
                if name.startswith(PARAM):
                    self._add(found, name.removeprefix(PARAM), each.step.parameters[argument])
        return {name: replace(each, default=self.defaults.get(name, each.default)) for name, each in found.items()}

    def _add(self, found: dict[str, Parameter], path: str, argument: Parameter) -> None:
        name, _, within = path.partition(".")
        new = Parameter(name, dict[str, Any], MISSING) if within else replace(argument, name=name)
        known = found.setdefault(name, new)
        if not known.required and not new.required and known.default != new.default and name not in self.defaults:
            raise PipelineError(Message("node_param_differs", {"param": name}))
        chosen = new if known.annotation is Any else known
        found[name] = replace(chosen, default=new.default if known.required else known.default)

    @cached_property
    def data(self) -> tuple[str, ...]:
        """The names of what none of its nodes makes."""
        made = {name for each in self.nodes for name in each.outputs}
        taken = [name for each in self.nodes for name in each.inputs]
        return tuple(dict.fromkeys(name for name in taken if name not in made and not is_param(name)))

    def inputs(self) -> set[str]:
        """The names of all that it takes."""
        params = {name for each in self.nodes for name in each.inputs if is_param(name)}
        return {*self.data, *params}

    def outputs(self) -> set[str]:
        """The names of what it makes and none of its nodes takes."""
        return self.all_outputs() - {name for each in self.nodes for name in each.inputs}

    def all_outputs(self) -> set[str]:
        """The names of all that it makes."""
        return {name for each in self.nodes for name in each.outputs}

    def __add__(self, other: "Pipeline") -> "Pipeline":
        made = Pipeline([*self.nodes, *other.nodes], defaults={**self.defaults, **other.defaults})
        made.come_from(*_caller(inspect.currentframe()))
        return made

    __or__ = __add__

    def __radd__(self, other: object) -> "Pipeline":
        if other == 0:  # as sum() begins
            return self
        return NotImplemented

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise PipelineError(Message("node_pipeline_attribute", {"attribute": name}))

    def check(self, params: Params, inputs: Datasets) -> list[RequestError]:
        return [*super().check(params, inputs), *self._missing(inputs)]

    def _missing(self, inputs: Datasets) -> Iterator[RequestError]:
        for name in self.data:
            if name not in inputs and outputs.newest(name) is None:
                yield RequestError(Message("node_input_missing", {"name": name}), f"inputs.{name}")

    def _example(self) -> tuple[StepDefinition, ...]:
        keys: dict[str, str] = {}
        made: list[StepDefinition] = []
        for each in self.nodes:
            count = sum(one.name == each.name for one in made) + 1
            key = each.name if count == 1 else f"{each.name}_{count}"
            needs = tuple(dict.fromkeys(keys[name] for name in each.inputs if name in keys))
            made.append(StepDefinition(each.name, not_called, needs=needs, key=key))
            keys |= dict.fromkeys(each.outputs, key)
        return tuple(made)


def _caller(frame: FrameType | None) -> tuple[str, str]:
    """The module and the function that call what runs in a frame."""
    above = frame.f_back if frame else None
    return (str(above.f_globals.get("__name__", "")), above.f_code.co_name) if above else ("", "")


def _flat(nodes: Iterable["Node | Pipeline"]) -> Iterator[Node]:
    for each in nodes:
        if isinstance(each, Pipeline):
            yield from each.nodes
        elif isinstance(each, Node):
            yield each
        else:
            raise PipelineError(Message("pipeline_of_no_node", {"given": short(each)}))


def _in_order(nodes: list[Node]) -> list[Node]:
    """Nodes so that each comes after those it needs, else as they are written."""
    if not nodes:
        raise PipelineError(Message("pipeline_without_nodes"))
    makers: dict[str, Node] = {}
    names: set[str] = set()
    for each in nodes:
        if each.named and each.name in names:
            raise PipelineError(Message("nodes_with_one_name", {"node": each.name}))
        names |= {each.name} if each.named else set()
        for name in each.outputs:
            if name in makers:
                told: Values = {"name": name, "node": makers[name].name, "other": each.name}
                raise PipelineError(Message("nodes_make_one_name", told))
            makers[name] = each
    ordered: list[Node] = []
    left = nodes
    made: set[str] = set()
    while left:
        ready = [each for each in left if all(name in made or name not in makers for name in each.inputs)]
        if not ready:
            raise PipelineError(Message("nodes_in_circle", {"nodes": [each.name for each in left]}))
        ordered += ready
        made |= {name for each in ready for name in each.outputs}
        left = [each for each in left if each not in ready]
    return ordered


def _body_of(made: Pipeline) -> Callable[..., Any]:
    """The function whose body calls the nodes, as if somebody had written it."""

    def body(**given: Any) -> Any:
        trace = tracing.current()
        assert trace is not None
        values = {name: given[name] for name in made.data if name in given}
        for each in made.nodes:
            named = {
                argument: _value(name, made, values, given, trace.datasets) for argument, name in each.arguments.items()
            }
            returned = trace.call(each.step, (), named, None, None)
            several = returned if isinstance(returned, Handles) else (returned,)
            values |= dict(zip(each.outputs, several, strict=False))
        return {name: values[name] for name in made.all_outputs() if name in values}

    params = [(name, each.default) for name, each in made.parameters.items()]
    takes = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default) for name, default in params]
    for name in made.data:
        if name in made.parameters:
            raise PipelineError(Message("node_name_of_both", {"name": name}))
        if name.isidentifier():
            takes.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None))
    vars(body)["__signature__"] = inspect.Signature(takes)
    return body


def _value(
    name: str, made: Pipeline, values: Mapping[str, Any], given: Mapping[str, Any], datasets: Iterable[str]
) -> Any:
    """What a node is given under a name."""
    if name == ALL_PARAMS:
        return {each: given.get(each, parameter.default) for each, parameter in made.parameters.items()}
    if name.startswith(PARAM):
        return _param(name.removeprefix(PARAM), made, given)
    if name in values:
        return values[name]
    if name in datasets:
        return GivenDataset(name)
    if (stored := outputs.newest(name)) is None:
        raise PipelineError(Message("node_input_missing", {"name": name}))
    return stored


def _param(path: str, made: Pipeline, given: Mapping[str, Any]) -> Any:
    name, *within = path.split(".")
    value = given.get(name, made.parameters[name].default)
    for part in within:
        if not isinstance(value, Mapping) or part not in value:
            raise PipelineError(Message("node_param_missing", {"param": path, "part": part}))
        value = value[part]
    return value


def find(module: ModuleType) -> None:
    """Give the pipelines of a module their names: that of the variable, or of the function that makes one, such as
    `create_training_pipeline`; and those that `register_pipelines` returns."""
    found = vars(module)
    if not any(each is node or each is Pipeline for each in found.values()) and "register_pipelines" not in found:
        return
    for name, each in list(found.items()):
        if isinstance(each, Pipeline):
            each.called(name)
        elif isinstance(each, FunctionType) and each.__module__ == module.__name__:
            _call(name, each, module)


def _call(name: str, function: FunctionType, module: ModuleType) -> None:
    called = _named_by(name, module.__name__)
    if not called and name != "register_pipelines":
        return
    if any(
        each.default is MISSING and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        for each in inspect.signature(function).parameters.values()
    ):
        return
    made = function()
    if isinstance(made, Pipeline):
        made.called(called)
    elif isinstance(made, Mapping) and not called:
        for each, one in made.items():
            if isinstance(one, Pipeline) and each != "__default__":
                one.called(str(each))


def _named_by(function: str, module: str) -> str:
    """What a pipeline is called that this function makes; nothing where its name does not say that it makes one."""
    if not function.startswith("create_") or not function.endswith("pipeline"):
        return ""
    name = function.removeprefix("create_").removesuffix("pipeline").strip("_")
    parts = [part for part in module.split(".") if part not in ("pipeline", "pipelines", "__init__")]
    return name or (parts[-1] if parts else "pipeline")


registry.find_with(find)
