"""Folds: every row is tested once by a model that has not seen it."""

import io

import numpy as np
import pandas as pd
import pytest
from helpers import tables
from helpers.tiers import seldom

from jobs.tabular.evaluate.folds import folds_of
from jobs.verbs import datasets, short_form
from store.errors import RequestError
from store.tables import Status


def add(frame):
    return datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "t.csv")


def noisy(rows, seed=0):
    """Two numbers, a kind and a text, and a label that follows from them but for a tenth of the rows."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": random.normal(size=rows), "b": random.normal(size=rows)})
    frame["kind"] = random.choice(["x", "y", None], rows)
    yes = frame.a + frame.b + (frame.kind == "x") > 0.4
    frame["label"] = np.where(yes ^ (random.random(rows) < 0.1), "yes", "no")
    frame["number"] = 3 * frame.a - frame.b + random.normal(0, 0.5, rows)
    return frame.round(4)


def evaluated(dataset, target, key, **params):
    ended = tables.run(dataset, target, key, **{"epochs": 3, "folds": 5, **params})
    assert all(step.status is Status.completed for step in ended.values()), [step.error for step in ended.values()]
    return ended["preprocess"].result, ended["evaluate"].result


@pytest.mark.parametrize("key", ["logistic_regression", "hist_gradient_boosting", "linear_svm"])
def test_every_row_is_tested_once(home, key):
    """The confusion matrix is of all rows, each fold has a score, and none of them is far from the others."""
    prepared, found = evaluated(add(noisy(400)), "label", key, features=["a", "b", "kind"])
    assert np.sum(found["confusion"]["counts"]) == found["rows"] == 400
    assert (prepared["test_rows"], found["part"], len(found["by_fold"])) == (0, "folds", 5)
    assert 0.75 < found["scores"]["accuracy"] < 0.95
    spread = found["scores"]["accuracy_spread"]
    assert spread == pytest.approx(np.std(found["by_fold"])) and spread < 0.1


@pytest.mark.parametrize("key", ["sgd_regressor", "hist_gradient_boosting_regressor"])
def test_numbers_are_tested_in_folds_too(home, key):
    """Errors are in the unit of the target, of every row."""
    _, found = evaluated(add(noisy(400)), "number", key, features=["a", "b"], epochs=10)
    assert found["rows"] == 400 and len(found["by_fold"]) == 5
    assert 0.8 < found["scores"]["r2"] < 1 and 0.3 < found["scores"]["rmse"] < 1.5


def test_noise_cannot_be_learned_however_often_it_is_folded(home):
    """On answers that follow from nothing the score is no better than guessing: nothing of a tested row was learned."""
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=600)})
    frame["code"] = [f"c{n % 300}" for n in range(600)]
    frame["y"] = np.random.default_rng(1).choice(["p", "q"], 600)
    _, found = evaluated(add(frame), "y", "hist_gradient_boosting", features=["a", "code"])
    low, high = found["intervals"]["accuracy"]
    assert low < 0.5 and 0.4 < high < 0.56


def test_a_rare_class_stops_no_fold(home):
    """A class with one row is learned in each fold, and its row is left out of the test."""
    frame = noisy(200)
    frame.loc[7, "label"] = "rare"
    for key in ("logistic_regression", "hist_gradient_boosting"):
        _, found = evaluated(add(frame), "label", key, features=["a", "b"])
        assert found["rows"] == 199


def test_a_group_is_tested_as_a_whole(home):
    """Rows that are all alike within a group help only where the group itself was learned from."""
    random = np.random.default_rng(2)
    answer = random.choice(["p", "q"], 60)
    frame = pd.DataFrame({"customer": np.repeat([f"k{n}" for n in range(60)], 10)})
    frame["x"] = np.repeat(random.normal(size=60), 10) + random.normal(0, 1e-4, 600)
    frame["y"] = np.repeat(answer, 10)
    given = {"features": ["x"], "epochs": 5}
    by_row = evaluated(add(frame), "y", "hist_gradient_boosting", **given)[1]["scores"]["accuracy"]
    by_group = evaluated(add(frame), "y", "hist_gradient_boosting", split="group", split_column="customer", **given)[1][
        "scores"
    ]["accuracy"]
    assert by_row > 0.9 and by_group < 0.75


def in_groups(groups, rows=40):
    """Rows of so many groups, with a number and a label that follow from what they hold."""
    frame = noisy(groups * rows)
    frame["customer"] = np.repeat([f"k{n}" for n in range(groups)], rows)
    return frame


@pytest.mark.parametrize("groups", seldom([3, 4]))
@pytest.mark.parametrize(("target", "key"), [("number", "sgd_regressor"), ("label", "logistic_regression")])
def test_as_many_groups_as_folds_are_enough(home, groups, target, key):
    """Every group is tested by a model of the others, whatever place chance gave it, and something is left to learn."""
    dataset = add(in_groups(groups))
    for seed in range(4):
        given = {"folds": groups, "split": "group", "split_column": "customer", "random_state": seed}
        _, found = evaluated(dataset, target, key, features=["a", "b", "kind"], **given)
        assert (found["rows"], len(found["by_fold"])) == (40 * groups, groups)


def test_something_is_left_to_learn(home, monkeypatch):
    """Where all rows outside of a fold would choose the epoch, as those of few groups may, they teach as well."""
    monkeypatch.setattr("jobs.tabular.evaluate.folds.CHOOSING", 1.0)
    _, found = evaluated(add(noisy(100)), "number", "sgd_regressor", features=["a", "b"])
    assert found["rows"] == 100


@pytest.mark.parametrize("key", ["logistic_regression", "hist_gradient_boosting", "mlp"])
@pytest.mark.parametrize("features", [["note"], ["a", "kind", "note"]])
def test_words_are_learned_anew_in_each_fold(home, key, features):
    """Where all words are in one fold, the others teach none: it is tested without them, and the others with them."""
    frame = in_groups(4)
    random = np.random.default_rng(0)
    notes = [" ".join(random.choice(["cold", "late"], 3)) for _ in range(160)]
    frame["note"] = np.where(frame.customer == "k0", notes, "")
    given = {"folds": 4, "split": "group", "split_column": "customer", "kinds": {"note": "text"}, "features": features}
    prepared, found = evaluated(add(frame), "label", key, **given)
    assert prepared["matrix_columns"] > 1 and (found["rows"], len(found["by_fold"])) == (160, 4)


def test_no_fold_is_empty_that_need_not_be():
    """A fold is a share of all places, or, where chance would leave one without rows, of the ranks of the places."""
    place = np.array([0.01, 0.34, 0.67])
    assert folds_of(np.repeat(place, 5), 3).tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert folds_of(place / 3, 3).tolist() == [0, 1, 2], "by rank, as chance put all of them into one"
    assert folds_of(np.array([0.1, 0.9]), 3).tolist() == [0, 1], "two cannot fill three"


def test_fewer_groups_with_a_target_than_folds_are_refused_by_the_step(home):
    """What no profile knows, the step says in the same words."""
    frame = in_groups(4)
    frame.loc[frame.customer > "k1", "number"] = None
    given = {"folds": 3, "split": "group", "split_column": "customer", "features": ["a"]}
    ended = tables.run(add(frame), "number", "sgd_regressor", **given)
    error = ended["preprocess"].error
    assert (error.code, error.values) == ("too_few_groups_for_folds", {"column": "customer", "count": 2, "folds": 3})


REFUSED = [
    ({"folds": 1}, "folds", "one_fold"),
    ({"folds": 5, "split": "time", "split_column": "number"}, "folds", "folds_have_no_time"),
    ({"folds": 5, "validation_size": 0}, "validation_size", "folds_need_validation"),
    ({"split": "group"}, "split_column", "no_split_column"),
    ({"folds": 3, "split": "group", "split_column": "label"}, "folds", "too_few_groups_for_folds"),
    ({"split": "time", "split_column": "kind"}, "split_column", "split_column_no_time"),
]


@pytest.mark.parametrize(("params", "field", "code"), REFUSED)
def test_what_cannot_be_split_is_refused_before_the_start(home, params, field, code):
    """The field that is wrong is named, and nothing is written."""
    dataset = add(noisy(100))
    with pytest.raises(RequestError) as refused:
        short_form.start(dataset.id, "label", "LR", params)
    assert (refused.value.field, refused.value.message.code) == (field, code)


def test_folds_are_for_small_tables(home, monkeypatch):
    """With many rows one test part says enough."""
    monkeypatch.setattr("jobs.tabular.fitness.MOST_FOLDED_ROWS", 50)
    with pytest.raises(RequestError) as refused:
        short_form.start(add(noisy(100)).id, "label", "LR", {"folds": 5})
    assert refused.value.message.code == "too_many_rows_for_folds"
