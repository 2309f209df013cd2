"""Handles: what the call of a step gives while a pipeline is traced. One stands for a value that is not there yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, runtime_checkable

from jobs.pipelines.errors import PipelineError
from jobs.pipelines.handed import Pattern
from store.messages import Message


class Handle:
    """An output of a step of the workflow that is being written. It can be passed to other steps, and not looked at."""

    def __init__(self, key: str, output: str | None, annotation: Any) -> None:
        self.invocation_id = key
        self.output_name = output
        self.annotation = annotation

    def _touched(self, *_: object, **__: object) -> NoReturn:
        raise PipelineError(Message("handle_touched", {"step": self.invocation_id}))

    __bool__ = __iter__ = __len__ = __getitem__ = __contains__ = __int__ = __float__ = _touched
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __sub__ = __mul__ = __truediv__ = _touched
    load = result = _touched

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise PipelineError(Message("handle_attribute", {"step": self.invocation_id, "attribute": name}))

    def __repr__(self) -> str:
        return f"<output {self.output_name or ''} of step {self.invocation_id}, which has not run yet>"


class Handles(tuple[Handle, ...]):
    """The outputs of a step that has several."""

    invocation_id: str


@dataclass(frozen=True, slots=True)
class GivenDataset:
    """A dataset that the workflow was given for an input of its pipeline."""

    input: str


@runtime_checkable
class Stored(Protocol):
    """An output of an earlier run."""

    id: int
    format: str
    sha256: str


def pattern_of(value: Any, further: Callable[[Any], Pattern | None] = lambda _: None) -> Pattern | None:
    """What a value that holds handles or stored outputs looks like in a row; None where it holds none. `further` knows
    what else stands for an output."""
    if (found := further(value)) is not None:
        return found
    if isinstance(value, Handle):
        if value.output_name is None:
            raise PipelineError(Message("handle_without_output", {"step": value.invocation_id}))
        return {"output": [value.invocation_id, value.output_name]}
    if isinstance(value, Handles):
        raise PipelineError(Message("handles_unpacked", {"step": value.invocation_id, "count": len(value)}))
    if isinstance(value, GivenDataset):
        return {"dataset": value.input}
    if isinstance(value, Stored):
        return {"stored": {"id": value.id, "format": value.format, "sha256": value.sha256}}
    if isinstance(value, list | tuple):
        parts = [pattern_of(each, further) for each in value]
        if any(part is not None for part in parts):
            items: list[Pattern] = [part or {"value": each} for part, each in zip(parts, value, strict=True)]
            return {"items": items} if isinstance(value, list) else {"parts": items}
    if isinstance(value, Mapping):
        pairs = [(key, pattern_of(each, further)) for key, each in value.items()]
        if any(part is not None for _, part in pairs):
            return {"pairs": [(key, part or {"value": value[key]}) for key, part in pairs]}
    return None


def keys_of(after: Any) -> list[str]:
    """The keys of the steps that `after=` names: ids, handles, or lists of these."""
    if after is None:
        return []
    if isinstance(after, str):
        return [after]
    if isinstance(after, Handle | Handles):
        return [after.invocation_id]
    if isinstance(after, list | tuple | set):
        return [key for each in after for key in keys_of(each)]
    raise PipelineError(Message("after_malformed", {"given": repr(after)[:60]}))
