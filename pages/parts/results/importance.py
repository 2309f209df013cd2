"""How much each named thing matters: {"values": [[name, value], ...], "spread": [...] or null}."""

from pages.parts import chart, charts
from pages.parts.values import Files, Value


def draw(value: Value, key: str, _files: Files) -> None:
    chart.draw(
        charts.importance(value["values"], value.get("spread"), str(value.get("x") or "Importance")),
        key=key,
        alt="How important each one is",
    )
