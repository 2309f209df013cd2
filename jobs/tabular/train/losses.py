"""Losses: what scikit-learn's own functions say of an estimator, block by block, without the checks that cost more
time than the answer. A test compares them."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from jobs.tabular.algorithms import Algorithm

Scores = dict[str, float]
Blocks = Iterable[tuple[np.ndarray, np.ndarray]]

_LEARNED = ("coef_", "intercept_", "coefs_", "intercepts_")


def unchecked(finite: bool = True) -> AbstractContextManager[None]:
    """Keep scikit-learn from checking params, and numbers, that it has checked before."""
    from sklearn import config_context

    checks: AbstractContextManager[None] = config_context(assume_finite=finite, skip_parameter_validation=True)
    return checks


def is_finite(estimator: Any, *given: np.ndarray) -> bool:
    """Return whether the given numbers are finite, and those that the estimator has learned."""
    learned = [getattr(estimator, name) for name in _LEARNED if hasattr(estimator, name)]
    arrays = [array for each in learned for array in (each if isinstance(each, list) else [each])]
    return all(np.isfinite(array).all() for array in (*given, *arrays))


def measure(algorithm: Algorithm, estimator: Any, blocks: Blocks, spread: float) -> Scores:
    """Return accuracy and loss, or r2, rmse and loss, over blocks of rows."""
    if algorithm.task == "regression":
        return _measure_numbers(estimator, blocks, spread)
    right = lost = rows = 0.0
    for x, y in blocks:
        predicted, losses = _LOSSES[algorithm.loss](estimator, x, y)
        right += float((predicted == y).sum())
        lost += float(losses.sum())
        rows += len(y)
    return {"accuracy": right / rows, "loss": lost / rows}


def _measure_numbers(estimator: Any, blocks: Blocks, spread: float) -> Scores:
    squared = total = squares = rows = 0.0
    for x, y in blocks:
        squared += float(((estimator.predict(x) - y) ** 2).sum())
        total += float(y.sum())
        squares += float((y**2).sum())
        rows += len(y)
    around_mean = squares - total**2 / rows
    return {
        "r2": 1 - squared / around_mean if around_mean > 0 else 0.0,
        "rmse": (squared / rows) ** 0.5 * spread,
        "loss": squared / rows / 2,
    }


def _log_loss(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if hasattr(estimator, "coef_") and len(estimator.coef_) == 1:  # the same as below, in a fraction of the time
        predicted, margin = _margins(estimator, x, y)
        return predicted, np.logaddexp(0.0, -margin, dtype=np.float64)
    probabilities = estimator.predict_proba(x)
    own = probabilities[np.arange(len(y)), y].astype(np.float64)
    # Probabilities close to 1 round to the same number; the prediction is decided before they are made.
    predicted = (_decision(estimator, x) if hasattr(estimator, "coef_") else probabilities).argmax(axis=1)
    return predicted, -np.log(np.clip(own, 1e-15, None))


def _decision(estimator: Any, x: np.ndarray) -> np.ndarray:
    """Return what decision_function returns."""
    if not hasattr(estimator, "coef_"):
        return np.asarray(estimator.decision_function(x))
    values: np.ndarray = x @ estimator.coef_.T + estimator.intercept_
    return values.ravel() if values.shape[1] == 1 else values


def _margins(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the predicted classes, and by how much the right class wins."""
    values = _decision(estimator, x)
    if values.ndim == 1:
        return (values > 0).astype(np.int16), values * (2 * y - 1)
    rows = np.arange(len(y))
    own = values[rows, y]
    predicted = values.argmax(axis=1)
    values[rows, y] = -np.inf
    return predicted, own - values.max(axis=1)


def _hinge(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted, margin = _margins(estimator, x, y)
    return predicted, np.maximum(0.0, 1.0 - margin)


def _perceptron_loss(estimator: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted, margin = _margins(estimator, x, y)
    return predicted, np.maximum(0.0, -margin)


_LOSSES = {"log": _log_loss, "hinge": _hinge, "perceptron": _perceptron_loss}
