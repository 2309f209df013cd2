"""Logistic regression of more than two classes: one model of all classes, learned in parts, kept as scikit-learn's."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables
from sklearn.linear_model import LogisticRegression, SGDClassifier

from jobs.tabular.softmax import SoftmaxRegression
from jobs.verbs import datasets, predictions


def rows(classes, count, seed=0):
    """Numbers, and classes of which each is likelier the further a row lies in its direction."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 4)).astype(np.float32)
    weights = np.random.default_rng(99).normal(size=(4, classes))
    return x, (x @ weights + random.gumbel(size=(count, classes))).argmax(axis=1)


def learned(x, y, classes, epochs=100, blocks=1, weight=None, **settings):
    model = SoftmaxRegression(**{"learning_rate": 0.01, "alpha": 0.0001, **settings}, random=np.random.RandomState(1))
    for _ in range(epochs):
        for part in np.array_split(np.arange(len(y)), blocks):
            own = None if weight is None else weight[part]
            model.partial_fit(x[part], y[part], np.arange(classes), own)
    return model


def table(classes=3, count=400):
    x, y = rows(classes, count)
    frame = pd.DataFrame(x.round(3), columns=list("abcd"))
    frame["answer"] = [f"kind {number}" for number in y]
    return datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "kinds.csv"), frame


def test_chances_are_those_of_scikit_learns_own():
    """Learned in one block or in seven, chances are those that scikit-learn finds with all rows at once."""
    x, y = rows(4, 2_000)
    own = LogisticRegression(C=1 / (0.0001 * len(y)), max_iter=1_000).fit(x, y).predict_proba(x)
    for blocks in (1, 7):
        model = learned(x, y, 4, blocks=blocks)
        assert np.abs(model.predict_proba(x) - own).max() < 0.05
        assert np.abs(model.predict_proba(x) - own).mean() < 0.01


def test_classes_in_a_row_are_told_apart():
    """Six classes along one direction: those in the middle are found, with others on both sides."""
    x, _ = rows(2, 4_000)
    y = np.digitize(x[:, 0] + 0.5 * x[:, 1], [-1.2, -0.6, 0, 0.6, 1.2])
    rest = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01, random_state=0)
    for _ in range(10):
        rest.partial_fit(x[:3_000], y[:3_000], classes=np.arange(6))
    right = (learned(x[:3_000], y[:3_000], 6, epochs=10).predict(x[3_000:]) == y[3_000:]).mean()
    assert right > 0.7 and right > rest.score(x[3_000:], y[3_000:]) + 0.15


def test_a_heavier_row_counts_like_several():
    """A weight of three does what two more copies of the row would do."""
    x, y = rows(3, 300)
    weight = np.where(y == 1, 3.0, 1.0)
    copied = np.repeat(np.arange(300), weight.astype(int))
    heavy, copies = learned(x, y, 3, weight=weight), learned(x[copied], y[copied], 3)
    assert np.abs(heavy.predict_proba(x) - copies.predict_proba(x)).max() < 0.1
    assert np.abs(heavy.predict_proba(x) - learned(x, y, 3).predict_proba(x)).max() > 0.15


def test_a_penalty_keeps_weights_small():
    """The penalty is felt by the weights, and not by the intercepts."""
    x, y = rows(3, 300)
    free, held = learned(x, y, 3), learned(x, y, 3, alpha=1.0)
    assert np.abs(held.coef_).max() < 0.5 * np.abs(free.coef_).max()
    shares = held.predict_proba(x).mean(axis=0)
    assert np.allclose(shares, np.bincount(y) / len(y), atol=0.05)


def test_a_saved_training_goes_on_as_if_it_had_not_stopped():
    """A model that is written and read between two passes ends with the very same weights."""
    x, y = rows(3, 300)
    whole, begun = learned(x, y, 3, epochs=6), learned(x, y, 3, epochs=3)
    again = pickle.loads(pickle.dumps(begun))
    for _ in range(3):
        again.partial_fit(x, y, np.arange(3))
    assert np.array_equal(again.coef_, whole.coef_) and np.array_equal(again.intercept_, whole.intercept_)


def test_the_model_file_holds_scikit_learns_own(home):
    """More than two classes are kept as a LogisticRegression with weights and chances; two stay as they were."""
    dataset, frame = table()
    ended = tables.run(dataset, "answer", "logistic_regression", epochs=30)
    model = joblib.load(tables.file_of(ended["train"], "model"))
    assert type(model[-1]) is LogisticRegression and model[-1].coef_.shape == (3, 4)
    assert list(model.classes_) == ["kind 0", "kind 1", "kind 2"]
    assert np.allclose(model[-1].coef_.sum(axis=0), 0, atol=1e-5)
    chances = model.predict_proba(frame.drop(columns="answer"))
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-6)
    assert ended["evaluate"].result["scores"]["accuracy"] > 0.55
    two, _ = table(2)
    ended = tables.run(two, "answer", "logistic_regression", epochs=3)
    assert type(joblib.load(tables.file_of(ended["train"], "model"))[-1]) is SGDClassifier


@pytest.mark.parametrize("given", [{"alpha": 3.0}, {"learning_rate": 0.3}, {"class_weight": "balanced"}])
def test_every_setting_matters(home, given):
    """What is offered for two classes changes the model of more, too."""
    dataset, frame = table()
    usual, changed = (
        joblib.load(
            tables.file_of(
                tables.run(dataset, "answer", "logistic_regression", until="train", epochs=5, train=each)["train"],
                "model",
            )
        ).predict_proba(frame)
        for each in ({}, given)
    )
    assert np.abs(usual - changed).max() > 0.01


def test_reasons_for_a_row_add_up(home):
    """What each column gives to the score of the predicted class is exact: together they set the row apart."""
    dataset, _ = table()
    ended = tables.run(dataset, "answer", "logistic_regression", epochs=30)
    row = {"a": "2.5", "b": "-1.1", "c": "0.3", "d": "0"}
    (reasons,) = predictions.predict_rows(ended["train"].workflow_id, [row], explain=True).reasons
    assert reasons.exact and reasons.of == "score"
    model = joblib.load(tables.file_of(ended["train"], "model"))
    score = model.decision_function(pd.DataFrame([{name: float(cell) for name, cell in row.items()}])).max()
    assert reasons.base + sum(each.effect for each in reasons.effects) == pytest.approx(score, abs=1e-4)
