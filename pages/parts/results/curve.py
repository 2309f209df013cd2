"""Lines over a common axis: {"x": label, "y": label, "lines": [{"name", "points": [[x, y], ...]}], "diagonal": bool}.

With `share`, both axes are in percent.
"""

from collections.abc import Mapping
from typing import Any

from pages.parts import chart, charts
from pages.parts.values import Files, Value


def misfit(value: Value) -> str:
    """Why this cannot be drawn, or nothing."""
    return "" if _fits(value) else 'each of its "lines" needs "points" that are pairs of numbers'


def _fits(value: Value) -> bool:
    lines = value.get("lines")
    return isinstance(lines, list) and all(
        isinstance(line, Mapping) and isinstance(line.get("points"), list) and all(map(_is_point, line["points"]))
        for line in lines
    )


def _is_point(point: Any) -> bool:
    return isinstance(point, list | tuple) and len(point) == 2 and all(isinstance(each, int | float) for each in point)


def draw(value: Value, key: str, _files: Files) -> None:
    chart.draw(charts.curve(value), key=key, alt=str(value.get("label") or "Curve"))
