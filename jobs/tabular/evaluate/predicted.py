"""Predicted: what a model says of the rows that are reported on, block by block."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from jobs.pipelines import StepContext
from jobs.tabular import sketch
from jobs.tabular.evaluate.importance import Sample
from jobs.tabular.facts import fact, failure
from jobs.tabular.matrix import Matrix
from jobs.tabular.threshold_counts import Counter, beliefs_of
from jobs.tabular.train.data import takes_categories

# Curves and intervals are drawn from so many rows.
CURVE_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class PredictedClasses:
    """How often each class was taken for which; and, of as many rows as curves need, what they are, what was predicted
    and how likely each class was. Classes by their place among the labels."""

    confusion: np.ndarray
    actual: np.ndarray
    predicted: np.ndarray
    beliefs: np.ndarray
    fold: np.ndarray | None = None

    @property
    def rows(self) -> int:
        return int(self.confusion.sum())

    def by_fold(self) -> list[float]:
        """Return the accuracy in each fold."""
        right = self.predicted == self.actual
        return [float(right[self.fold == number].mean()) for number in _numbers_of(self.fold)]


@dataclass(frozen=True, slots=True)
class PredictedNumbers:
    """What each row is, and what was predicted."""

    actual: np.ndarray
    predicted: np.ndarray
    fold: np.ndarray | None = None

    @property
    def rows(self) -> int:
        return len(self.actual)

    def by_fold(self) -> list[float]:
        """Return R² in each fold."""
        parts = [self.fold == number for number in _numbers_of(self.fold)]
        return [_r2(self.actual[own], self.predicted[own]) for own in parts]


def _numbers_of(fold: np.ndarray | None) -> list[int]:
    return [] if fold is None else np.unique(fold).tolist()


def _r2(actual: np.ndarray, predicted: np.ndarray) -> float:
    around = float(((actual - actual.mean()) ** 2).sum())
    return 1 - float(((predicted - actual) ** 2).sum()) / around if around else 0.0


def on_part(
    context: StepContext, model: Any, part: str, sample: Sample, counter: Counter | None = None
) -> PredictedClasses | PredictedNumbers:
    """Predict the rows of a part that preparation held out; a sample takes some of them, and a counter counts all."""
    estimator = model.named_steps["model"]
    features = Matrix(context.file("preprocess", f"{part}_X"), takes_categories(estimator))
    target = Matrix(context.file("preprocess", f"{part}_y"))
    actual = target.part(0, target.rows)
    try:
        if hasattr(estimator, "classes_"):
            return _classes(context, estimator, features, actual, sample, counter)
        predicted = [estimator.predict(block) for _start, block in _blocks(context, features, actual, sample)]
        return PredictedNumbers(actual, np.concatenate(predicted))
    except ValueError:
        if all(np.isfinite(block).all() for block in features.blocks()):
            raise
        raise failure("test_too_large") from None


def _classes(
    context: StepContext, estimator: Any, features: Matrix, actual: np.ndarray, sample: Sample, counter: Counter | None
) -> PredictedClasses:
    classes = len(estimator.classes_)
    saturates = classes > 2 and hasattr(estimator, "coef_") and hasattr(estimator, "predict_proba")
    confusion = np.zeros((classes, classes), dtype=np.int64)
    beliefs: list[np.ndarray] = []
    predicted: list[np.ndarray] = []
    for start, block in _blocks(context, features, actual, sample):
        belief = beliefs_of(estimator, block)
        # Probabilities close to 1 round to the same number; a linear model predicts before they are made.
        answers = (estimator.decision_function(block) if saturates else belief).argmax(axis=1)
        confusion += confusion_of(actual[start : start + len(block)], answers, classes)
        if counter:
            counter.add(belief, actual[start : start + len(block)])
        if start < CURVE_ROWS:
            beliefs.append(belief)
            predicted.append(answers)
    kept = np.concatenate(predicted)
    return PredictedClasses(confusion, actual[: len(kept)], kept, np.concatenate(beliefs))


class PredictedSketch(TypedDict):
    """What is predicted, and of two classes how likely the second one is."""

    version: int
    values: sketch.Sketch
    beliefs: sketch.Sketch | None


def predicted_sketch(said: PredictedClasses | PredictedNumbers, labels: list[str] | None) -> PredictedSketch:
    """Return what is predicted of rows that the model has not seen, against which later predictions can be compared:
    how often each class, and how likely the second of two is; or the numbers."""
    if isinstance(said, PredictedNumbers) or labels is None:
        return PredictedSketch(version=sketch.VERSION, values=sketch.of_numbers(said.predicted), beliefs=None)
    values = sketch.of_counts(labels, said.confusion.sum(axis=0))
    beliefs = sketch.of_numbers(said.beliefs[:, 1]) if len(labels) == 2 else None
    return PredictedSketch(version=sketch.VERSION, values=values, beliefs=beliefs)


def confusion_of(actual: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return how often each class, by row, was taken for which, by column."""
    cells = actual.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def _blocks(
    context: StepContext, features: Matrix, actual: np.ndarray, sample: Sample
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows block by block, each with the place of its first row."""
    start = 0
    for block in features.blocks():
        context.progress(0.5 * start / features.rows, 1, fact("measuring_test"))
        context.check()
        sample.add(start, block, actual[start : start + len(block)])
        yield start, block
        start += len(block)
