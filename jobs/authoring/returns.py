"""Returns: which outputs a step has, by its return annotation."""

import ast
import functools
import inspect
import textwrap
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.authoring.signature import MISSING, bare, hints_of, name_of
from jobs.pipelines.errors import PipelineError, StepError
from store.messages import Message
from store.text import LONGEST_NAME

OUTPUT = "output"


@dataclass(frozen=True)
class ArtifactConfig:
    """What to call an output, and what to keep beside it: `Annotated[DataFrame, ArtifactConfig("sales")]`."""

    name: str | None = None
    tags: tuple[str, ...] | list[str] = ()
    run_metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Returned:
    """One output of a step."""

    name: str
    annotation: Any
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, Any], ...] = ()


def outputs_of(function: Callable[..., Any], owner: str) -> tuple[Returned, ...]:
    """The outputs of a step: none for `-> None`, several for a tuple of named ones or one that is returned as a
    tuple literal, else one."""
    annotation = _annotation(function, owner)
    if annotation is None or annotation is type(None):
        return ()
    parts = _parts(annotation, function)
    if parts is None:
        return _checked((_output(annotation, OUTPUT),), owner)
    return _checked(tuple(_output(part, f"{OUTPUT}_{number}") for number, part in enumerate(parts)), owner)


def _annotation(function: Callable[..., Any], owner: str) -> Any:
    written = inspect.get_annotations(function).get("return", MISSING)
    if written is MISSING:
        return Any
    if isinstance(written, tuple):  # `-> tuple([A, B])` is a tuple of types, which typing does not know
        return written
    hints = hints_of(function)
    if "return" not in hints and written is not None:
        raise PipelineError(Message("return_type_unknown", {"name": owner, "type": str(written)}))
    return hints.get("return")


def _parts(annotation: Any, function: Callable[..., Any]) -> list[Any] | None:
    """The types of several outputs; None where the annotation is that of one."""
    if isinstance(annotation, tuple):
        return list(annotation)
    if typing.get_origin(annotation) is not tuple:
        return None
    parts = list(typing.get_args(annotation))
    if not parts or Ellipsis in parts:
        return None
    if any(typing.get_origin(part) is typing.Annotated for part in parts) or _returns_tuples(function):
        return parts
    return None


@functools.lru_cache(maxsize=512)
def _returns_tuples(function: Callable[..., Any]) -> bool:
    """Whether every return of a function is written as a tuple."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError):
        return False
    returned = [node.value for node in _own_nodes(tree.body[0]) if isinstance(node, ast.Return)]
    return bool(returned) and all(isinstance(value, ast.Tuple) for value in returned)


def _own_nodes(node: ast.AST) -> list[ast.AST]:
    """What is in a function, without the functions in it."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            found += [child, *_own_nodes(child)]
    return found


def _output(annotation: Any, name: str) -> Returned:
    beside = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is typing.Annotated else ()
    config = next((each for each in beside if isinstance(each, ArtifactConfig)), ArtifactConfig())
    named = next((each for each in beside if isinstance(each, str)), None)
    metadata = tuple(config.run_metadata.items())
    return Returned(named or config.name or name, bare(annotation), tuple(config.tags), metadata)


def _checked(outputs: tuple[Returned, ...], owner: str) -> tuple[Returned, ...]:
    names = [each.name for each in outputs]
    for each in outputs:
        if names.count(each.name) > 1:
            raise PipelineError(Message("outputs_with_one_name", {"name": owner, "output": each.name}))
        if len(each.name) > LONGEST_NAME or not each.name.strip():
            raise PipelineError(
                Message("output_name_malformed", {"name": owner, "output": each.name, "most": LONGEST_NAME})
            )
    return outputs


def as_many(value: Any, outputs: Sequence[Returned], owner: str) -> Sequence[Any]:
    """What a function returned, as a value for each of its outputs."""
    return [value] if len(outputs) == 1 else several(value, len(outputs), owner)


def several(value: Any, count: int, owner: str) -> Sequence[Any]:
    """The parts of what a step with several outputs returned."""
    if not isinstance(value, list | tuple) or len(value) != count:
        given = len(value) if isinstance(value, list | tuple) else 1
        raise StepError(Message("outputs_not_as_many", {"name": owner, "count": count, "given": given}))
    return value


def shape_of(outputs: tuple[Returned, ...]) -> list[list[str]]:
    """Names and types of outputs, which count where the code of two steps is compared."""
    return [[each.name, name_of(each.annotation)] for each in outputs]
