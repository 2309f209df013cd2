"""Lines over a common axis: {"x": label, "y": label, "lines": [{"name", "points": [[x, y], ...]}], "diagonal": bool}.

With `share`, both axes are in percent.
"""

from pages.parts import chart, charts
from pages.parts.values import Files, Value


def draw(value: Value, key: str, _files: Files) -> None:
    chart.draw(charts.curve(value), key=key, alt=str(value.get("label") or "Curve"))
