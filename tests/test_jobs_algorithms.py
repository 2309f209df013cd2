"""Algorithms: every one learns, and every parameter it offers matters."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables
from helpers.refusals import refuses

from jobs.language import sentence
from jobs.tabular import algorithms
from jobs.tabular.algorithms import ALGORITHMS
from jobs.verbs import datasets
from store.errors import InvalidError
from store.tables import Status

OTHER = {
    "learning_rate": 0.05,
    "epochs": 2,
    "alpha": 0.3,
    "class_weight": "balanced",
    "random_state": 7,
    "batch_size": 5,
    "hidden_layers": "16",
    "activation": "tanh",
    "C": 1.0,
    "variant": "pa2",
    "max_leaf_nodes": 3,
    "min_samples_leaf": 60,
    "l2_regularization": 50.0,
}


def table():
    """Uneven classes that no straight line separates well, and a number that goes with them."""
    random = np.random.default_rng(9)
    frame = pd.DataFrame(random.normal(size=(400, 5)).round(3), columns=list("abcde"))
    value = frame.a * frame.b + 0.7 * frame.c + random.normal(0, 0.8, 400)
    frame["word"] = np.where(value > 0.8, "high", "low")
    frame["number"] = value.round(4) * 100
    return frame


def raw_answers(step, frame):
    """What a saved model says, as finely as it can."""
    model = joblib.load(tables.file_of(step, "model"))
    ask = next(
        getattr(model, name) for name in ("predict_proba", "decision_function", "predict") if hasattr(model, name)
    )
    return ask(frame)


def direction(answers):
    """Answers without their overall size, which alone would decide nothing."""
    return answers / np.linalg.norm(answers) * np.sqrt(len(answers))


def test_codes_of_the_original():
    """The short codes are accepted, in any case; anything else is refused with what there is."""
    for code, key in {
        "LR": "logistic_regression",
        "SVM": "linear_svm",
        "PER": "perceptron",
        "PA": "passive_aggressive",
        "MLP": "mlp",
        "lr": "logistic_regression",
    }.items():
        assert algorithms.get(code).key == key
    with refuses(InvalidError, match="There is no algorithm 'magic'; there are logistic_regression, "):
        algorithms.get("magic")


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda algorithm: algorithm.key)
def test_defaults_are_allowed(algorithm):
    """Every default passes its own check, and names are not repeated."""
    names = [param.name for param in algorithm.params]
    assert len(set(names)) == len(names)
    for param in algorithm.params:
        assert param.read(param.default) == param.default
        assert param.label


@pytest.mark.parametrize("key", ALGORITHMS)
def test_every_parameter_matters(home, key):
    """A parameter that is offered changes what the model says."""
    frame = table()
    algorithm = ALGORITHMS[key]
    target = "word" if algorithm.task == "classification" else "number"
    other = "number" if target == "word" else "word"
    dataset = datasets.add(io.BytesIO(frame.drop(columns=other).to_csv(index=False).encode()), "t.csv")

    def answers(**params):
        # Only training changes: the split and everything above stay as they are.
        ended = tables.run(dataset, target, key, until="train", train={"epochs": 4, **params})
        assert ended["train"].status is Status.completed, sentence(ended["train"].error)
        return ended["train"], raw_answers(ended["train"], frame)

    first, usual = answers()
    _again, same = answers()
    assert np.array_equal(usual, same), "the same settings must give the same model"
    for param in algorithm.params:
        if param.name in ("early_stopping", "patience"):
            continue
        step, changed = answers(**{param.name: OTHER[param.name]})
        if param.name == "epochs":
            assert step.result["epochs_run"] == 2 != first.result["epochs_run"]
            continue
        assert np.abs(direction(usual) - direction(changed)).max() > 1e-3, f"{param.name} changes nothing"


@pytest.mark.parametrize("key", ALGORITHMS)
def test_stopping_early(home, key):
    """Stopping early ends training once patience is used up, and patience decides when."""
    frame = table()
    target, other = ("word", "number") if ALGORITHMS[key].task == "classification" else ("number", "word")
    dataset = datasets.add(io.BytesIO(frame.drop(columns=other).to_csv(index=False).encode()), "t.csv")

    def epochs(**params):
        step = tables.run(dataset, target, key, until="train", epochs=120, **params)["train"]
        assert step.result["stopped_early"] is (step.result["epochs_run"] < 120)
        return step.result["epochs_run"], step.result["best_epoch"]

    fast = {"learning_rate": 0.3} if "boosting" in key else {"learning_rate": 0.5} if "sgd" in key else {}
    quick, best = epochs(early_stopping=True, patience=2, **fast)
    assert quick == best + 2 < 120
    patient, best = epochs(early_stopping=True, patience=4, **fast)
    assert quick < patient == best + 4
