"""A figure on a page. Where a finger points, dragging scrolls the page and does not zoom."""

from typing import Any

import streamlit as st

from pages.parts import charts, visitor


def draw(figure: Any, key: str, alt: str, **how: Any) -> None:
    """Draw a figure of `charts`; `alt` is read out to those who do not see it."""
    if visitor.has_touch_screen():
        figure = charts.without_drag(figure)
        how = {}  # a selection drags, too
    st.plotly_chart(figure, key=key, config=charts.CONFIG, alt=alt, **how)
