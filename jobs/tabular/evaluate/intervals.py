"""Intervals: within which bounds a score would fall on other rows of the same kind, 19 times of 20."""

from collections.abc import Callable

import numpy as np

# Scores are computed anew for so many random draws of so many rows; with more rows the bounds are that much closer.
DRAWS = 200
DRAWN_ROWS = 5_000
BOUNDS = (2.5, 97.5)

Scores = dict[str, float]
Intervals = dict[str, list[float]]


def of_classes(actual: np.ndarray, predicted: np.ndarray, beliefs: np.ndarray, rows: int) -> Intervals:
    """Return the bounds of accuracy, balanced accuracy and F1, and of AUC where there are two classes.

    The arrays are those of as many rows as were kept; `rows` is how many were measured."""
    count = beliefs.shape[1]
    kept = _kept(len(actual))
    actual, predicted = actual[kept].astype(np.int64), predicted[kept].astype(np.int64)
    cell = actual * count + predicted
    order = np.argsort(beliefs[kept, -1], kind="stable") if count == 2 else None

    def scores(weights: np.ndarray) -> Scores:
        confusion = np.bincount(cell, weights=weights, minlength=count * count).reshape(count, count)
        own, named, right = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
        present = own > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            found = {
                "accuracy": right.sum() / own.sum(),
                "balanced_accuracy": float(np.mean((right / own)[present])),
                "f1": float(np.mean((2 * right / (own + named))[present])),
            }
        if order is not None and present.all():
            found["auc"] = _auc(actual[order], weights[order])
        return found

    return _bounds(scores, len(actual), rows)


def _auc(actual: np.ndarray, weights: np.ndarray) -> float:
    """Return the share of pairs of a row of each class that are in the right order; rows come by their score."""
    negative = np.where(actual == 0, weights, 0.0)
    below = np.cumsum(negative) - negative
    positive = np.where(actual == 1, weights, 0.0)
    return float((positive * below).sum() / (positive.sum() * negative.sum()))


def of_numbers(actual: np.ndarray, predicted: np.ndarray) -> Intervals:
    """Return the bounds of R², RMSE and MAE."""
    kept = _kept(len(actual))
    own, errors = actual[kept], predicted[kept] - actual[kept]

    def scores(weights: np.ndarray) -> Scores:
        total = weights.sum()
        squared = float(weights @ errors**2)
        around = float(weights @ (own - (weights @ own) / total) ** 2)
        return {
            "r2": 1 - squared / around if around else 0.0,
            "rmse": (squared / total) ** 0.5,
            "mae": float(weights @ np.abs(errors)) / total,
        }

    return _bounds(scores, len(own), len(actual))


def _kept(rows: int) -> np.ndarray:
    return np.random.default_rng(1).permutation(rows)[:DRAWN_ROWS]


def _bounds(scores: Callable[[np.ndarray], Scores], drawn: int, rows: int) -> Intervals:
    random = np.random.default_rng(0)
    even = np.full(drawn, 1 / drawn)
    draws = [scores(random.multinomial(drawn, even).astype(np.float64)) for _ in range(DRAWS)]
    middle = scores(np.ones(drawn))
    closer = (drawn / rows) ** 0.5
    found: Intervals = {}
    for name, value in middle.items():
        values = [draw[name] for draw in draws if name in draw and np.isfinite(draw[name])]
        if np.isfinite(value) and len(values) > DRAWS / 2:
            low, high = np.percentile(values, BOUNDS)
            found[name] = [float(value + (low - value) * closer), float(value + (high - value) * closer)]
    return found
