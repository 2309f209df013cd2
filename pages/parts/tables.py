"""Tables whose rows can be chosen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.elements.lib.column_types import ButtonColumnResult, ColumnConfig

from jobs.language import numbers

BY_KEYBOARD = "By keyboard: move with the arrows, tick with Shift+Space; Shift+Tab leads to the buttons above"
SMALL, MOST_DIGITS = 1e-4, 4
# How columns of a table are drawn, by name; None hides one.
ColumnConfigs = dict[str, ColumnConfig | ButtonColumnResult | None]


def texts(
    columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Mapping[str, int], width: int, alt: str, key: str
) -> None:
    """A small table of texts whose columns are as wide as is said, or else of one width."""
    st.dataframe(
        pd.DataFrame(rows, columns=list(columns), dtype="str"),
        hide_index=True,
        column_config={name: st.column_config.TextColumn(width=widths.get(name, width)) for name in columns},
        key=key,
        height="content",
        alt=alt,
    )


def one_digit() -> dict[str, Any]:
    """How a column of percents is written: 93.4 %, and without the sign where only the browser knows the language."""
    if numbers.current().decimal == numbers.ENGLISH.decimal:
        return {"format": "%.1f %%"}
    return {"format": "localized", "step": 0.1}


def in_percent(label: str) -> str:
    """The head of a column of percents, with the sign where its cells have none."""
    return label if numbers.current().decimal == numbers.ENGLISH.decimal else f"{label}, %"


def local_numbers(frame: pd.DataFrame) -> ColumnConfigs:
    """How columns of parts, such as 1.234,5, are drawn where a part is not written with a point. Whole numbers stay as
    they are: they may be years."""
    if numbers.current().decimal == numbers.ENGLISH.decimal:
        return {}
    return {
        str(name): st.column_config.NumberColumn(format="localized", step=10.0**-digits)
        for name, column in frame.items()
        if column.dtype.kind == "f" and (digits := _digits(column)) is not None
    }


def _digits(column: "pd.Series[float]") -> int | None:
    """How many digits after the point the numbers of a column need, at most four; None where that is not enough."""
    known = column.dropna()
    sizes = known.abs()
    if ((sizes > 0) & (sizes < SMALL)).any():
        return None
    return next((digits for digits in range(1, MOST_DIGITS) if (known.round(digits) == known).all()), MOST_DIGITS)


def choose(
    frame: pd.DataFrame | Styler,
    ids: Sequence[int],
    key: str,
    mode: Literal["multi-row", "single-row"] = "multi-row",
    **shown: Any,
) -> list[int]:
    """Draw a table and return the ids of the chosen rows, also of those that are on other pages.

    Streamlit remembers positions; this remembers ids, so that a row stays chosen when others come, go or move.
    """
    before = chosen(key)
    if st.session_state.get(f"{key}-ids") != list(ids):
        st.session_state[f"{key}-ids"] = list(ids)
        _draw_anew(key)
    here = [position for position, row_id in enumerate(ids) if row_id in before]
    st.space("small")  # the table's own buttons, which show on hover, would lie over those above it
    event = st.dataframe(
        frame,
        key=f"{key}-{st.session_state[f'{key}-drawing']}",
        on_select="rerun",
        selection_mode=mode,
        selection_default={"selection": {"rows": here, "columns": [], "cells": []}},
        hide_index=True,
        **shown,
    )
    now_here = [ids[position] for position in event["selection"]["rows"] if position < len(ids)]
    elsewhere = [] if mode == "single-row" else [row_id for row_id in before if row_id not in ids]
    st.session_state[f"{key}-chosen"] = elsewhere + now_here
    return elsewhere + now_here


def opening(label: str, key: str, open_row: Callable[[int], None], **shown: Any) -> ButtonColumnResult:
    """A column whose cells open what their row is, by one click and in the same tab; a link in a table takes two, and
    opens another one. `open_row` is given the place of the row."""

    def pressed() -> None:
        if press := st.session_state.get(key):
            open_row(int(press["row"]))

    return st.column_config.ButtonColumn(label, type="tertiary", alignment="left", key=key, on_click=pressed, **shown)


def chosen(key: str) -> list[int]:
    """The ids chosen so far in the table with this key."""
    return list(st.session_state.get(f"{key}-chosen", []))


def forget(key: str) -> None:
    """Choose nothing any more."""
    st.session_state[f"{key}-chosen"] = []
    _draw_anew(key)


def _draw_anew(key: str) -> None:
    st.session_state[f"{key}-drawing"] = st.session_state.get(f"{key}-drawing", 0) + 1
