"""One drawer for each kind of preview. What previews hold comes from strangers: it is drawn as text, never as HTML."""

import base64
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from jobs.pipelines.shapes import MEDIA_TYPES, misfit
from pages.parts import chart, charts, results, words
from pages.parts.results.picture import is_picture
from pages.parts.results.text import without_pictures
from pages.parts.values import Value

MOST_HEIGHT = 320
LINES = 12
HTML_HEIGHT = 400
LEAF = str | int | float | bool | None
# An empty sandbox allows no script, no form, no popup, and makes the page a stranger to this one; the policy, which the
# inner page inherits, keeps it from loading anything.
FRAME = (
    '<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'unsafe-inline'; img-src data:\"><style>body{{margin:0;background:#fff}}iframe{{border:0;width:100%;"
    'height:{height}px}}</style><iframe sandbox="" srcdoc="{text}"></iframe>'
)
# Traces of Plotly that load maps from other servers.
MAPS = (
    *("choropleth", "choroplethmap", "choroplethmapbox", "densitymap", "densitymapbox"),
    *("scattergeo", "scattermap", "scattermapbox"),
)
Draw = Callable[[Value, str], None]


@dataclass(frozen=True, slots=True)
class Drawer:
    """Draws one kind of preview, if what is there fits: own formats may leave anything under the name of a kind."""

    fits: Callable[[Value], bool]
    draw: Draw


def draw(preview: Value, key: str) -> None:
    """Draw a preview by its kind; one that is not written as its kind must be is drawn as a tree."""
    drawer = DRAWERS.get(str(preview.get("kind")))
    if drawer is None:
        st.caption("There is no preview of this value.")
    elif drawer.fits(preview):
        drawer.draw(preview, key)
    else:
        results.draw_tree(dict(preview), key)


def leaf(preview: Value) -> str | None:
    """A single number, word or truth as Markdown; None for all that needs more room."""
    if preview.get("kind") == "tree" and "value" in preview and isinstance(preview["value"], LEAF):
        return words.plain(words.value(preview["value"]))
    text = preview.get("text")
    if preview.get("kind") == "text" and isinstance(text, str) and len(text) <= 80 and "\n" not in text:
        return words.plain(text)
    return None


def _table(value: Value, key: str) -> None:
    columns = [str(column["name"]) for column in value["columns"]]
    results.draw_table({"columns": columns, "rows": value["rows"]}, key)
    shown, of = len(value["rows"]), value["row_count"]
    rows = words.count(of, "row") if shown >= of else f"The first {words.count(shown)} of {words.count(of, 'row')}"
    wide, all_ = len(columns), value["column_count"]
    across = words.count(all_, "column")
    st.caption(f"{rows}, {across}." if wide >= all_ else f"{rows}, the first {words.count(wide)} of {across}.")
    with st.expander("Columns", type="compact", key=f"{key}-columns"):
        facts = [
            [each["name"], each.get("type"), *(each.get(name) for name in ("missing", "min", "mean", "max"))]
            for each in value["columns"]
        ]
        heads = ["Column", "Type", "Missing", "Least", "Mean", "Greatest"]
        results.draw_table({"columns": heads, "rows": facts}, f"{key}-facts")


def _table_fits(value: Value) -> bool:
    columns, rows = value.get("columns"), value.get("rows")
    return (
        isinstance(columns, list)
        and all(isinstance(each, Mapping) and "name" in each for each in columns)
        and not misfit({"kind": "table", "columns": columns, "rows": rows})
        and _are_counts(value.get("row_count"), value.get("column_count"))
    )


def _are_counts(*given: Any) -> bool:
    return all(type(each) is int for each in given)


def _tree(value: Value, key: str) -> None:
    results.draw_tree(value["value"], key)
    if value.get("cut"):
        st.caption("There is more of it; the download has all.")


def _text(value: Value, key: str) -> None:
    with st.container(key=key):
        long = value["text"].count("\n") > LINES or len(value["text"]) > 1500
        st.code(value["text"], language=None, wrap_lines=True, height=MOST_HEIGHT if long else "content")
    _rest(value)


def _markdown(value: Value, key: str) -> None:
    with st.container(key=key):
        st.markdown(without_pictures(value["text"]), anchors=False)
    _rest(value)


def _html(value: Value, key: str) -> None:
    """The page in a frame of its own that can run and load nothing; what was cut is shown as its source."""
    if value.get("cut"):
        _text(value, key)
        return
    with st.container(key=key):
        frame = FRAME.format(height=HTML_HEIGHT - 8, text=html.escape(value["text"]))
        st.iframe(frame, height=HTML_HEIGHT, alt="A page that the step made, without scripts")


def _rest(value: Value) -> None:
    if value.get("cut"):
        of = words.count(value["length"]) if _are_counts(value.get("length")) else "more"
        st.caption(f"The first {words.count(len(value['text']))} of {of} characters.")


def _text_fits(value: Value) -> bool:
    return isinstance(value.get("text"), str)


def _picture(value: Value, key: str) -> None:
    try:
        content = base64.b64decode(value["data"], validate=True)
    except ValueError:
        content = b""
    if not is_picture(content, value["media_type"]):
        st.caption("This picture cannot be read.")
        return
    with st.container(key=key):
        st.image(content, width="content")
    if _are_counts(value.get("width"), value.get("height")):
        st.caption(f"{words.count(value['width'])} × {words.count(value['height'])} pixels")


def _picture_fits(value: Value) -> bool:
    """Only pictures of points; one of shapes is a document."""
    return value.get("media_type") in MEDIA_TYPES[:-1] and isinstance(value.get("data"), str)


def _histogram(value: Value, key: str) -> None:
    if value["counts"]:
        chart.draw(charts.histogram(value["counts"], value["edges"]), key, "How many values lie where")
    known = [(word, value.get(name)) for word, name in (("least", "min"), ("mean", "mean"), ("greatest", "max"))]
    shape = " × ".join(words.count(each) for each in value["shape"])
    ranges = [f"{word} {words.value(each)}" for word, each in known if each is not None]
    sample = ["of a sample"] if value.get("sampled") else []
    st.caption(words.plain(" · ".join([shape, str(value.get("dtype", "")), *ranges, *sample])))


def _histogram_fits(value: Value) -> bool:
    counts, edges, shape = value.get("counts"), value.get("edges"), value.get("shape")
    return (
        isinstance(counts, list)
        and isinstance(edges, list)
        and isinstance(shape, list)
        and _are_counts(*counts, *shape)
        and all(isinstance(each, int | float) for each in edges)
        and len(edges) == (len(counts) + 1 if counts else len(edges))
    )


def _card(value: Value, key: str) -> None:
    st.markdown(f"**{words.plain(value['title'])}**")
    rows = [[words.titled(group), *fact] for group, facts in value["groups"].items() for fact in facts]
    if rows:
        results.draw_table({"columns": ["Part", "Name", "Value"], "rows": rows}, key)


def _card_fits(value: Value) -> bool:
    groups = value.get("groups")
    return (
        isinstance(value.get("title"), str)
        and isinstance(groups, Mapping)
        and all(isinstance(facts, list) and all(map(_is_pair, facts)) for facts in groups.values())
    )


def _is_pair(given: Any) -> bool:
    return isinstance(given, list) and len(given) == 2


def _size(value: Value, key: str) -> None:
    name = [words.plain(value["name"])] if value["name"] else []
    count = value.get("entry_count")
    files = [words.count(count, "file")] if _are_counts(count) else []
    st.markdown(" · ".join([*name, *files, words.size(value["size"])]))
    if entries := value.get("entries"):
        rows = [[entry, words.size(size)] for entry, size in entries]
        results.draw_table({"columns": ["Name", "Size"], "rows": rows}, key)
    elif head := value.get("head"):
        st.caption("Its first bytes")
        st.code(str(head), language=None, wrap_lines=True)


def _size_fits(value: Value) -> bool:
    entries = value.get("entries") or []
    return (
        isinstance(value.get("name"), str)
        and _are_counts(value.get("size"))
        and isinstance(entries, list)
        and all(_is_pair(each) and _are_counts(each[1]) for each in entries)
    )


def _plotly(value: Value, key: str) -> None:
    figure = value["figure"]
    if any(isinstance(trace, Mapping) and trace.get("type") in MAPS for trace in figure.get("data") or []):
        st.caption("This figure is not drawn: it shows a map, which would be loaded from another server.")
        return
    try:
        made = charts.given(figure)
    except (TypeError, ValueError):
        results.draw_tree(figure, key)
        return
    chart.draw(made, key, "A figure that the step made")


def _plotly_fits(value: Value) -> bool:
    figure = value.get("figure")
    return isinstance(figure, Mapping) and isinstance(figure.get("data", []), list)


def _none(value: Value, _key: str) -> None:
    text = value.get("text")
    st.caption(words.plain(text) if isinstance(text, str) and text else "There is no preview of this value.")


DRAWERS: Mapping[str, Drawer] = {
    "table": Drawer(_table_fits, _table),
    "tree": Drawer(lambda value: "value" in value, _tree),
    "text": Drawer(_text_fits, _text),
    "markdown": Drawer(_text_fits, _markdown),
    "html": Drawer(_text_fits, _html),
    "picture": Drawer(_picture_fits, _picture),
    "histogram": Drawer(_histogram_fits, _histogram),
    "card": Drawer(_card_fits, _card),
    "size": Drawer(_size_fits, _size),
    "plotly": Drawer(_plotly_fits, _plotly),
    "none": Drawer(lambda _value: True, _none),
}
