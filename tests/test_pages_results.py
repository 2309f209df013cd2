"""Results are drawn by their kind, whatever step or pipeline left them."""

import pytest
from streamlit.testing.v1 import AppTest

from jobs.pipelines import Confusion, Curve, Importance, Json, Line, Picture, Table, Text, shapes
from jobs.pipelines.results import KINDS
from jobs.pipelines.storable import storable
from pages.parts import results
from pages.parts.results import drawing, table, text
from pages.parts.tabular.presentation import converted

EVERY_KIND = {
    "cities": Table(["a", "b"], [[1, "x"], [2, None]], label="Cities"),
    "roc": Curve([Line("m", [(0, 0), (1, 1)])], "x", "y", True),
    "found": Confusion(["yes", "no"], [[3, 1], [0, 4]]),
    "what_matters": Importance([("age", 0.4)], [0.1]),
    "words": Text("# Hello"),
    "everything": Json({"a": [1, 2]}),
    "heat": Picture("map"),
}


def nothing(_name):
    return None


def test_every_kind_has_a_drawer():
    """What the words of an author make is found in a stored result, in its order, by its label or name."""
    assert set(drawing.DRAWERS) == set(KINDS) == {each.kind for each in EVERY_KIND.values()}
    found = results.shown({"n": 3, **storable(EVERY_KIND)}, nothing)
    assert [each.label for each in found] == [
        "Cities", "Roc", "Found", "What matters", "Words", "Everything", "Heat",
    ]  # fmt: skip
    assert not list(shapes.misfits(storable(EVERY_KIND)))


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "table", "columns": ["a"], "rows": [[1, 2]]},
        {"kind": "table", "columns": [], "rows": []},
        {"kind": "curve", "lines": [{"points": [[1]]}]},
        {"kind": "curve", "lines": None},
        {"kind": "confusion", "labels": ["a"], "counts": [[1], [2]]},
        {"kind": "confusion", "labels": ["a"], "counts": [["x"]]},
        {"kind": "importance", "values": [["a", 1]], "spread": [1, 2]},
        {"kind": "text"},
        {"kind": "json"},
        {"kind": "picture", "artifact": "x", "media_type": "text/html"},
    ],
)
def test_a_result_that_is_not_written_as_its_kind_must_be_does_not_fit(value):
    """A drawer refuses what it cannot draw, so that the value is shown as a tree instead of an error."""
    assert shapes.misfit(value)
    assert len(results.shown({"odd": value}, nothing)) == 1


def test_a_table_whose_rows_do_not_fit_says_which():
    """The reason names the row, with how many values it has and how many it needs."""

    def page():
        from pages.parts import results

        odd = {"kind": "table", "columns": ["a", "b"], "rows": [[1, 2], [1, 2, 3]], "label": "Odd"}
        results.draw(results.shown({"odd": odd}, lambda name: None), "key")

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    assert "Shown as JSON because row 2 has 3 values for 2 columns" in shown.caption[0].value and shown.json


def test_what_is_no_result_is_a_line_or_a_tree():
    """Plain values fit in a line; lists and dicts of a step are behind a button; scores and notices stand elsewhere."""
    left = {
        "rows": 3,
        "ok": True,
        "list": [1],
        "none": None,
        "scores": {"a": 1.0},
        "notices": [],
        **storable(EVERY_KIND),
    }
    assert results.simple(left) == {"rows": 3, "ok": True}
    assert results.others(left) == {"list": [1]}


def test_a_table_takes_any_cells():
    """Columns with equal names or cells of several kinds are no error; numbers stay numbers."""
    frame = table.frame(["a", "a", "n", "t"], [[1, "x", 2.5, True], ["y", None, 3, None], [None, 2**70, None, False]])
    assert list(frame["a"].fillna("")) == ["1", "y", ""] and len(set(frame.columns)) == 4
    assert str(frame["n"].dtype) == "float64" and str(frame["t"].dtype) == "boolean"


def test_a_text_fetches_no_picture():
    """Markdown of a step never makes the browser ask another server."""
    assert text.without_pictures("![x](http://evil/p.png)") == "[x](http://evil/p.png)"


def test_what_older_versions_stored_becomes_results_with_kinds():
    """A workflow of an older version shows its confusion matrix, curves and importance as a new one does."""
    stored = {
        "confusion": {"labels": ["Evet", "Hayır"], "counts": [[3, 1], [0, 4]]},
        "curves": [{"label": "Evet", "roc": [[0, 0], [1, 1]], "auc": 0.91, "pr": [[0, 1], [1, 0.4]], "ap": 0.8}],
        "importance": [{"column": "age", "value": 0.2, "spread": 0.01}],
    }
    found = converted(stored)
    assert list(found) == ["confusion", "roc", "pr", "importance"]
    assert found["roc"]["lines"] == [{"name": "Evet (AUC 0.910)", "points": [[0, 0], [1, 1]]}]
    assert not list(shapes.misfits(found))


def test_the_single_roc_of_the_oldest_versions_is_drawn_too():
    """Before there was a curve for each class, two classes had one curve."""
    found = converted({"roc": {"label": "Evet", "points": [[0, 0], [1, 1]], "auc": 0.5}})
    assert [line["name"] for line in found["roc"]["lines"]] == ["Evet (AUC 0.500)"] and "pr" not in found


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(b"not a picture", "image/png"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"/etc/passwd", "image/svg+xml")],
)
def test_a_file_that_is_no_picture_is_told(content, media_type):
    """The page of its workflow stands, and says which file it is."""

    def page(content, media_type):
        from pages.parts.results import picture

        picture.draw({"artifact": "a", "media_type": media_type}, "key", lambda _name: content)

    drawn = AppTest.from_function(page, kwargs={"content": content, "media_type": media_type}).run()
    assert not drawn.exception
    assert [each.value for each in drawn.caption] == ["a is no picture."]
