"""Logistic regression of more than two classes at once, learned block by block.

scikit-learn's own learns only from all rows at once; what it has for blocks sets each class against the rest, which
costs several points where classes are many. Here the rows are learned from in batches, by Adam, and what predicts is a
running mean of the weights: single steps go to and fro around the best, their mean is close to it. What was learned is
handed on as scikit-learn's own LogisticRegression, so that a model file needs nothing else.
"""

from typing import Any

import numpy as np

# Rows for each correction.
BATCH = 32
# How far a correction goes, for a learning rate of 1: the rate that suits two classes, row by row, suits more. With
# a third of it ten epochs were half a point behind scikit-learn on fifteen tables; with it they are equal.
STEP = 3.0
# How much of the mean of the slopes, and of their squares, is kept at each correction, as Adam's authors propose.
SLOPE_KEPT, SQUARE_KEPT = 0.9, 0.999
# The mean that predicts is one of about so many last corrections.
CORRECTIONS = 100
# Squared slopes this small count as nothing.
TINY = 1e-8


class SoftmaxRegression:
    """Learns weights for each class; asked like a classifier of scikit-learn, with classes 0, 1, 2 and so on."""

    def __init__(self, learning_rate: float, alpha: float, random: np.random.RandomState) -> None:
        self._rate, self._alpha, self._random = learning_rate, alpha, random
        self._step = 0
        # The last row of each is that of the intercepts.
        self._weights = self._mean = self._slope = self._square = np.zeros((0, 0), np.float32)

    @property
    def coef_(self) -> np.ndarray:
        return self._mean[:-1].T

    @property
    def intercept_(self) -> np.ndarray:
        intercepts: np.ndarray = self._mean[-1]
        return intercepts

    def partial_fit(
        self, x: np.ndarray, y: np.ndarray, classes: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> "SoftmaxRegression":
        """Pass once over a block of rows, in random order; all classes are named each time."""
        if not self._step:
            shape = x.shape[1] + 1, len(classes)
            self._weights, self._mean, self._slope, self._square = (np.zeros(shape, np.float32) for _ in range(4))
        order = self._random.permutation(len(y))
        x, y = x[order], y[order]
        weights = None if sample_weight is None else sample_weight[order].astype(np.float32)[:, None]
        slope, scratch, places = (*(np.empty_like(self._weights) for _ in range(2)), np.arange(BATCH))
        for start in range(0, len(y), BATCH):
            rows, own = x[start : start + BATCH], y[start : start + BATCH]
            wrong = _chances(rows, self._weights)
            wrong[places[: len(own)], own] -= 1
            if weights is not None:
                wrong *= weights[start : start + BATCH]
            np.dot(rows.T, wrong, out=slope[:-1])
            np.sum(wrong, axis=0, out=slope[-1])
            slope /= len(own)
            slope[:-1] += np.multiply(self._weights[:-1], self._alpha, out=scratch[:-1])
            self._correct(slope, scratch)
        return self

    def _correct(self, slope: np.ndarray, scratch: np.ndarray) -> None:
        """Take a step against the slope, and follow it with the mean; both arrays given are written over."""
        self._step += 1
        self._slope *= SLOPE_KEPT
        self._slope += np.multiply(slope, 1 - SLOPE_KEPT, out=scratch)
        self._square *= SQUARE_KEPT
        np.multiply(slope, slope, out=slope)
        self._square += np.multiply(slope, 1 - SQUARE_KEPT, out=scratch)
        np.sqrt(self._square, out=scratch)
        scratch += TINY
        np.divide(self._slope, scratch, out=scratch)
        scratch *= STEP * self._rate * (1 - SQUARE_KEPT**self._step) ** 0.5 / (1 - SLOPE_KEPT**self._step)
        self._weights -= scratch
        np.subtract(self._weights, self._mean, out=scratch)
        scratch *= 1 / min(self._step, CORRECTIONS)
        self._mean += scratch

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        """Return the score of each class, by row."""
        scores: np.ndarray = x @ self.coef_.T + self.intercept_
        return scores

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return the chance of each class, by row."""
        return _chances(x, self._mean)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the most likely class of each row."""
        classes: np.ndarray = self.decision_function(x).argmax(axis=1)
        return classes

    def as_scikit_learns(self) -> Any:
        """Return what was learned as an estimator of scikit-learn. As in its own, the weights of a column add up to 0:
        each says how much the column speaks for one class against the others."""
        from sklearn.linear_model import LogisticRegression

        estimator, middle = LogisticRegression(), self._mean.mean(axis=1, keepdims=True)
        estimator.coef_ = np.ascontiguousarray((self._mean - middle)[:-1].T)
        estimator.intercept_ = (self._mean - middle)[-1]
        estimator.classes_ = np.arange(len(estimator.coef_))
        estimator.n_features_in_ = estimator.coef_.shape[1]
        estimator.n_iter_ = np.array([self._step], np.int32)
        return estimator


def _chances(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the chance of each class, by row."""
    chances: np.ndarray = x @ weights[:-1]
    chances += weights[-1]
    chances -= chances.max(axis=1, keepdims=True)
    np.exp(chances, out=chances)
    chances /= chances.sum(axis=1, keepdims=True)
    return chances
