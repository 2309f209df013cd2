"""How much each named thing matters: {"values": [[name, value], ...], "spread": [...] or null}."""

from pages.parts import chart, charts
from pages.parts.values import Files, Value


def misfit(value: Value) -> str:
    """Why this cannot be drawn, or nothing."""
    return "" if _fits(value) else 'its "values" must be pairs of a name and a number, and its "spread" as long'


def _fits(value: Value) -> bool:
    values, spread = value.get("values"), value.get("spread")
    return (
        isinstance(values, list)
        and all(isinstance(row, list | tuple) and len(row) == 2 and isinstance(row[1], int | float) for row in values)
        and (spread is None or (isinstance(spread, list) and len(spread) == len(values)))
    )


def draw(value: Value, key: str, _files: Files) -> None:
    chart.draw(
        charts.importance(value["values"], value.get("spread"), str(value.get("x") or "Importance")),
        key=key,
        alt="How important each one is",
    )
