"""Colours of the theme: what is written in one can be read on the page, by day and by night."""

import tomllib
from pathlib import Path

import pytest

from jobs.pipelines import Measure
from pages.parts import charts, colours
from store.metrics import Point

THEME = tomllib.loads((Path(__file__).parent.parent / ".streamlit" / "config.toml").read_text())["theme"]
WHITE = "#ffffff"
# What people read; what stands beside axes; and the least that a bold word on a button needs.
TEXT, QUIET, BOLD = 4.5, 4.0, 3.0


def light(colour):
    """The relative luminance of a colour."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_words_beside_axes_are_grey_by_day_and_by_night():
    """A figure is the same on both pages; what stands at its axes is as quiet on one as on the other."""
    points = [[0, 1], [1, 2]]
    for figure in (
        charts.learning({"val_loss": [Point(1, 0.9), Point(2, 0.5)]}, Measure("loss", better="low")),
        charts.curve({"x": "Day", "lines": [{"points": points}]}),
        charts.importance([("a", 0.5)]),
    ):
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            assert axis.tickfont.color == axis.title.font.color == colours.QUIET
    assert min(contrast(colours.QUIET, THEME[name]["backgroundColor"]) for name in ("light", "dark")) >= QUIET


@pytest.mark.parametrize("name", ["light", "dark"])
def test_words_can_be_read_on_the_page(name):
    """A selected tab or pill, and states in their colours, stand on the background of the page."""
    theme = THEME[name]
    for colour in ("primaryColor", "textColor", "blueColor", "greenColor", "redColor", "grayColor"):
        assert contrast(theme[colour], theme["backgroundColor"]) >= TEXT, colour
    assert contrast(WHITE, theme["primaryColor"]) >= BOLD
