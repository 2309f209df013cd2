"""Nodes: pipelines in Kedro's manner. Functions are listed with the names of what they take and leave, and from these
follows what waits for what.

A name that no node makes is a dataset that the workflow is given, or else what an earlier run left under this name.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.authoring.arguments import bound
from jobs.authoring.options import StepOptions, step_options
from jobs.authoring.returns import Returned, outputs_of, several, shape_of
from jobs.authoring.step import Step
from jobs.pipelines.errors import PipelineError, StepError
from jobs.pipelines.params import short
from store.messages import Message, Values
from store.text import LONGEST_NAME

PARAM, ALL_PARAMS = "params:", "parameters"
Names = str | Sequence[str] | Mapping[str, str] | None
# What Kedro has, with the code of the sentence that says what to write instead.
INSTEAD = {
    **dict.fromkeys(("namespace", "prefix_datasets_with_namespace"), "instead_namespace"),
    **dict.fromkeys(("inputs", "outputs", "parameters"), "instead_renaming"),
    "confirms": "instead_confirms",
    "preview_fn": "instead_preview",
}


class NodeStep(Step):
    """A step whose node says what its outputs are called."""

    reads_dataset = True

    def __init__(
        self,
        function: Callable[..., Any],
        options: StepOptions,
        left: tuple[Returned, ...],
        keys: tuple[str, ...] | None,
        is_list: bool,
    ) -> None:
        self.keys, self.is_list = keys, is_list
        text = json.dumps([shape_of(left), keys, is_list, options.name])
        super().__init__(function, options, mark=hashlib.sha256(text.encode()).hexdigest()[:8])
        self.outputs = left

    def values(self, returned: Any) -> Sequence[Any]:
        if self.keys is None:
            return several(returned, len(self.outputs), self.name) if self.is_list else [returned]
        missing = [key for key in self.keys if not isinstance(returned, Mapping) or key not in returned]
        if missing:
            raise StepError(Message("node_output_missing", {"node": self.name, "key": missing[0]}))
        return [returned[key] for key in self.keys]

    def counts_as(self) -> Any:
        return [super().counts_as(), self.keys, self.is_list]


@dataclass(frozen=True)
class Node:
    """A function, with the names of what it takes, by its arguments, and of what it leaves."""

    step: NodeStep
    arguments: Mapping[str, str]
    named: bool

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def inputs(self) -> list[str]:
        """The names of what it takes."""
        return list(dict.fromkeys(self.arguments.values()))

    @property
    def outputs(self) -> list[str]:
        """The names of what it leaves."""
        return [each.name for each in self.step.outputs]

    @property
    def tags(self) -> set[str]:
        return set(self.step.options.tags)

    @property
    def func(self) -> Callable[..., Any]:
        """The function itself."""
        return self.step.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.step.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<node {self.name}: {', '.join(self.inputs)} -> {', '.join(self.outputs)}>"


def node(
    func: Callable[..., Any],
    inputs: Names,
    outputs: Names,
    *,
    name: str | None = None,
    tags: str | Iterable[str] | None = None,
    **options: Any,
) -> Node:
    """A function as a part of a pipeline: `node(train, ["features", "params:rate"], "model", name="train")`.

    `inputs` are a name, names in the order of the arguments, or names by argument; `outputs` a name, names in the order
    of what is returned, or names by the keys of the dict that is returned. Options are those of `@step`."""
    refuse(options, name or str(getattr(func, "__name__", "node")))
    written = func.function if isinstance(func, Step) else func
    if "<" in getattr(written, "__qualname__", "<"):
        raise PipelineError(Message("node_of_no_function", {"given": short(written)}))
    given = {**options, "name": name, "tags": list(tags) if tags is not None and not isinstance(tags, str) else tags}
    called = name or (func.name if isinstance(func, Step) else written.__name__)
    said = step_options(called, given, func.options if isinstance(func, Step) else None)
    left, keys = _left(written, called, outputs)
    step = NodeStep(written, replace(said, name=called), left, keys, isinstance(outputs, list | tuple))
    if not left and not inputs:
        raise PipelineError(Message("node_without_names", {"node": called}))
    return Node(step, _arguments(step, called, inputs), name is not None)


def is_param(name: str) -> bool:
    """Whether a name is that of a param, or of all of them."""
    return name == ALL_PARAMS or name.startswith(PARAM)


def refuse(options: Mapping[str, Any], owner: str) -> None:
    """Refuse what Kedro has and this has not, with what to write instead."""
    for option in options:
        if option in INSTEAD:
            instead = Message(INSTEAD[option]).as_json()
            raise PipelineError(Message("option_instead", {"name": owner, "option": option, "instead": instead}))


def _arguments(step: NodeStep, owner: str, inputs: Names) -> dict[str, str]:
    """Which name each argument of the function is given."""
    if isinstance(inputs, Mapping):
        given = bound(step.function, owner, (), dict(inputs))
    else:
        given = bound(step.function, owner, tuple(_listed(inputs, owner)), {})
    _ = step.parameters  # refused here where it takes any arguments
    for name in given.values():
        _check_name(name, owner)
        path = name.removeprefix(PARAM)
        if name.startswith(PARAM) and not all(part.isidentifier() for part in path.split(".")):
            raise PipelineError(Message("node_param_malformed", {"node": owner, "given": name}))
    return given


def _left(
    function: Callable[..., Any], owner: str, given: Names
) -> tuple[tuple[Returned, ...], tuple[str, ...] | None]:
    """What a node leaves, and by which keys of what is returned."""
    names = list(given.values()) if isinstance(given, Mapping) else _listed(given, owner)
    for name in names:
        _check_name(name, owner)
        if is_param(name):
            raise PipelineError(Message("node_leaves_param", {"node": owner, "given": name}))
        if names.count(name) > 1:
            raise PipelineError(Message("outputs_with_one_name", {"name": owner, "output": name}))
    types = [each.annotation for each in outputs_of(function, owner)] if not isinstance(given, Mapping) else []
    if len(types) != len(names):
        types = [Any] * len(names)
    keys = tuple(map(str, given)) if isinstance(given, Mapping) else None
    return tuple(Returned(name, kind) for name, kind in zip(names, types, strict=True)), keys


def _listed(given: Names, owner: str) -> list[str]:
    if given is None:
        return []
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list | tuple):
        raise PipelineError(Message("node_names_malformed", {"node": owner, "given": short(given)}))
    return list(given)


def _check_name(name: object, owner: str) -> None:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        told: Values = {"node": owner, "given": short(name), "most": LONGEST_NAME}
        raise PipelineError(Message("node_name_malformed", told))
    if "@" in name:
        raise PipelineError(Message("node_name_transcoded", {"node": owner, "given": name}))
