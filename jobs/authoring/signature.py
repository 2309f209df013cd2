"""Signature: what a function takes, by its annotations: checked, as JSON, and as params of a form."""

import functools
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import ConfigDict, PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError

from jobs.pipelines.errors import PipelineError
from jobs.pipelines.params import Kind, Param
from store.errors import RequestError
from store.messages import Message, Values

MISSING = inspect.Parameter.empty
PLAIN: dict[object, Kind] = {int: "int", float: "float", bool: "bool", str: "text"}
LONGEST_TYPE = 60
ANY_CONFIG = ConfigDict(arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str
    annotation: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is MISSING


def parameters_of(function: Callable[..., Any], owner: str) -> dict[str, Parameter]:
    """What a function takes, by name; `owner` is the step or pipeline that it makes."""
    hints = hints_of(function)
    found = {}
    for name, each in inspect.signature(function).parameters.items():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise PipelineError(Message("takes_any_arguments", {"name": owner, "argument": name}))
        if each.kind is each.POSITIONAL_ONLY:
            raise PipelineError(Message("takes_positional_only", {"name": owner, "argument": name}))
        found[name] = Parameter(name, hints.get(name, Any), each.default)
    return found


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function; one that cannot be resolved, such as one for type checkers only, is left out."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - evaluating an annotation can raise anything
        hints: dict[str, Any] = {}
        for name, annotation in inspect.get_annotations(function).items():
            one = types.SimpleNamespace(__annotations__={name: annotation}, __module__=function.__module__)
            try:
                hints |= typing.get_type_hints(one, vars(inspect.getmodule(function)), include_extras=True)
            except Exception:  # noqa: BLE001
                continue
        return hints


def bare(annotation: Any) -> Any:
    """An annotation without what `Annotated` says beside the type."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


@functools.lru_cache(maxsize=512)
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ANY_CONFIG)
    except PydanticUserError:  # a model brings its own configuration
        return TypeAdapter(annotation)
    except PydanticSchemaGenerationError:
        return TypeAdapter(Any)


def adapter(annotation: Any) -> TypeAdapter[Any]:
    """What checks and converts values of an annotated type."""
    try:
        return _adapter(annotation)
    except TypeError:  # an annotation that has no hash
        return _adapter.__wrapped__(annotation)


def checked(value: Any, annotation: Any, owner: str, name: str) -> Any:
    """A value as its annotation wants it, converted where Python's usual conversions allow it."""
    if annotation is Any or annotation is MISSING:
        return value
    try:
        return adapter(annotation).validate_python(value)
    except ValidationError as wrong:
        raise RequestError(Message("argument_wrong", _told(wrong, owner, name, annotation)), name) from None


def _told(wrong: ValidationError, owner: str, name: str, annotation: Any) -> Values:
    first = wrong.errors(include_url=False)[0]
    place = "".join(f"[{part!r}]" for part in first["loc"])
    reason = first["msg"][:1].lower() + first["msg"][1:]
    return {"owner": owner, "argument": f"{name}{place}", "reason": reason, "type": name_of(annotation)}


def as_json(value: Any, annotation: Any, owner: str, name: str) -> Any:
    """A value as JSON from which `checked` makes an equal one."""
    try:
        plain = adapter(annotation).dump_python(value, mode="json", warnings=False)
        return json.loads(json.dumps(plain, allow_nan=False))
    except (ValueError, TypeError, PydanticUserError) as error:
        kind = type(value).__name__
        raise PipelineError(Message("argument_not_json", {"owner": owner, "argument": name, "kind": kind})) from error


def params_of(parameters: Mapping[str, Parameter], owner: str) -> tuple[Param, ...]:
    """The form of a function."""
    return tuple(_param(each, owner) for each in parameters.values())


def _param(parameter: Parameter, owner: str) -> Param:
    annotation, default = bare(parameter.annotation), parameter.default
    kind, choices = _kind(annotation)
    if not parameter.required and default is not None:
        default = as_json(default, parameter.annotation, owner, parameter.name)
        if kind != "json" and not isinstance(default, str | int | float | bool):
            kind, choices = "json", ()
    return Param(
        parameter.name,
        kind,
        None if parameter.required else default,
        parameter.name.replace("_", " ").capitalize(),
        choices=choices,
        required=parameter.required,
        type=name_of(annotation),
    )


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    annotation = _without_none(bare(annotation))
    if annotation in PLAIN:
        return PLAIN[annotation], ()
    if typing.get_origin(annotation) is typing.Literal and all(isinstance(x, str) for x in typing.get_args(annotation)):
        return "choice", typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        values = tuple(each.value for each in annotation)
        if all(isinstance(value, str) for value in values):
            return "choice", values
    return "json", ()


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        others = [each for each in typing.get_args(annotation) if each is not type(None)]
        if len(others) == 1:
            return others[0]
    return annotation


def name_of(annotation: Any) -> str:
    """A type as people write it: `list[str]`, `pandas.DataFrame`, `Order`."""
    annotation = bare(annotation)
    if annotation is MISSING or annotation is Any:
        return "any"
    if annotation is type(None) or annotation is None:
        return "None"
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        home = annotation.__module__.partition(".")[0]
        return f"{home}.{annotation.__name__}" if home in ("pandas", "numpy", "scipy") else annotation.__name__
    text = str(annotation).replace("typing.", "")
    return text if len(text) <= LONGEST_TYPE else f"{text[: LONGEST_TYPE - 1]}…"
