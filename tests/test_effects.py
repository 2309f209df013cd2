"""What raises and what lowers the prediction of a linear model, in units and values of the table."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables
from helpers.notebooks import page, text

from jobs.tabular import told
from jobs.verbs import datasets
from pages.parts.tabular import effects
from pages.parts.tabular.presentation import converted


def evaluated(algorithm, content, target, **params):
    given = datasets.add(io.BytesIO(content), "t.csv")
    ended = tables.run(given, target, algorithm, **{"epochs": 20, **params})
    assert ended["evaluate"].status == "completed", ended["evaluate"].error
    return ended, joblib.load(tables.file_of(ended["train"], "model"))


def rows_of(ended, column, group=0):
    found = ended["evaluate"].result["effects"]["groups"][group]["rows"]
    return [row for row in found if row["column"] == column]


@pytest.mark.parametrize("algorithm", ["LR", "SVM"])
def test_effects_are_what_the_model_does(home, algorithm):
    """One standard deviation more of a number, and one value of a category instead of another, move the score of the
    model by exactly what is told."""
    ended, model = evaluated(algorithm, tables.turkish(600), "abone mi")
    frame = pd.read_csv(io.BytesIO(tables.turkish(600)), sep=";", encoding="cp1254", dtype=str).head(1)
    sign = 1 if model.classes_[1] == "Evet" else -1

    def score(**cells):
        return float(model.decision_function(frame.assign(**cells))[0]) * sign

    (age,) = rows_of(ended, "yaş")
    assert (age["kind"], ended["evaluate"].result["effects"]["groups"][0]["label"]) == ("number", "Evet")
    assert score(yaş="50") - score(yaş="40") == pytest.approx(10 * age["per_unit"], abs=1e-3)
    assert age["effect"] == pytest.approx(age["per_unit"] * age["by"]) and 15 < age["by"] < 21
    cities = {row["value"]: row["effect"] for row in rows_of(ended, "şehir")}
    assert cities["Ağrı"] > 0 > cities["Muş"]
    assert score(şehir="Ağrı") - score(şehir="Muş") == pytest.approx(cities["Ağrı"] - cities["Muş"], abs=1e-3)
    assert rows_of(ended, "kayıt tarihi")[0]["kind"] == "spread"
    known = ended["evaluate"].result["effects"]
    assert known["of"] == ("chance" if algorithm == "LR" else "score")
    sizes = [abs(row["effect"]) for row in known["groups"][0]["rows"]]
    assert sizes == sorted(sizes, reverse=True)


def test_effects_on_a_number_are_in_its_unit(home):
    """A room more and a house instead of a flat change the predicted price by so much."""
    ended, model = evaluated("sgd_regressor", tables.numbers(), "price")
    (rooms,) = rows_of(ended, "rooms")
    before, after = model.predict(pd.DataFrame({"size": ["100", "100"], "rooms": ["2", "3"], "kind": ["flat"] * 2}))
    assert after - before == pytest.approx(rooms["per_unit"], rel=1e-3) and 15_000 < rooms["per_unit"] < 25_000
    kinds = {row["value"]: row["effect"] for row in rows_of(ended, "kind")}
    assert kinds["house"] - kinds["flat"] == pytest.approx(50_000, rel=0.2)


def test_several_classes_have_their_own(home):
    """With more than two classes, each has the columns that set it apart most."""
    random = np.random.default_rng(0)
    lines = [f"{x:.3f},{y:.3f},{'abc'[int(x > 0.5) + int(y > 0.5)]}\n" for x, y in random.random((600, 2))]
    ended, _model = evaluated("LR", ("x,y,which\n" + "".join(lines)).encode(), "which")
    groups = ended["evaluate"].result["effects"]["groups"]
    assert [group["label"] for group in groups] == ["a", "b", "c"]
    assert rows_of(ended, "x", 0)[0]["effect"] < 0 < rows_of(ended, "x", 2)[0]["effect"]


@pytest.mark.parametrize("algorithm", ["mlp", "hist_gradient_boosting"])
def test_other_models_have_none(home, algorithm):
    """Where columns act together there is no such table."""
    ended, _model = evaluated(algorithm, tables.turkish(), "abone mi", epochs=2)
    assert ended["evaluate"].result["effects"] is None


def test_the_evaluate_cell_says_it_in_words(home):
    """The cell has the table with directions, sizes and chances, and says what the most important column is worth."""
    ended, _model = evaluated("LR", tables.turkish(), "abone mi")
    shown = page(id=ended["train"].workflow_id)
    (table,) = [each.value for each in shown.dataframe if "Does" in each.value.columns]
    assert list(table.columns) == ["Column", "What", "Does", "Chance of Evet", "For each 1 more"]
    assert set(table["Does"]) <= {"raises", "lowers", "moves"} and table["Chance of Evet"].str.contains(" % → ").all()
    assert table["What"].str.contains("more (one standard deviation)", regex=False).any()
    first = ended["evaluate"].result["importance"][0]
    assert f"Without {first['column']}, accuracy would fall by {100 * first['value']:.1f} points" in text(shown)


def test_words_of_effects():
    """Chances start from the average row; odds are for each unit; what never happens does not overflow."""
    rows = [
        {"column": "a", "kind": "number", "by": 2.0, "effect": 900.0, "per_unit": 450.0},
        {"column": "b", "kind": "category", "value": None, "rows": 3, "effect": -1.0},
        {"column": "c", "kind": "range", "low": 1.0, "high": 9.0, "effect": 0.0},
    ]
    made = effects.table_of({"of": "chance", "base": 0.0, "groups": [{"label": "yes", "rows": rows}]})
    assert made["rows"][0][3] == "50.0 % → 100.0 %" and made["rows"][0][4].startswith("odds × ")
    assert made["rows"][1][1:4] == ["missing", "lowers", "50.0 % → 26.9 %"]
    assert made["rows"][2][1:3] == ["from 1 to 9 (the middle half of the rows)", "changes nothing"]
    assert effects.importance_in_words(
        [{"column": "a", "value": 0.041}, {"column": "b", "value": 0.02}], "accuracy"
    ) == ("Without a, accuracy would fall by 4.1 points; without b, by 2.0.")
    assert effects.importance_in_words([{"column": "a", "value": 0.0}], "R²") == ""


def test_numbers_of_one_measure_are_written_alike():
    """F1 of a class is a number as the F1 above it; importance is drawn in the points in which it is told."""
    [row] = told.per_class([{"label": "a", "precision": 0.5, "recall": 1.0, "f1": 0.667, "rows": 3}])["rows"]
    assert row == ["a", "50.0 %", "100.0 %", "0.667", 3]
    one = {"importance": [{"column": "a", "value": 0.082, "spread": 0.01}]}
    classes = told.converted({**one, "confusion": {"labels": ["a"], "counts": [[1]]}})["importance"]
    assert classes["values"] == [["a", pytest.approx(8.2)]] and "in points" in classes["x"]
    number = told.converted(one)["importance"]
    assert number["values"] == [["a", 0.082]] and "in points" not in number["x"]


def noise(rows=1_000, seed=4):
    """Columns that say nothing about the answer."""
    random = np.random.default_rng(seed)
    lines = [
        ",".join(f"{value:.4f}" for value in random.random(4)) + random.choice([",Evet", ",Hayır"]) for _ in range(rows)
    ]
    return ("a,b,c,d,y\n" + "\n".join(lines) + "\n").encode()


@pytest.mark.parametrize("folds", [0, 5])
def test_noise_has_no_importance(home, folds):
    """A model that has learned its validation rows, too, and knows all of them by heart needs none of the columns for
    other rows, and nobody says that it does."""
    ended, _model = evaluated("hist_gradient_boosting", noise(), "y", epochs=5, folds=folds)
    found = ended["evaluate"].result
    parts = ended["preprocess"].result
    assert ended["train"].result["given_rows"] == parts["train_rows"] + parts["validation_rows"]
    assert found["importance_on"] == ("folds" if folds else "test")
    assert {each["column"] for each in found["importance"]} == {"a", "b", "c", "d"}
    assert all(each["value"] <= max(0.02, 2 * each["spread"]) for each in found["importance"])
    assert effects.importance_in_words(found["importance"], "accuracy") == ""
    assert "leak_one_column" not in [warning["code"] for warning in found["warnings"]]


@pytest.mark.parametrize("target", ["price", "kind"])
def test_importance_in_folds_finds_what_matters(home, target):
    """In folds, too, the columns that make the answer come out on top, for numbers and for classes."""
    content = tables.numbers() if target == "price" else tables.numbers().replace(b"house", b"flat")
    algorithm = "hist_gradient_boosting_regressor" if target == "price" else "LR"
    ended, _model = evaluated(algorithm, content, target, epochs=3, folds=3)
    found = ended["evaluate"].result
    assert found["importance"][0]["column"] in (("size", "rooms") if target == "price" else ("price", "size", "rooms"))
    if target == "price":
        assert found["importance"][0]["value"] > 0.2 and found["importance"][0]["spread"] < 0.1


def test_older_importance_is_not_said_in_words():
    """Older versions measured on rows that small models had learned from: the chart says so, and no sentence does."""
    stored = {
        "importance": [{"column": "a", "value": 0.168, "spread": 0.01}],
        "confusion": {"labels": [], "counts": []},
    }
    assert "would fall" not in converted(stored)["importance"]["help"]
    assert "Run again from Evaluate" in converted(stored)["importance"]["help"]
    new = converted({**stored, "importance_on": "test"})["importance"]["help"]
    assert new.startswith("Without a, accuracy would fall by 16.8 points. ") and "Measured on test rows" in new
