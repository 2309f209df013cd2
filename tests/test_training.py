"""Training: what is measured is what scikit-learn itself would say, and what is told on the way is true."""

import io
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables
from sklearn import metrics as sklearn_metrics

from jobs.language import sentence
from jobs.pipelines import context
from jobs.tabular import algorithms
from jobs.tabular.matrix import Matrix
from jobs.verbs import datasets
from store import files, metrics, steps

LINEAR = ("logistic_regression", "linear_svm", "perceptron", "passive_aggressive", "mlp")


def table(rows, classes):
    random = np.random.default_rng(4)
    frame = pd.DataFrame(random.normal(size=(rows, 6)).round(4), columns=list("abcdef"))
    rank = (frame.a + 0.4 * frame.b + random.normal(0, 0.3, rows)).rank(pct=True)
    frame["answer"] = (rank * classes * 0.999).astype(int)
    return datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), f"t{classes}.csv")


def matrices(ended):
    return {
        name: (lambda matrix: matrix.part(0, matrix.rows))(Matrix(tables.file_of(ended["preprocess"], name)))
        for name in ("train_X", "train_y", "val_X", "val_y", "test_X", "test_y")
    }


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("key", LINEAR)
def test_training_is_scikit_learns_own(home, key, classes):
    """On a table of one block, every epoch is one partial_fit of the same estimator with the same seed, and the curves
    are its accuracy, to the last row, and its loss, to five digits."""
    ended = tables.run(table(900, classes), "answer", key, until="train", epochs=4)
    data, chosen = matrices(ended), algorithms.get(key)
    random = np.random.RandomState(42)
    estimator = chosen.make({param.name: param.default for param in chosen.params}, random, classes)
    curves = metrics.curves(ended["train"].id)
    for epoch in range(4):
        random.permutation(1)  # the order of the one block
        estimator.partial_fit(data["train_X"], data["train_y"], classes=np.arange(classes))
        for name in ("train", "val"):
            x, y = data[f"{name}_X"], data[f"{name}_y"]
            assert curves[f"{name}_accuracy"][epoch].value == (estimator.predict(x) == y).mean()
            if chosen.loss == "log":
                loss = sklearn_metrics.log_loss(y, estimator.predict_proba(x))
                assert curves[f"{name}_loss"][epoch].value == pytest.approx(loss, rel=1e-5)
            elif chosen.loss == "hinge":
                loss = sklearn_metrics.hinge_loss(y, estimator.decision_function(x), labels=range(classes))
                assert curves[f"{name}_loss"][epoch].value == pytest.approx(loss, rel=1e-6)


def test_evaluating_is_scikit_learns_own(home, monkeypatch):
    """Scores, confusion matrix and areas are what scikit-learn computes from all rows at once, however many blocks."""
    monkeypatch.setattr("jobs.tabular.matrix.BLOCK_ROWS", 64)
    ended = tables.run(table(900, 3), "answer", "logistic_regression", epochs=3)
    data, result = matrices(ended), ended["evaluate"].result
    model = joblib.load(tables.file_of(ended["train"], "model"))[-1]
    said = model.predict(data["test_X"])
    assert result["scores"]["accuracy"] == sklearn_metrics.accuracy_score(data["test_y"], said)
    assert result["scores"]["balanced_accuracy"] == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(data["test_y"], said)
    )
    assert result["confusion"]["counts"] == sklearn_metrics.confusion_matrix(data["test_y"], said).tolist()


def test_progress_moves_within_an_epoch(home, monkeypatch):
    """An epoch over many blocks tells how far it is, block by block, and which epoch it is."""
    monkeypatch.setattr("jobs.tabular.matrix.BLOCK_ROWS", 100)
    monkeypatch.setattr(sys.modules["jobs.tabular.train.step"], "BLOCK_ROWS", 100)
    told, usual = [], context.Recorder.progress
    monkeypatch.setattr(
        context.Recorder,
        "progress",
        lambda self, done, total, words="": (told.append((done / total, words)), usual(self, done, total, words)),
    )
    ended = tables.run(table(500, 2), "answer", "logistic_regression", until="train", epochs=2)
    training = told[-8:]
    assert [share for share, _ in training] == [number / 8 for number in range(1, 9)]
    said = [sentence(message) for _, message in training]
    assert said == ["epoch 1 of 2"] * 4 + ["epoch 2 of 2"] * 4
    assert steps.get(ended["train"].id).progress == 1.0
    assert files.path_of(steps.artifacts_of(ended["train"].id)["model"].sha256).exists()
