"""The results in what a step returned, each with its label and its drawer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from jobs.language import sentence
from jobs.pipelines.results import is_result
from jobs.pipelines.shapes import misfit
from pages.parts import words
from pages.parts.results import confusion, curve, importance, picture, table, text, tree
from pages.parts.values import Files, Value
from store.messages import Message

MOST_TABS = 12
SIMPLE = str | int | float | bool
# Drawn elsewhere: a step's scores stand above its results, and notices are lines of their own.
SHOWN_ELSEWHERE = ("scores", "notices", "warnings")


class Drawer(Protocol):
    """A module that draws one kind of result."""

    def draw(self, value: Value, key: str, files: Files) -> None: ...


DRAWERS: Mapping[str, Drawer] = {
    "table": table,
    "curve": curve,
    "confusion": confusion,
    "importance": importance,
    "text": text,
    "json": tree,
    "picture": picture,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing to look at; `draw` is given a key for its widgets."""

    label: str
    draw: Callable[[str], None]
    help: str = ""


def shown(result: Value, files: Files) -> list[Shown]:
    """The results in what a step returned, in its order; one that is not written as its kind must be is a tree."""
    return [_shown(name, value, files) for name, value in result.items() if is_result(value)]


def _shown(name: str, value: Value, files: Files) -> Shown:
    drawer = DRAWERS[value["kind"]]
    label, help_ = str(value.get("label") or words.titled(name)), str(value.get("help") or "")
    if why := misfit(value):
        return Shown(label, lambda key: _undrawn(value, why, key, files), help_)
    return Shown(label, lambda key: drawer.draw(value, key, files), help_)


def _undrawn(value: Value, why: Message, key: str, files: Files) -> None:
    """A value that is not written as its kind must be."""
    st.caption(f":material/info: Shown as JSON because {words.plain(sentence(why))}.")
    tree.draw({"value": dict(value)}, key, files)


def simple(result: Value) -> dict[str, object]:
    """The plain values in what a step returned, which fit in a line."""
    return {name: value for name, value in result.items() if isinstance(value, SIMPLE)}


def others(result: Value) -> dict[str, object]:
    """What is neither a plain value nor a result: shown as it is, for those who want to see it."""
    return {
        name: value
        for name, value in result.items()
        if not (is_result(value) or isinstance(value, SIMPLE) or name in SHOWN_ELSEWHERE or value is None)
    }


def draw(items: Sequence[Shown], key: str) -> None:
    """One result below its label, several behind tabs."""
    if len(items) == 1:
        st.markdown(f"**{words.plain(items[0].label)}**")
        _draw(items[0], f"{key}-0")
    elif items:
        tabs = st.tabs([words.plain(each.label) for each in items[:MOST_TABS]], key=f"{key}-tabs")
        for place, (tab, each) in enumerate(zip(tabs, items, strict=False)):
            with tab:
                _draw(each, f"{key}-{place}")
        for place, each in enumerate(items[MOST_TABS:], MOST_TABS):
            with st.expander(words.plain(each.label), type="compact", key=f"{key}-more-{place}"):
                _draw(each, f"{key}-{place}")


def _draw(item: Shown, key: str) -> None:
    item.draw(key)
    if item.help:
        st.caption(words.plain(item.help))


def draw_table(value: Value, key: str) -> None:
    """Rows under column names."""
    table.draw(value, key, lambda _name: None)


def draw_tree(value: object, key: str) -> None:
    """Any value as a tree."""
    tree.draw({"value": value}, key, lambda _name: None)
