"""Shapes: whether a stored result is written as its kind must be, so that pages and reports can draw it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jobs.pipelines.results import is_result
from store.messages import Message

MEDIA_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")

Value = Mapping[str, Any]


def misfit(value: Value) -> Message | None:
    """Why a result cannot be drawn as its kind, if so."""
    return _MISFITS[value["kind"]](value)


def misfits(result: Value) -> Iterator[tuple[str, Message]]:
    """Those results in what a step returned that cannot be drawn, each with the reason."""
    for name, value in result.items():
        if is_result(value) and (why := misfit(value)):
            yield name, why


def _table(value: Value) -> Message | None:
    columns, rows = value.get("columns"), value.get("rows")
    if not (isinstance(columns, list) and columns and isinstance(rows, list)):
        return Message("misfit_table")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list):
            return Message("misfit_row_no_list", {"row": number})
        if len(row) != len(columns):
            return Message("misfit_row", {"row": number, "values": len(row), "columns": len(columns)})
    return None


def _curve(value: Value) -> Message | None:
    lines = value.get("lines")
    fits = isinstance(lines, list) and all(
        isinstance(line, Mapping) and isinstance(line.get("points"), list) and all(map(_is_point, line["points"]))
        for line in lines
    )
    return None if fits else Message("misfit_curve")


def _is_point(point: Any) -> bool:
    """Whether this is a pair of numbers; one that is not finite is stored as None, and leaves a gap."""
    return isinstance(point, list) and len(point) == 2 and all(isinstance(each, int | float | None) for each in point)


def _confusion(value: Value) -> Message | None:
    labels, counts = value.get("labels"), value.get("counts")
    fits = (
        isinstance(labels, list)
        and bool(labels)
        and isinstance(counts, list)
        and len(counts) == len(labels)
        and all(isinstance(row, list) and len(row) == len(labels) for row in counts)
        and all(isinstance(count, int | float) for row in counts for count in row)
    )
    return None if fits else Message("misfit_confusion")


def _importance(value: Value) -> Message | None:
    values, spread = value.get("values"), value.get("spread")
    fits = (
        isinstance(values, list)
        and all(isinstance(row, list) and len(row) == 2 and isinstance(row[1], int | float) for row in values)
        and (spread is None or (isinstance(spread, list) and len(spread) == len(values)))
    )
    return None if fits else Message("misfit_importance")


def _text(value: Value) -> Message | None:
    return None if isinstance(value.get("text"), str) else Message("misfit_text")


def _json(value: Value) -> Message | None:
    return None if "value" in value else Message("misfit_json")


def _picture(value: Value) -> Message | None:
    fits = isinstance(value.get("artifact"), str) and value.get("media_type", MEDIA_TYPES[0]) in MEDIA_TYPES
    return None if fits else Message("misfit_picture")


_MISFITS: Mapping[str, Callable[[Value], Message | None]] = {
    "table": _table,
    "curve": _curve,
    "confusion": _confusion,
    "importance": _importance,
    "text": _text,
    "json": _json,
    "picture": _picture,
}
