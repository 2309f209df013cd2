"""Kinds of columns by hand: they decide what is read, what can be predicted and what a model does with raw rows."""

import io
import json

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables

from jobs.language import sentence
from jobs.tabular.kinds import KINDS
from jobs.verbs import datasets, workflows
from store import datasets as stored
from store.errors import RequestError
from store.tables import Status

ROWS = 200
HAND = {"branch": "category", "weight": "number", "seen": "date", "note": "leave_out"}


def table(rows=ROWS):
    random = np.random.default_rng(7)
    lines = ["branch,weight,seen,note,size,left"]
    for row in range(rows):
        branch, weight = row % 4 + 10, random.normal(70, 9)
        odd = row % 10 == 0  # too many for a number or a date that is detected
        cells = [
            branch,
            "n/k" if odd else f"{weight:.1f}",
            "later" if odd else f"2024-{row % 12 + 1:02}-{row % 27 + 1:02}",
        ]
        left = "yes" if (branch in (11, 13)) != (row % 17 == 0) else "no"
        lines.append(",".join(map(str, [*cells, f"n{row % 3}", row % 6 + 1, left])))
    return "\n".join(lines) + "\n"


@pytest.fixture
def dataset(home):
    return datasets.add(io.BytesIO(table().encode()), "visits.csv")


def kinds(columns):
    return {column["name"]: (column["kind"], column["role"]) for column in columns}


def test_columns_become_what_people_say(dataset):
    """Set by hand, a number is a category, mixed texts are numbers or dates with gaps, and a column is left out; the
    dataset stays as it was."""
    detected = kinds(dataset.columns)
    assert [detected[name][0] for name in HAND] == ["number", "text", "text", "text"]
    ended = tables.run(dataset, "left", "LR", epochs=2, kinds=HAND)
    assert all(step.status is Status.completed for step in ended.values())
    found = kinds(ended["upload"].result["columns_profile"])
    assert found == {
        "branch": ("text", "feature"),
        "weight": ("number", "feature"),
        "seen": ("date", "feature"),
        "note": ("text", "leave_out"),
        "size": ("number", "feature"),
        "left": ("yes_no", "feature"),
    }
    missing = {column["name"]: column["missing"] for column in ended["upload"].result["columns_profile"]}
    assert (missing["weight"], missing["seen"]) == (ROWS // 10, ROWS // 10)
    assert [each["column"] for each in ended["preprocess"].result["left_out"]] == ["note"]
    codes = {notice["code"] for notice in ended["upload"].result["notices"]}
    assert "left_out_by_hand" in codes and not {"dates_among_texts", "kinds_changed"} & codes
    assert kinds(stored.get(dataset.id).columns) == detected


def test_the_model_reads_raw_rows_by_these_kinds(dataset):
    """What pandas reads from the file, numbers as branches included, becomes the numbers that were trained on."""
    ended = tables.run(dataset, "left", "LR", epochs=2, kinds=HAND)
    model = joblib.load(tables.file_of(ended["train"], "model"))
    frame = pd.read_csv(io.StringIO(table()))
    made, tested = model[:-1].transform(frame), tables.matrix_of(ended, "val_X")
    assert all(np.isclose(made, row, atol=1e-5).all(axis=1).any() for row in tested)
    one, other = frame[:1].assign(branch=10), frame[:1].assign(branch=11.0)
    assert model[:-1].transform(one).shape[1] == tested.shape[1]
    assert not np.allclose(model[:-1].transform(one), model[:-1].transform(other))


def test_a_whole_number_is_predicted_as_a_number_or_as_classes(dataset):
    """A target of few whole numbers is classes by itself, and a number where people say so."""
    assert workflows.propose("tabular", {"data": dataset.id}, {"target": "size"})["algorithm"] == "logistic_regression"
    chosen = workflows.propose("tabular", {"data": dataset.id}, {"target": "size", "kinds": {"size": "number"}})
    assert chosen["algorithm"] not in ("logistic_regression", "linear_svm")
    ended = tables.run(dataset, "size", chosen["algorithm"], epochs=2, kinds={"size": "number"})
    assert ended["evaluate"].status is Status.completed and ended["preprocess"].result["task"] == "regression"
    refused = workflows.problems("tabular", {"target": "weight", "kinds": {"weight": "date"}}, {"data": dataset.id})
    assert [each.field for each in refused] == ["target"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"a": "number"}, {"a": "number"}),
        ('{"a, b": "date"}', {"a, b": "date"}),
        ("a=category,b=leave_out", {"a": "category", "b": "leave_out"}),
        ("a=b=category", {"a=b": "category"}),
        ("", {}),
        (None, None),
    ],
)
def test_kinds_are_written_in_several_ways(given, read):
    """As an object, as JSON, or as pairs of a command."""
    assert KINDS.read(given) == read


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a", "kinds must name a value for each column, such as city=category, not 'a'."),
        ([1], "kinds must name a value for each column"),
        ("{", "kinds must name a value for each column"),
        ({"a": "money"}, "money"),
        ({"a": "\ud800"}, "kinds"),
    ],
)
def test_what_is_no_kind_is_refused(given, words):
    """Anything else is one sentence that names the setting."""
    with pytest.raises(RequestError) as refused:
        KINDS.read(given)
    assert words in sentence(refused.value.message) and refused.value.field == "kinds"


def test_kinds_travel_with_command_and_request(dataset, command, tmp_path):
    """`submit --set kinds=...` and the API start the same; a column that is not there is refused."""
    (tmp_path / "visits.csv").write_text(table())
    code, out, err = command(
        "submit", tmp_path / "visits.csv", "--target", "left", "--set", "kinds=branch=category,note=leave_out", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["params"]["kinds"] == {"branch": "category", "note": "leave_out"}
    code, _, err = command("submit", tmp_path / "visits.csv", "--target", "left", "--set", "kinds=bronch=category")
    assert code == 1 and "bronch" in err
