"""How often each actual class was predicted as each class: {"labels": [...], "counts": [[...], ...]}."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from pages.parts import charts


def fits(value: Mapping[str, Any]) -> bool:
    labels, counts = value.get("labels"), value.get("counts")
    return (
        isinstance(labels, list)
        and bool(labels)
        and isinstance(counts, list)
        and len(counts) == len(labels)
        and all(isinstance(row, list) and len(row) == len(labels) for row in counts)
        and all(isinstance(count, int | float) for row in counts for count in row)
    )


def draw(value: Mapping[str, Any], key: str, _files: Callable[[str], bytes | None]) -> None:
    st.plotly_chart(
        charts.confusion([str(label) for label in value["labels"]], value["counts"]),
        key=key,
        config=charts.CONFIG,
        alt="Rows by their actual and their predicted class",
    )
