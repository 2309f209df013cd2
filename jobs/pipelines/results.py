"""Results: what a step leaves for people to look at, each of a kind that pages know how to draw.

A step puts them into the dict that it returns, beside whatever steps below need. They are stored as plain JSON, where
`kind` tells them from other values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Result:
    """Something to look at; `label` and `help` are shown above it."""

    kind: ClassVar[str]

    def as_json(self) -> dict[str, Any]:
        given = {name: listed(value) for name, value in asdict(self).items() if value is not None}
        return {"kind": self.kind} | {name: value for name, value in given.items() if value != ""}


def listed(value: Any) -> Any:
    """Arrays of NumPy as lists, since they mean the same in a result."""
    if type(value).__module__ == "numpy":
        return value.tolist()
    if isinstance(value, list | tuple):
        return [listed(each) for each in value]
    return {name: listed(each) for name, each in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class Table(Result):
    """Rows under column names."""

    kind: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    label: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a curve."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve(Result):
    """Lines over a common axis; `diagonal` adds the line of pure chance."""

    kind: ClassVar[str] = "curve"
    lines: Sequence[Line]
    x: str = ""
    y: str = ""
    diagonal: bool = False
    label: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Confusion(Result):
    """How often each actual class (rows) was predicted as each class (columns)."""

    kind: ClassVar[str] = "confusion"
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]
    label: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Importance(Result):
    """How much each named thing matters, most first; `spread` is the uncertainty of each. Both may be given by name."""

    kind: ClassVar[str] = "importance"
    values: Sequence[tuple[str, float]] | Mapping[str, float]
    spread: Sequence[float] | Mapping[str, float] | None = None
    label: str = ""
    help: str = ""

    def as_json(self) -> dict[str, Any]:
        written = Result.as_json(self)
        if isinstance(written["values"], dict):
            written["values"] = list(written["values"].items())
        if isinstance(around := written.get("spread"), dict):
            written["spread"] = [around.get(name, 0.0) for name, _ in written["values"]]
        return written


@dataclass(frozen=True, slots=True)
class Text(Result):
    """Markdown."""

    kind: ClassVar[str] = "text"
    text: str
    label: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Json(Result):
    """Any JSON value, shown as a tree."""

    kind: ClassVar[str] = "json"
    value: Any
    label: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Picture(Result):
    """A picture that the step saved with `context.save(artifact, path)`: PNG, JPEG, GIF, WebP or SVG."""

    kind: ClassVar[str] = "picture"
    artifact: str
    media_type: str = "image/png"
    label: str = ""
    help: str = ""


KINDS = tuple(each.kind for each in (Table, Curve, Confusion, Importance, Text, Json, Picture))


def is_result(value: Any) -> bool:
    """Whether a stored value is a result that pages draw by its kind."""
    return isinstance(value, Mapping) and value.get("kind") in KINDS
