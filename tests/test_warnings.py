"""Warnings: before the start and under the headline, the weightiest first, each with what helps."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from helpers import tables
from helpers.notebooks import RESULTS, labels, page, text
from helpers.visitors import APP, checked
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from jobs.cli.app import main
from jobs.language import sentence
from jobs.tabular import warnings
from jobs.verbs import datasets
from jobs.verbs import workflows as verbs
from store import workflows
from store.messages import Message, Notice
from store.tables import Status
from store.workflows import Filter

PARAMS = {"target": "churned", "algorithm": "logistic_regression"}


def leaky(rows=600, seed=5):
    """A table in order of a date, with a column that gives the answer away, and a rare class."""
    random = np.random.default_rng(seed)
    left = random.random(rows) < 0.1
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%Y-%m-%d"),
            "age": random.integers(18, 80, rows),
            "reason": np.where(left, random.choice(["price", "moved"], rows), "none given"),
            "churned": np.where(left, "yes", "no"),
        }
    )
    frame = pd.concat([frame, frame.tail(20)])
    return datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "left.csv")


@pytest.fixture
def trained(home):
    dataset = leaky()
    ended = tables.run(dataset, "churned", "LR", epochs=3)
    assert {step.status for step in ended.values()} == {Status.completed}
    return ended["train"].workflow_id


def codes(found):
    return [warning.notice.message.code for warning in found]


def test_what_is_known_is_said_before_the_start(home):
    """Leak, order in time, few rows to test and a rare class, in this order, with what helps."""
    dataset = leaky()
    found = verbs.foreseen("tabular", PARAMS, {"data": dataset.id})
    assert codes(found) == ["leak_alone", "rows_in_order_of_time", "few_rows_to_test", "rare_class"]
    tested = sentence(found[2].notice.message)
    assert tested == "About 124 rows will be tested, so chance alone may move an accuracy by 9 points, up or down."
    assert [warning.remedy and sentence(warning.remedy.words) for warning in found] == [
        "Leave out reason",
        "Split by day",
        "Test in 5 folds",
        None,
    ]
    assert found[0].remedy.params == {"features": ["day", "age"]}
    said = verbs.notices("tabular", PARAMS, {"data": dataset.id})
    assert said == [sentence(warning.notice.message) for warning in found]


def test_what_helped_is_not_said_any_more(home):
    """Without the column, split by time, or in folds, the warning is gone."""
    inputs = {"data": leaky().id}
    chosen = {**PARAMS, "features": ["day", "age"], "split": "time", "split_column": "day"}
    assert codes(verbs.foreseen("tabular", chosen, inputs)) == ["few_rows_to_test", "rare_class"]
    assert verbs.foreseen("tabular", chosen, inputs)[0].remedy is None, "folds have no time"
    assert "few_rows_to_test" not in codes(verbs.foreseen("tabular", {**PARAMS, "folds": 5}, inputs))
    assert "leak_alone" not in codes(
        verbs.foreseen("tabular", {**PARAMS, "target": "age", "algorithm": "SGDR"}, inputs)
    )


def test_what_cannot_start_has_no_warnings(home):
    """Problems come first."""
    assert verbs.foreseen("tabular", {**PARAMS, "target": "nothing"}, {"data": leaky().id}) == []


def test_each_is_said_once_and_by_weight():
    """The same thing from two steps is one warning, and the score does not repeat what a leak says."""
    leak = Message("leak_alone", {"column": "a", "target": "y", "columns": ["a"]})
    found = warnings.ordered(
        [
            Notice(Message("rare_class", {"label": "x", "percent": 4.0}), "warning"),
            Notice(Message("duplicate_rows", {"count": 3, "percent": 1.0})),
            Notice(Message("duplicate_rows", {"count": 3, "percent": 1.1}), "warning"),
            Notice(Message("nearly_perfect"), "warning"),
            Notice(Message("leak_one_column", {"column": "a"}), "warning"),
            Notice(leak, "warning", "a"),
        ]
    )
    assert [notice.message.code for notice in found] == ["leak_alone", "rare_class", "duplicate_rows"]


def test_programs_and_the_terminal_have_the_same_list(trained, capsys):
    """A workflow's warnings are in the API, with what helps, and `show` prints them with the command that helps."""
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    answered = client.get(f"/api/workflows/{trained}").json()["warnings"]
    assert [warning["code"] for warning in answered][:2] == ["leak_alone", "rows_in_order_of_time"]
    assert {"few_test_rows", "rare_class"} < {warning["code"] for warning in answered}
    assert answered[0]["remedy"] == {
        "text": "Leave out reason and run again",
        "step": "preprocess",
        "params": {"features": ["day", "age"]},
    }
    assert main(["show", str(trained), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == answered
    assert main(["show", str(trained)]) == 0
    shown = capsys.readouterr().out
    assert all(warning["text"] in shown for warning in answered)
    assert f"rerun {trained} --from preprocess --set features=day,age" in shown


def test_warnings_stand_under_the_headline(trained):
    """At most three are open, the others folded; none is said again in a cell, and a press runs with what helps."""
    seen = page(id=trained)
    words = text(seen)
    assert words.count("reason alone gives churned away") == 1 and words.count("is rare") == 1
    assert words.count("rows are exact copies of others") == 1
    assert words.index("reason alone gives churned away") < words.index("Preprocess")
    assert {"Leave out reason and run again", "Split by day and run again"} <= set(labels(seen))
    before = workflows.count(Filter())
    button = next(each for each in seen.button if each.label == "Leave out reason and run again")
    checked(button.click().run())
    assert workflows.count(Filter()) == before + 1
    made = workflows.find(Filter(), limit=1)[0]
    assert made.params["features"] == ["day", "age"] and (made.origin, made.parent_id) == ("rerun", trained)


def test_results_of_older_versions_have_warnings(home):
    """What was stored as a sentence is a warning as it is."""
    found = warnings.warn({"split": "random"}, RESULTS)
    assert [sentence(warning.notice.message) for warning in found] == ["Evet is rare."]
    assert warnings.warn({}, {}) == []


def test_new_says_it_before_the_start_and_helps(home):
    """On New a press leaves the column out or sets the split, and the warning is gone."""
    dataset = leaky()
    seen = AppTest.from_file(APP, default_timeout=30).switch_page("new.py")
    seen.query_params["dataset"] = str(dataset.id)
    checked(seen.run())
    assert text(seen).count("reason alone gives churned away") == 1
    for label in ("Leave out reason", "Split by day"):
        checked(next(each for each in seen.button if each.label == label).click().run())
        assert label not in labels(seen)
    assert "reason alone gives" not in text(seen) and "in order of day" not in text(seen)
    checked(seen.button(key="new-start").click().run())
    made = workflows.find(Filter(), limit=1)[0]
    assert (made.params["features"], made.params["split"], made.params["split_column"]) == (
        ["day", "age"],
        "time",
        "day",
    )
