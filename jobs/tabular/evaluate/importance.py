"""Importance: how much worse predictions get when one column is shuffled among rows that no model has learned from.

A model that knows rows by heart seems to need columns that say nothing. So these are the rows that scores are of: those
of the reported part, or in folds those of each fold, as its own model predicts them.
"""

from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np

REPEATS = 3
MOST_ROWS = 2_000
# A table with very many columns is measured on fewer rows, each shuffled once.
MANY_COLUMNS = 100
FEWER_ROWS = 500


class Important(TypedDict):
    """A column, by how much the score falls without it, and the standard error of that."""

    column: str
    value: float
    spread: float


Predict = Callable[[np.ndarray], np.ndarray]


def most_rows(columns: int) -> int:
    """Return on how many rows a table with so many columns is measured."""
    return MOST_ROWS if columns <= MANY_COLUMNS else FEWER_ROWS


class Sample:
    """Some rows of a part, drawn by chance, which are taken from its blocks as these pass."""

    def __init__(self, rows: int, most: int) -> None:
        random = np.random.default_rng(0)
        self._chosen = np.sort(random.choice(rows, min(rows, most), replace=False, shuffle=False))
        self._blocks: list[np.ndarray] = []
        self._actual: list[np.ndarray] = []

    def add(self, start: int, block: np.ndarray, actual: np.ndarray) -> None:
        """Take what was drawn of a block, whose first row is the given one of the part."""
        first, last = np.searchsorted(self._chosen, [start, start + len(block)])
        if first < last:
            places = self._chosen[first:last] - start
            self._blocks.append(block[places])
            self._actual.append(actual[places])

    @property
    def matrix(self) -> np.ndarray:
        return np.concatenate(self._blocks)

    @property
    def actual(self) -> np.ndarray:
        return np.concatenate(self._actual)


class Importance:
    """How much worse each column makes predictions, while rows are measured: all at once, or fold by fold."""

    def __init__(self, of_classes: bool, random: np.random.Generator | None = None) -> None:
        self._of_classes, self._random = of_classes, random or np.random.default_rng(0)
        self._worse: dict[str, list[np.ndarray]] = {}
        self._whole = 0.0

    def add(
        self,
        predict: Predict,
        matrix: np.ndarray,
        actual: np.ndarray,
        spans: Mapping[str, slice],
        repeats: int,
        report: Callable[[str], None],
    ) -> None:
        """Measure rows that the model behind `predict` has not learned from; `spans` are the columns of the matrix that
        each column of the table has, and `report` hears of each that is measured."""
        before = self._losses(predict, matrix, actual)
        self._whole += len(actual) if self._of_classes else float(((actual - actual.mean()) ** 2).sum())
        # Each original column has matrix columns of its own, so shuffling those is the same, and much faster.
        for name, own in spans.items():
            given = matrix[:, own].copy()
            worse = np.zeros(len(actual))
            for _ in range(repeats):
                matrix[:, own] = given[self._random.permutation(len(given))]
                worse += (self._losses(predict, matrix, actual) - before) / repeats
            matrix[:, own] = given
            self._worse.setdefault(name, []).append(worse)
            report(name)

    def _losses(self, predict: Predict, matrix: np.ndarray, actual: np.ndarray) -> np.ndarray:
        """Return what each row adds to the error: of a class whether it is wrong, of a number the square."""
        with np.errstate(over="ignore", invalid="ignore"):
            predicted = predict(matrix)
            losses: np.ndarray = (predicted != actual if self._of_classes else (predicted - actual) ** 2).astype(float)
        return losses

    def as_json(self) -> list[Important]:
        """Return by how much accuracy or R² falls without each column, and the standard error of that: how far it would
        move with other rows of the kind."""
        measured = []
        for name, parts in self._worse.items():
            worse = np.concatenate(parts) / self._whole if self._whole else np.zeros(1)
            spread = float(worse.std()) * len(worse) ** 0.5
            measured.append(Important(column=name, value=float(worse.sum()), spread=spread))
        return sorted(measured, key=lambda entry: -entry["value"])
