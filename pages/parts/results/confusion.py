"""How often each actual class was predicted as each class: {"labels": [...], "counts": [[...], ...]}."""

from pages.parts import chart, charts
from pages.parts.values import Files, Value


def misfit(value: Value) -> str:
    """Why this cannot be drawn, or nothing."""
    return "" if _fits(value) else 'it needs "labels", and in "counts" a row of as many numbers for each label'


def _fits(value: Value) -> bool:
    labels, counts = value.get("labels"), value.get("counts")
    return (
        isinstance(labels, list)
        and bool(labels)
        and isinstance(counts, list)
        and len(counts) == len(labels)
        and all(isinstance(row, list) and len(row) == len(labels) for row in counts)
        and all(isinstance(count, int | float) for row in counts for count in row)
    )


def draw(value: Value, key: str, _files: Files) -> None:
    chart.draw(
        charts.confusion([str(label) for label in value["labels"]], value["counts"]),
        key=key,
        alt="Rows by their actual and their predicted class",
    )
