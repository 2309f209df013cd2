"""A table: {"columns": [...], "rows": [[...], ...]}."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts import tables, words
from pages.parts.values import Files, Value

MOST_ROWS = 2000
MOST_COLUMNS = 200
TALLEST = 13
ROW = 35


def draw(value: Value, key: str, _files: Files) -> None:
    rows = value["rows"]
    shown = frame(value["columns"], rows)
    st.dataframe(
        shown,
        hide_index=True,
        column_config=tables.local_numbers(shown),
        key=key,
        height=min(len(rows) + 1, TALLEST) * ROW + 3,
        placeholder="",
        alt=str(value.get("label") or "Table"),
    )
    if len(rows) > MOST_ROWS:
        st.caption(f"The first {words.count(MOST_ROWS)} of {words.count(len(rows))} rows.")
    if len(value["columns"]) > MOST_COLUMNS:
        st.caption(f"The first {MOST_COLUMNS} of {words.count(len(value['columns']))} columns.")


def frame(columns: Sequence[Any], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """The rows as a frame: numbers stay numbers, a column of anything else is text, and no two names are equal."""
    names = _unique(list(map(str, columns[:MOST_COLUMNS])))
    return pd.DataFrame(
        {name: _column([row[place] for row in rows[:MOST_ROWS]]) for place, name in enumerate(names)},
        columns=names,
    )


def _column(cells: list[Any]) -> pd.Series:
    filled = [cell for cell in cells if cell is not None]
    if filled and all(isinstance(cell, bool) for cell in filled):
        return pd.Series(cells, dtype="boolean")
    if filled and all(isinstance(cell, int) and not isinstance(cell, bool) for cell in filled):
        return pd.Series(cells, dtype="Int64" if max(map(abs, filled)) < 2**63 else "str")
    if filled and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in filled):
        return pd.Series(cells, dtype="float64")
    return pd.Series([None if cell is None else str(cell) for cell in cells], dtype="str")


def _unique(names: list[str]) -> list[str]:
    """The names, of which equal ones get signs that are not seen."""
    unique: list[str] = []
    for name in names:
        while name in unique:
            name += "\u200b"
        unique.append(name)
    return unique
