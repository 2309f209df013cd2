"""How often each actual class was predicted as each class: {"labels": [...], "counts": [[...], ...]}."""

from pages.parts import chart, charts
from pages.parts.values import Files, Value


def draw(value: Value, key: str, _files: Files) -> None:
    chart.draw(
        charts.confusion([str(label) for label in value["labels"]], value["counts"]),
        key=key,
        alt="Rows by their actual and their predicted class",
    )
