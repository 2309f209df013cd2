"""A figure on a page. It can be saved as a picture; where a finger points, dragging scrolls the page and does not
zoom."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import streamlit as st

from jobs.language import numbers
from pages.parts import charts, visitor

# Plotly's own words, on hover over the one button that a chart has.
WORDS = {
    "Download plot as a PNG": "Save this chart as a picture",
    "Preparing image - this may take a few seconds": "Preparing the picture",
    "Image download succeeded": "Saved",
}
LOCALE = "viewer"
LONGEST_NAME = 120
_about: ContextVar[str] = ContextVar("about", default="")


@contextmanager
def pictures_of(name: str) -> Iterator[None]:
    """Have the pictures of the charts drawn within be called after this, such as a workflow."""
    before = _about.set(name)
    try:
        yield
    finally:
        _about.reset(before)


def draw(figure: Any, key: str, alt: str, **how: Any) -> None:
    """Draw a figure of `charts`; `alt` is read out to those who do not see it, and is part of a picture's name."""
    if visitor.has_touch_screen():
        figure = charts.without_drag(figure)
        how = {}  # a selection drags, too
    st.plotly_chart(figure, key=key, config=config(picture_name(alt)), alt=alt, **how)


def config(picture: str) -> dict[str, Any]:
    """How a chart behaves: one button, which saves it under this name at twice its size; numbers and months as the
    viewer's language has them."""
    language = numbers.current()
    form: dict[str, Any] = {"decimal": language.decimal, "thousands": language.thousands}
    if language.months:
        form["shortMonths"] = list(language.months)
    return {
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": picture},
        "locale": LOCALE,
        "locales": {LOCALE: {"dictionary": WORDS, "format": form}},
        "scrollZoom": False,
        "showSendToCloud": False,
    }


def picture_name(alt: str) -> str:
    """churn, Accuracy by epoch: a name that every disk takes."""
    name = ", ".join(filter(None, (_about.get(), alt.replace("\\", ""))))
    return " ".join(re.sub(r'[<>:"/\\|?*\x00-\x1f.]+', " ", name).split())[:LONGEST_NAME].strip() or "chart"
