"""What a plain function left is drawn by the kind of its preview, and nothing in it is trusted."""

import base64
import html
import re
from typing import Annotated

import pytest
from helpers import authored
from helpers.notebooks import page, text
from streamlit.testing.v1 import AppTest

from jobs.artifacts.previews import KINDS
from jobs.artifacts.texts import HTMLString, MarkdownString
from jobs.authoring.inside import get_step_context
from jobs.authoring.pipeline import pipeline
from jobs.authoring.returns import ArtifactConfig
from jobs.authoring.step import step
from pages.parts.outputs import drawing, previews
from store import outputs

pytestmark = pytest.mark.usefixtures("home", "cheap")

DOT = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()
EVERY_KIND = {
    "table": {
        "columns": [{"name": "a*b", "type": "int64", "missing": 1, "min": 1, "mean": 2.0, "max": 3}],
        "rows": [[1], [None]],
        "row_count": 12400,
        "column_count": 3,
    },
    "tree": {"value": {"a": [1, 2]}, "cut": True},
    "text": {"text": "one\ntwo", "length": 7, "cut": False},
    "markdown": {"text": "# Title\n![x](http://evil/p.png)<script>1</script>", "length": 40, "cut": False},
    "html": {"text": "<h1 onclick='x'>\"Title\"</h1>", "length": 28, "cut": False},
    "picture": {"media_type": "image/png", "data": DOT, "width": 1, "height": 1},
    "histogram": {
        **{"shape": [2000, 3], "dtype": "float64", "min": 0.0, "mean": 0.5, "max": 1.0},
        **{"counts": [1, 2], "edges": [0.0, 0.5, 1.0], "sampled": True},
    },
    "card": {"title": "LogisticRegression", "groups": {"params": [["C", 1.0], ["tol", None]]}},
    "size": {"name": "a/b", "size": 1200, "entries": [["x.csv", 1200]], "entry_count": 1},
    "plotly": {"figure": {"data": [{"type": "bar", "y": [1, 2]}], "layout": {"images": [{"source": "http://evil"}]}}},
    "none": {"text": "a *lock*"},
}


def drawn(preview):
    def script(preview):
        from pages.parts.outputs import previews

        previews.draw(preview, "key")

    seen = AppTest.from_function(script, kwargs={"preview": preview}).run()
    assert not seen.exception, [each.message for each in seen.exception]
    return seen


def test_every_kind_of_preview_has_a_drawer():
    """What jobs.artifacts makes can be drawn, whatever it is."""
    assert set(previews.DRAWERS) == set(KINDS) == set(EVERY_KIND)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_is_drawn_and_fits(kind):
    """A preview as it is made fits its drawer, and is drawn without an error."""
    assert previews.DRAWERS[kind].fits(EVERY_KIND[kind])
    assert len(drawn({"kind": kind, **EVERY_KIND[kind]}).main) > 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
@pytest.mark.parametrize("rubbish", [{}, {"value": 1, "text": 3, "columns": [1], "rows": 5, "data": 1, "figure": []}])
def test_a_preview_that_does_not_fit_is_a_tree(kind, rubbish):
    """Formats of people's own may leave anything under the name of a kind."""
    drawn({"kind": kind, **rubbish})


ODD = {
    "bad picture": {"kind": "picture", "media_type": "image/png", "data": "%%%"},
    "no picture": {"kind": "picture", "media_type": "image/png", "data": base64.b64encode(b"text").decode()},
    "bad figure": {"kind": "plotly", "figure": {"data": [{"type": "no such trace"}]}},
    "a map": {"kind": "plotly", "figure": {"data": [{"type": "scattergeo"}]}},
    "unknown": {"kind": "video"},
    "no kind": {},
}


@pytest.mark.parametrize("preview", ODD.values(), ids=ODD)
def test_what_cannot_be_drawn_is_no_error(preview):
    """A picture or a figure that cannot be read costs nothing but itself."""
    drawn(preview)


def test_markdown_shows_tags_as_text_and_fetches_nothing():
    """Raw HTML in Markdown is off, and a picture from elsewhere is a link."""
    shown = drawn({"kind": "markdown", **EVERY_KIND["markdown"]}).markdown[0]
    assert "![" not in shown.value and not shown.proto.allow_html


def test_html_is_in_a_frame_that_can_do_nothing():
    """A page of a step's is the text of an attribute, in a frame with an empty sandbox that loads nothing."""
    framed = drawn({"kind": "html", **EVERY_KIND["html"]}).get("iframe")[0].proto.srcdoc
    inner = re.search(r'<iframe sandbox="" srcdoc="([^"]*)"></iframe>$', framed)
    assert html.unescape(inner[1]) == EVERY_KIND["html"]["text"]
    assert "default-src 'none'" in framed and "<h1" not in framed


def test_a_vector_picture_is_not_drawn():
    """An SVG is a document, and stays text."""
    assert not previews.DRAWERS["picture"].fits({"media_type": "image/svg+xml", "data": ""})


@step
def several() -> tuple[
    Annotated[dict, ArtifactConfig("facts *x*", tags=["gold"], run_metadata={"rows_kept": 12400})],
    Annotated[MarkdownString, "report"],
    Annotated[HTMLString, "page"],
    Annotated[int, "count"],
]:
    get_step_context().add_output_metadata({"window": 3}, output_name="report")
    return {"a": [1, 2], "b": {"c": None}}, MarkdownString("# All good"), HTMLString("<b>x</b>"), 3


@pipeline
def lots() -> None:
    several()


def test_a_cell_shows_what_its_step_left():
    """Each output stands in the cell with its version, type, size, tags, metadata and what it looks like."""
    workflow = authored.run(lots)
    seen = page(id=workflow.id)
    said = text(seen)
    assert "**facts *x*** " not in said and "**facts *x***" in said and "**count** 3" in said
    assert "version 1" in said and "rows kept 12400" in said and "window 3" in said
    assert "gold" in said and "# All good" in said
    assert len(seen.get("iframe")) == 1
    assert sum("save" in (each.proto.id or "") for each in seen.get("download_button")) == 4


def test_downloads_are_called_after_what_they_are():
    """A JSON value of the database and a file can both be saved, as nothing that a browser would open as a page."""
    workflow = authored.run(lots)
    by_name = {each.name: each for each in outputs.of_workflow(workflow.id)}
    assert drawing.file_name(by_name["count"]) == "count-1.json"
    assert drawing._content(by_name["count"])() == b"3"
    assert drawing.file_name(by_name["page"]) == "page-1.html"
    assert drawing._content(by_name["page"])() == b"<b>x</b>"


def test_only_steps_that_are_shown_are_asked_for():
    """The outputs of several steps are read at once, and of no others."""
    first, other = authored.run(lots), authored.run(lots, {"options": {"enable_cache": False}})
    (row,) = authored.rows(first).values()
    assert list(outputs.of_steps([row.id])) == [row.id] and outputs.of_steps([]) == {}
    assert other.id != first.id
