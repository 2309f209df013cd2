"""Previews: what pages draw of a value without reading it. Plain JSON of at most 64 kB, made when the value is saved.

Each kind is one of the TypedDicts below. Everything in them may come from strangers: texts are drawn as text.
`markdown` is drawn with raw HTML switched off, `html` only in an iframe with `sandbox=""` that loads nothing, `picture`
only as an image.
"""

import json
import math
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

from store.text import sayable

MOST_BYTES = 64_000
ROWS, COLUMNS, CELL = 50, 50, 100
ENTRIES, DEPTH, LONG_TEXT = 200, 8, 200
LONGEST_SIGN = 12  # bytes of JSON that one character of a key or value can take: two halves of six

Cell = str | int | float | bool | None


class Column(TypedDict):
    """A column of a table: its type as text, and what is known of its values."""

    name: str
    type: str
    missing: NotRequired[int]
    min: NotRequired[Cell]
    mean: NotRequired[Cell]
    max: NotRequired[Cell]


class TablePreview(TypedDict):
    """The first rows of a table, which has `row_count` rows and `column_count` columns."""

    kind: Literal["table"]
    columns: list[Column]
    rows: list[list[Cell]]
    row_count: int
    column_count: int


class TreePreview(TypedDict):
    """A value as JSON; `cut` where there is more of it."""

    kind: Literal["tree"]
    value: Any
    cut: bool


class TextPreview(TypedDict):
    """The beginning of a text of `length` characters."""

    kind: Literal["text", "markdown", "html"]
    text: str
    length: int
    cut: bool


class PicturePreview(TypedDict):
    """A picture, base64; `width` and `height` are those of the value, which may be larger."""

    kind: Literal["picture"]
    media_type: str
    data: str
    width: NotRequired[int]
    height: NotRequired[int]


class HistogramPreview(TypedDict):
    """The numbers of an array: between edges[i] and edges[i + 1] lie counts[i] of them; of a sample, if `sampled`."""

    kind: Literal["histogram"]
    shape: list[int]
    dtype: str
    min: Cell
    mean: Cell
    max: Cell
    counts: list[int]
    edges: list[float]
    sampled: bool


class CardPreview(TypedDict):
    """A model: facts under names, in groups such as params and versions."""

    kind: Literal["card"]
    title: str
    groups: dict[str, list[tuple[str, Cell]]]


class SizePreview(TypedDict):
    """A file or folder; `head` is its first bytes in hexadecimal, `entries` names and sizes of what is in it."""

    kind: Literal["size"]
    name: str
    size: int
    head: NotRequired[str]
    entries: NotRequired[list[tuple[str, int]]]
    entry_count: NotRequired[int]


class PlotlyPreview(TypedDict):
    """A figure of Plotly, as its JSON."""

    kind: Literal["plotly"]
    figure: Any


class NoPreview(TypedDict):
    """There is nothing to look at; `text` says what it is, if anything is known."""

    kind: Literal["none"]
    text: NotRequired[str]


Preview = (
    TablePreview
    | TreePreview
    | TextPreview
    | PicturePreview
    | HistogramPreview
    | CardPreview
    | SizePreview
    | PlotlyPreview
    | NoPreview
)
KINDS = ("table", "tree", "text", "markdown", "html", "picture", "histogram", "card", "size", "plotly", "none")
NONE: NoPreview = {"kind": "none"}

_short = reprlib.Repr()
_short.maxstring = _short.maxother = CELL
_short.maxlevel = 3


def size_of(preview: object) -> int:
    return len(json.dumps(preview))


def cell(value: object, longest: int = CELL) -> Cell:
    """A value as one cell or leaf: numbers as numbers where every browser holds them, else text."""
    if value is None or isinstance(value, bool):
        return value
    kind = type(value)
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == () and kind.__name__ != "ndarray":
        value = value.item()  # type: ignore[attr-defined]
    if type(value) is int:
        return (
            value if abs(value) < 2**53 else _cut(str(value) if abs(value) < 2**256 else "a very large number", longest)
        )
    if type(value) is float:
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    if isinstance(value, str):
        return _cut(str.__str__(value), longest)
    if isinstance(value, bytes):
        return _cut(repr(bytes(value[:longest])), longest)
    return _cut(words(value), longest)


def words(value: object) -> str:
    """A short text for any value; what its author wrote into __str__ may raise anything."""
    try:
        long = isinstance(value, Mapping | Sequence | set | frozenset) or hasattr(value, "shape")
        return _short.repr(value) if long else str(value)
    except Exception:  # noqa: BLE001
        return f"<{type(value).__name__}>"


def _cut(text: str, longest: int) -> str:
    text = sayable(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def table(columns: list[Column], rows: Iterable[Sequence[object]], row_count: int, column_count: int) -> TablePreview:
    """The preview of a table, with as many rows as fit."""
    shown: TablePreview = {
        "kind": "table",
        "columns": columns[:COLUMNS],
        "rows": [[cell(each) for each in row[:COLUMNS]] for row, _ in zip(rows, range(ROWS), strict=False)],
        "row_count": row_count,
        "column_count": column_count,
    }
    while size_of(shown) > MOST_BYTES:
        if len(shown["rows"]) > 5:
            shown["rows"] = shown["rows"][: len(shown["rows"]) // 2]
        else:
            most = len(shown["columns"]) // 2
            shown["columns"] = shown["columns"][:most]
            shown["rows"] = [row[:most] for row in shown["rows"]]
    return shown


def tree(value: object, look: Callable[[object], object]) -> TreePreview:
    """The preview of a nested value; `look` gives the dict, list or leaf that an object stands for."""
    for entries, longest in ((ENTRIES, LONG_TEXT), (ENTRIES, 60), (40, 40)):
        walk = _Walk(look, entries, longest)
        shown: TreePreview = {"kind": "tree", "value": walk.at(value, 0), "cut": walk.cut}
        few = (entries - walk.left + 1) * 2 * longest * LONGEST_SIGN < MOST_BYTES  # so most values are not measured
        if few or size_of(shown) <= MOST_BYTES:
            return shown
    return {"kind": "tree", "value": "…", "cut": True}


class _Walk:
    """Copies a nested value until it has met enough of it."""

    def __init__(self, look: Callable[[object], object], entries: int, longest: int) -> None:
        self._look, self.left, self._longest = look, entries, longest
        self.cut = False

    def at(self, value: object, depth: int) -> Any:
        value = self._look(value)
        if isinstance(value, dict | list) and depth >= DEPTH:
            self.cut = True
            return "…"
        if isinstance(value, dict):
            return {_cut(str(key), self._longest): self.at(item, depth + 1) for key, item in self._some(value.items())}
        if isinstance(value, list):
            return [self.at(item, depth + 1) for item in self._some(value)]
        shown = cell(value, self._longest)
        self.cut = self.cut or (isinstance(value, str) and len(value) > self._longest)
        return shown

    def _some(self, items: Iterable[Any]) -> Iterable[Any]:
        for item in items:
            if self.left <= 0:
                self.cut = True
                return
            self.left -= 1
            yield item


def text(value: str, kind: Literal["text", "markdown", "html"] = "text") -> TextPreview:
    """The preview of a text: as much of its beginning as fits."""
    beginning = sayable(value[:MOST_BYTES])
    while True:
        shown: TextPreview = {"kind": kind, "text": beginning, "length": len(value), "cut": len(beginning) < len(value)}
        if size_of(shown) <= MOST_BYTES:
            return shown
        beginning = beginning[: len(beginning) * 3 // 4]


def card(title: str, groups: Mapping[str, Iterable[tuple[str, object]]]) -> CardPreview:
    """The preview of a model."""
    kept: dict[str, list[tuple[str, Cell]]] = {}
    for name, facts in groups.items():
        kept[name] = [(_cut(key, CELL), cell(value)) for (key, value), _ in zip(facts, range(60), strict=False)]
    return {
        "kind": "card",
        "title": _cut(title, CELL),
        "groups": {name: facts for name, facts in kept.items() if facts},
    }


def bounded(preview: Preview) -> Preview:
    """The preview, with fewer entries where it would be too large."""
    while size_of(preview) > MOST_BYTES:
        if preview["kind"] == "card" and any(len(facts) > 1 for facts in preview["groups"].values()):
            preview = {
                **preview,
                "groups": {name: facts[: -(-len(facts) // 2)] for name, facts in preview["groups"].items()},
            }
        elif preview["kind"] == "size" and preview.get("entries"):
            preview = {**preview, "entries": preview["entries"][: len(preview["entries"]) // 2]}
        else:
            return {"kind": "none"}
    return preview


def clipped(preview: Any) -> Preview:
    """A preview that somebody else made, if it is plain JSON of a kind and size that pages draw."""
    try:
        if preview["kind"] in KINDS and size_of(preview) <= MOST_BYTES:
            return json.loads(json.dumps(preview, allow_nan=False))  # type: ignore[no-any-return]
    except (KeyError, TypeError, ValueError, RecursionError):
        pass
    return {"kind": "none"}
