"""Arguments: what a call of a step is given, as a row can hold it: plain values as JSON, patterns of what other steps
make, and files for what JSON cannot say."""

import copy
import inspect
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from jobs.authoring.signature import MISSING, Parameter, as_json, checked
from jobs.authoring.written import WrittenStep
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.handed import Pattern
from store.messages import Message

Given = tuple[dict[str, Any], dict[str, Pattern]]


class Reads(Protocol):
    """How values are read while a call is written down."""

    def pattern_of(self, value: Any) -> Pattern | None:
        """What a value looks like that holds what other steps make; None where it holds none."""

    def keep(self, value: Any, annotation: Any, owner: str, name: str) -> Pattern:
        """A value that JSON cannot say."""


def arguments(
    step: WrittenStep, args: tuple[Any, ...], kwargs: Mapping[str, Any], configured: Mapping[str, Any], reads: Reads
) -> Given:
    """The arguments of a call, of which some may be configured: plain values as JSON, and patterns."""
    said = bound(step.function, step.name, args, kwargs, partial=True)
    for name in set(configured) & set(said):
        if configured[name] != said[name]:
            raise PipelineError(Message("param_given_twice", {"owner": step.name, "param": name}))
    params: dict[str, Any] = {}
    handed: dict[str, Pattern] = {}
    for name, value in bound(step.function, step.name, args, {**configured, **kwargs}).items():
        parameter = step.parameters[name]
        if (pattern := reads.pattern_of(value)) is not None:
            handed[name] = _plain(pattern, step.name, name, reads)
        elif isinstance(plain := _one(value, parameter, step.name, reads), _Kept):
            handed[name] = plain.pattern
        else:
            params[name] = plain
    return params, handed


class _Kept:
    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern


def _one(value: Any, parameter: Parameter, owner: str, reads: Reads) -> Any:
    value = checked(value, parameter.annotation, owner, parameter.name)
    if is_exact(value):
        return copy.deepcopy(value) if isinstance(value, list | dict) else value  # its author may go on changing it
    try:
        plain = as_json(value, parameter.annotation, owner, parameter.name)
        if isinstance(value, set | frozenset):  # whose order is another one in each process
            plain = sorted(plain, key=json.dumps)
    except PipelineError:
        return _Kept(reads.keep(value, parameter.annotation, owner, parameter.name))
    if parameter.annotation in (Any, MISSING):  # JSON would make a list of a tuple
        return _kept_or(plain, value, parameter, owner, reads)
    return plain


def _kept_or(plain: Any, value: Any, parameter: Parameter, owner: str, reads: Reads) -> Any:
    try:
        return _Kept(reads.keep(value, parameter.annotation, owner, parameter.name))
    except PipelineError:
        return plain


def is_exact(value: Any) -> bool:
    """Whether JSON gives back exactly this value."""
    if value is None or type(value) in (bool, int, str):
        return True
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is list:
        return all(map(is_exact, value))
    if type(value) is dict:
        return all(type(key) is str and is_exact(each) for key, each in value.items())
    return False


def _plain(pattern: Pattern, owner: str, name: str, reads: Reads) -> Pattern:
    """A pattern whose plain values are JSON, or kept."""
    if "value" in pattern:
        value = pattern["value"]
        return {"value": copy.deepcopy(value)} if is_exact(value) else _as_json_or_kept(value, owner, name, reads)
    if "items" in pattern:
        return {"items": [_plain(each, owner, name, reads) for each in pattern["items"]]}
    if "parts" in pattern:
        return {"parts": [_plain(each, owner, name, reads) for each in pattern["parts"]]}
    if "pairs" in pattern:
        pairs = [(as_json(key, Any, owner, name), _plain(each, owner, name, reads)) for key, each in pattern["pairs"]]
        return {"pairs": pairs}
    return pattern


def _as_json_or_kept(value: Any, owner: str, name: str, reads: Reads) -> Pattern:
    try:
        return reads.keep(value, Any, owner, name)
    except PipelineError:
        return {"value": as_json(value, Any, owner, name)}


def bound(
    function: Callable[..., Any], owner: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, partial: bool = False
) -> dict[str, Any]:
    """Arguments by the names of a function's parameters; refused as Python would, in a sentence that names the step."""
    signature = inspect.signature(function)
    try:
        return dict((signature.bind_partial if partial else signature.bind)(*args, **kwargs).arguments)
    except TypeError as error:
        raise PipelineError(Message("call_malformed", {"owner": owner, "reason": str(error)})) from None
