"""The data of a training: the matrices that preparation left, and the target as an estimator is shown it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.pipelines import StepContext
from jobs.pipelines.params import Params
from jobs.tabular.algorithms import COPIES_OF_CATEGORIES, Algorithm
from jobs.tabular.facts import failure
from jobs.tabular.matrix import BLOCK_BYTES, Matrix, MatrixInMemory

SCORED_ROWS = 20_000


def is_native(algorithm: Algorithm, prepared: Mapping[str, Any]) -> bool:
    """Return whether an algorithm is given categories as such: one that takes them, of a table that has them."""
    return algorithm.native and prepared.get("native") is not None  # steps of before left none


def encoder_for(algorithm: Algorithm, prepared: Mapping[str, Any]) -> Any:
    """Return the encoder from raw rows to what the algorithm learns from."""
    return prepared["native" if is_native(algorithm, prepared) else "way"]


def takes_categories(estimator: Any) -> bool:
    """Return whether an estimator learned from categories as such."""
    return isinstance(getattr(estimator, "categorical_features", None), list)


@dataclass
class TrainingData:
    """Training and validation rows; a numeric target is centred and scaled."""

    x: Matrix
    y: Matrix
    val_x: Matrix
    val_y: np.ndarray
    sample_x: np.ndarray
    sample_y: np.ndarray
    labels: np.ndarray | None
    weights: np.ndarray | None
    middle: float = 0.0
    spread: float = 1.0
    # The columns that are categories as such.
    categories: Sequence[int] = ()

    @classmethod
    def load(cls, context: StepContext, algorithm: Algorithm, prepared: Mapping[str, Any]) -> "TrainingData":
        """Return what preparation left, as the algorithm takes it."""
        from jobs.tabular.prepare.encoder import category_places

        categories = category_places(encoder_for(algorithm, prepared)) if is_native(algorithm, prepared) else []
        with ExitStack() as checks:
            x, y, val_x, val_y = (
                Matrix(checks.enter_context(context.reading("preprocess", name)), compact)
                for name, compact in (
                    ("train_X", bool(categories)),
                    ("train_y", False),
                    ("val_X", bool(categories)),
                    ("val_y", False),
                )
            )
        held_out = val_x, val_y.part(0, val_y.rows)
        return cls.of(algorithm, context.params, x, y, *held_out, prepared["labels"], categories)

    @classmethod
    def of(
        cls,
        algorithm: Algorithm,
        params: Params,
        x: Matrix,
        y: Matrix,
        val_x: Matrix,
        val_y: np.ndarray,
        labels: np.ndarray | None,
        categories: Sequence[int] = (),
    ) -> "TrainingData":
        """Return data with training rows in random order."""
        if (labels is None) is not (algorithm.task == "regression"):
            raise failure("algorithm_cannot_predict", algorithm=algorithm.label)
        # Training rows are in random order already, so the first ones are a fair sample.
        scored = min(SCORED_ROWS, BLOCK_BYTES // (x.shape[1] * x.dtype.itemsize))
        data = cls(x, y, val_x, val_y, x.part(0, scored), y.part(0, scored), labels, None, categories=categories)
        if labels is None:
            data._measure_target()
        elif params.get("class_weight") == "balanced":
            data._weigh_classes()
        return data

    def with_validation(self, algorithm: Algorithm, params: Params, random: np.random.RandomState) -> "TrainingData":
        """Return data in which the rows that chose the epoch are learned from, too; all of it in memory."""
        order = random.permutation(self.x.rows + self.val_x.rows)
        x = np.concatenate([self.x.part(0, self.x.rows), self.val_x.part(0, self.val_x.rows)])[order]
        y = np.concatenate([self.y.part(0, self.y.rows), self.val_y])[order]
        whole = MatrixInMemory(x), MatrixInMemory(y)
        return TrainingData.of(algorithm, params, *whole, self.val_x, self.val_y, self.labels, self.categories)

    @property
    def held_width(self) -> int:
        """How many numbers an algorithm holds of each row; where it takes categories, it makes more copies."""
        return self.x.shape[1] * (COPIES_OF_CATEGORIES if self.categories else 1)

    @property
    def classes(self) -> int:
        """How many there are; 0 where a number is predicted."""
        return 0 if self.labels is None else len(self.labels)

    def _measure_target(self) -> None:
        rows = self.y.rows
        self.middle = sum(float(block.sum()) for block in self.y.blocks()) / rows
        around = sum(float(((block - self.middle) ** 2).sum()) for block in self.y.blocks())
        self.spread = (around / rows) ** 0.5 or 1.0

    def _weigh_classes(self) -> None:
        assert self.labels is not None
        counts = np.zeros(len(self.labels))
        for block in self.y.blocks():
            counts += np.bincount(block, minlength=len(counts))
        self.weights = counts.sum() / (len(counts) * np.maximum(counts, 1))

    def goal(self, y: np.ndarray) -> np.ndarray:
        """Return a target as an estimator is shown it."""
        return y if self.labels is not None else (y - self.middle) / self.spread

    def in_own_unit(self, predicted: np.ndarray) -> np.ndarray:
        """Return what an estimator predicted in the unit of the target."""
        return predicted * self.spread + self.middle

    def weight(self, y: np.ndarray) -> np.ndarray | None:
        """Return how much each row counts; None when all count alike."""
        return None if self.weights is None else self.weights[y]

    def validation(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the validation rows block by block, each with its target."""
        start = 0
        for block in self.val_x.blocks():
            yield block, self.goal(self.val_y[start : start + len(block)])
            start += len(block)
