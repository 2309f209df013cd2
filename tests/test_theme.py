"""Colours of the theme: what is written in one can be read on the page, by day and by night."""

import tomllib
from pathlib import Path

import pytest

THEME = tomllib.loads((Path(__file__).parent.parent / ".streamlit" / "config.toml").read_text())["theme"]
WHITE = "#ffffff"
# What people read, and the least that a bold word on a button needs.
TEXT, BOLD = 4.5, 3.0


def light(colour):
    """The relative luminance of a colour."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_words_can_be_read_on_the_page(name):
    """A selected tab or pill, and states in their colours, stand on the background of the page."""
    theme = THEME[name]
    for colour in ("primaryColor", "textColor", "blueColor", "greenColor", "redColor", "grayColor"):
        assert contrast(theme[colour], theme["backgroundColor"]) >= TEXT, colour
    assert contrast(WHITE, theme["primaryColor"]) >= BOLD
