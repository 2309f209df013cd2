"""Long tails: a few numbers far from all others do not keep models from seeing these."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables

from jobs.language import sentence
from jobs.tabular.predict.reasons import reasons_of
from jobs.tabular.prepare.tails import tail_of
from jobs.verbs import datasets
from store.messages import Message
from store.tables import Status

random = np.random.default_rng(0)
ROWS = 2_000
SHORT = {
    "normal": random.normal(40, 12, ROWS),
    "even": random.uniform(-3, 9, ROWS),
    "waiting times": random.exponential(7, ROWS),
    "small counts": random.poisson(0.3, ROWS).astype(float),
    "a rare mark": (random.random(ROWS) < 0.01) * 1.0,
    "one number": np.full(ROWS, 7.0),
    "two heaps": random.choice([0.0, 1_000.0], ROWS),
    "gaps alone": np.full(ROWS, np.nan),
}
LONG = {
    "incomes": random.lognormal(8, 2, ROWS),
    "mostly nothing": random.lognormal(3, 2, ROWS) * (random.random(ROWS) < 0.3),
    "both sides": random.standard_t(1, ROWS),
    "one mistake": np.append(random.normal(40, 12, ROWS - 1), 1e6),
    "below": -random.lognormal(0, 2, ROWS),
}


def proportions(rows=1_500, seed=0):
    """Two columns whose proportion decides, and a third without a tail."""
    own = np.random.default_rng(seed)
    frame = pd.DataFrame({"income": own.lognormal(8, 2, rows), "debt": own.lognormal(7, 2, rows)}).round(2)
    frame["age"] = own.normal(45, 12, rows).round(1)
    good = np.log(frame.income / frame.debt) + own.normal(0, 0.5, rows) > 1
    frame["y"] = np.where(good, "good", "bad")
    frame.loc[own.random(rows) < 0.05, "income"] = np.nan
    return frame


def run(frame, algorithm, until="evaluate", **params):
    ended = tables.run(
        datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "t.csv"), "y", algorithm, until=until, **params
    )
    assert ended[until].status is Status.completed, sentence(ended[until].error)
    return ended


def done_with(ended):
    """What was done with each column, as codes."""
    return {
        each["column"]: [message["code"] for message in each["did"]] for each in ended["preprocess"].result["columns"]
    }


@pytest.mark.parametrize("name", SHORT)
def test_a_short_tail_is_left_alone(name):
    """Numbers that all lie together, and marks that are rare, are not squashed."""
    assert tail_of(SHORT[name]) is None


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e9])
def test_a_long_tail_is_noticed_in_any_unit(name, unit):
    """Whether and how a column is squashed does not depend on its unit."""
    found = tail_of(LONG[name] * unit)
    assert found is not None
    assert found == tail_of(LONG[name])
    assert found.centred == (name not in ("incomes", "mostly nothing"))


def test_what_the_target_follows_stays(home):
    """A number that grows with the column itself is not predicted by its logarithm."""
    own = np.random.default_rng(3)
    x = own.lognormal(2, 1.7, 800)
    assert tail_of(x) and tail_of(x, 3 * x + own.normal(0, 5, 800)) is None
    assert tail_of(x, np.log(x) + own.normal(0, 0.1, 800))
    frame = pd.DataFrame({"x": x, "z": x * own.uniform(0.5, 2, 800), "y": 3 * x + own.normal(0, 5, 800)}).round(3)
    assert done_with(run(frame, "SGDR", "preprocess"))["x"] == ["scaled_standard"]


@pytest.mark.parametrize("key", ["LR", "linear_svm", "perceptron", "mlp"])
def test_proportions_are_learned(home, key):
    """Linear models and networks find what decides in columns with long tails; unsquashed they do not."""
    squashed, kept = (run(proportions(), key, tails=tails) for tails in ("squash", "keep"))
    reached, without = (each["evaluate"].result["scores"]["accuracy"] for each in (squashed, kept))
    assert reached > 0.88 and reached > without + (0.04 if key == "mlp" else 0.1)
    did = done_with(squashed)
    assert did["income"] == ["gaps_median", "squashed", "scaled_standard"]
    assert did["debt"] == ["squashed", "scaled_standard"] and did["age"] == ["scaled_standard"]
    assert sentence(Message("squashed")) == "squashed, as its tail is long"


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_the_model_squashes_as_training_did(home, scaling):
    """Raw rows become the very numbers that were learned from, and the model needs no code of ours for it."""
    frame = proportions()
    frame["count"] = np.minimum(np.random.default_rng(1).lognormal(0, 2, len(frame)).astype(int), 250)
    ended = run(frame, "LR", epochs=2, scaling=scaling)
    assert "squashed" in done_with(ended)["count"]
    model = joblib.load(tables.file_of(ended["train"], "model"))
    assert b"jobs." not in pickle.dumps(model)
    made, tested = model[:-1].transform(frame), tables.matrix_of(ended, "test_X")
    assert all((made == row).all(axis=1).any() for row in tested)


def test_reasons_and_importance_know_squashed_columns(home):
    """Effects on a row add up exactly, and the columns that decide are the important ones."""
    frame = proportions()
    ended = run(frame, "LR")
    model = joblib.load(tables.file_of(ended["train"], "model"))
    features = [
        {"name": "income", "usual": "3000"},
        {"name": "debt", "usual": "1100"},
        {"name": "age", "usual": "45"},
    ]
    why = reasons_of(model, features, {"income": "900000", "debt": "5", "age": "31"}, "good")
    assert why["exact"] and why["effects"][-1]["column"] == "age"
    assert sum(each["effect"] for each in why["effects"]) == pytest.approx(why["total"] - why["base"])
    important = [each["column"] for each in ended["evaluate"].result["importance"]]
    assert set(important[:2]) == {"income", "debt"}


def test_nothing_changes_without_a_long_tail(home):
    """A table without long tails is prepared the same, byte by byte, whether they would be squashed or not."""
    frame = pd.DataFrame({name: SHORT[name] for name in ("normal", "even", "waiting times", "small counts")})
    frame["y"] = np.where(np.arange(ROWS) % 3, "a", "b")
    ways = [run(frame, "LR", "preprocess", tails=tails) for tails in ("squash", "keep")]
    for name in ("train_X", "val_X", "test_X", "transformer"):
        first, second = (tables.file_of(way["preprocess"], name).read_bytes() for way in ways)
        assert first == second, name


def test_folds_squash_too(home):
    """Tested in folds, the score is that of squashed columns."""
    ended = run(proportions(400), "LR", folds=3, epochs=30)
    assert ended["evaluate"].result["scores"]["accuracy"] > 0.85
