"""Asking: a flow asks a person, and waits for days at no cost; and it keeps what could come out otherwise next time."""

import dataclasses
import typing
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from jobs.authoring import driving
from jobs.authoring.signature import MISSING, Parameter, as_json, bare, checked, params_of
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.params import Param, short
from store.messages import Message
from store.tables import now

ANSWER = "answer"
NO_DEFAULT: Any = object()
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def ask(
    kind: Any = bool,
    question: str = "Go on?",
    *,
    timeout: str | float | timedelta | None = None,
    default: Any = NO_DEFAULT,
    name: str = "ask",
) -> Any:
    """Ask a person: `ask(bool, "Release it?", timeout="3d")`. The answer is of the type `kind`, such as `int`, a
    `Literal`, or a model with several fields. Without an answer in time, `default` counts, or else `TimeoutError` is
    raised."""
    run = _run("ask")
    params: dict[str, Any] = {"question": str(question), "fields": [_field(each) for each in _params(kind)]}
    params["single"] = not _fields_of(kind)
    if default is not NO_DEFAULT:
        params["otherwise"] = as_json(default, kind, name, "default")
    if (seconds := seconds_of(timeout)) is not None:
        params["seconds"] = seconds
    deadline = now() + timedelta(seconds=seconds) if seconds is not None else None
    return run.question(name, params, deadline, lambda given: checked(given, kind, name, ANSWER))


def once(function: Callable[[], Any]) -> Any:
    """What a function gives the first time, kept for every replay of the flow: `once(lambda: random.random())`."""
    run = driving.current()
    return function() if run is None else run.once(function)


def seconds_of(given: str | float | timedelta | None) -> float | None:
    """A time such as 90, "3d" or a timedelta, in seconds."""
    if given is None:
        return None
    if isinstance(given, timedelta):
        return given.total_seconds()
    if isinstance(given, int | float) and not isinstance(given, bool) and given > 0:
        return float(given)
    if isinstance(given, str) and given[-1:] in UNITS:
        try:
            return timedelta(**{UNITS[given[-1]]: float(given[:-1])}).total_seconds()
        except ValueError:
            pass
    raise PipelineError(Message("time_malformed", {"given": short(given)}))


def _run(what: str) -> driving.Run:
    if (run := driving.current()) is None:
        raise PipelineError(Message("outside_of_a_flow", {"what": what}))
    return run


def _params(kind: Any) -> tuple[Param, ...]:
    fields = _fields_of(kind) or {ANSWER: Parameter(ANSWER, kind, MISSING)}
    return params_of(fields, "ask")


def _fields_of(kind: Any) -> dict[str, Parameter]:
    """The fields of a model or dataclass; none for a plain type."""
    kind = bare(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        defaults = {each.name: each.default for each in dataclasses.fields(kind)}
        return {
            name: Parameter(name, hints[name], MISSING if default is dataclasses.MISSING else default)
            for name, default in defaults.items()
        }
    found = getattr(kind, "model_fields", None)
    if isinstance(found, dict):
        return {
            name: Parameter(name, each.annotation, MISSING if each.is_required() else each.get_default())
            for name, each in found.items()
        }
    return {}


def _field(param: Param) -> dict[str, Any]:
    return {
        "name": param.name,
        "kind": param.kind,
        "label": param.label,
        "choices": list(param.choices),
        "required": param.required,
        "default": param.default,
        "type": param.type,
    }
