"""Folds: preparing, training and testing anew for each part of the rows, so that every row is tested once.

Small tables are tested so: one test part of few rows says little, and which rows it has says too much.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from jobs.pipelines import StepContext
from jobs.pipelines.params import Params
from jobs.tabular import algorithms
from jobs.tabular.algorithms import Algorithm
from jobs.tabular.evaluate.importance import Importance, Predict
from jobs.tabular.evaluate.predicted import PredictedClasses, PredictedNumbers, confusion_of
from jobs.tabular.facts import fact
from jobs.tabular.matrix import MatrixInMemory
from jobs.tabular.prepare import encoder
from jobs.tabular.prepare.categories import crossing_of, native_of, packed_of
from jobs.tabular.prepare.fit import has_words
from jobs.tabular.threshold_counts import beliefs_of
from jobs.tabular.train.data import TrainingData
from jobs.tabular.train.run import new
from jobs.tabular.train.step import final, learn
from store.messages import Message

# Of the rows that are not tested, this share chooses the epoch.
CHOOSING = 0.15
# So many rows are encoded at once.
ENCODED_ROWS = 8_192
# Stands for the words of texts of which those that are learned from have none.
NO_WORD = "noword"


@dataclass(frozen=True, slots=True)
class RowsInFolds:
    """All rows as they are in the table, as preparation left them for this."""

    rows: pd.DataFrame
    target: np.ndarray
    position: np.ndarray
    labels: np.ndarray | None


def tested_in_folds(
    context: StepContext,
    given: RowsInFolds,
    way: Pipeline,
    trained: dict[str, Any],
    count: int,
    importance: Importance,
    measured_rows: int,
) -> PredictedClasses | PredictedNumbers:
    """Do everything `count` times, each time without one part of the rows, and predict that part; of so many of its
    rows, all parts together, measure how important each column is."""
    fold = folds_of(given.position, count)
    # What is left of the position is as even within each fold as the position is among all rows.
    choosing = (given.position * count) % 1 < CHOOSING
    tested = np.zeros(len(fold), dtype=bool)
    classes = 0 if given.labels is None else len(given.labels)
    predicted = np.zeros(len(fold), dtype=np.int64 if classes else np.float64)
    beliefs = np.zeros((len(fold), classes))
    for number in range(count):
        context.progress(number / count, 1, fact("testing_fold", fold=number + 1, folds=count))
        context.check()
        own = _tested(given, fold == number)
        if not own.any():  # of fewer different rows than folds, or of a class that no other fold has
            continue
        data, matrix, spans = _prepared(given, way, trained, own, choosing)
        quietly, algorithm = _Quietly(context, trained["settings"]), _algorithm(trained)
        run = learn(quietly, algorithm, data, new(trained["settings"], algorithm, classes))
        best, data = final(quietly, algorithm, data, run)
        with np.errstate(over="ignore", invalid="ignore"):
            said = best.predict(matrix[own])
            predicted[own] = said if classes else data.in_own_unit(said)
            if classes:
                beliefs[own] = beliefs_of(best, matrix[own])
        rows = np.flatnonzero(own)
        rows = np.random.default_rng(number).permutation(rows)[: max(1, measured_rows // count)]
        predict = best.predict if classes else _in_own_unit(best, data)
        importance.add(predict, matrix[rows], given.target[rows], spans, 1, lambda _name: context.check())
        tested |= own
    actual = given.target[tested]
    if not classes:
        return PredictedNumbers(actual, predicted[tested], fold[tested])
    confusion = confusion_of(actual, predicted[tested], classes)
    return PredictedClasses(confusion, actual, predicted[tested], beliefs[tested], fold[tested])


def _in_own_unit(estimator: Any, data: TrainingData) -> Predict:
    """Return how numbers are predicted in the unit of the target."""
    return lambda rows: data.in_own_unit(estimator.predict(rows))


def folds_of(position: np.ndarray, count: int) -> np.ndarray:
    """Return the fold of each row: by its position, or by the rank of that where chance would leave a fold empty, as
    of few groups."""
    fold: np.ndarray = (position * count).astype(int)
    if len(np.unique(fold)) < count:
        places, rank = np.unique(position, return_inverse=True)
        fold = rank * count // len(places)
    return fold


def _tested(given: RowsInFolds, own: np.ndarray) -> np.ndarray:
    """Return the rows of a fold, but for those of classes that no other fold has."""
    if given.labels is None:
        return own
    return own & np.isin(given.target, given.target[~own])


def _prepared(
    given: RowsInFolds, way: Pipeline, trained: dict[str, Any], own: np.ndarray, choosing: np.ndarray
) -> tuple[TrainingData, np.ndarray, dict[str, slice]]:
    """Fit the encoder without a fold, and return what is learned from, all rows encoded, and where the columns are."""
    choosing = choosing & ~own
    if not choosing.any():  # of very few rows
        choosing = ~own & (given.position == given.position[~own].min())
    learned = ~own & ~choosing
    if not learned.any():  # of few groups: the same rows teach and choose
        learned = ~own
    if given.labels is not None:  # a class that is only among the rows that choose is learned, too
        missing = ~np.isin(given.target, given.target[learned])
        learned |= choosing & missing
    matrix, categories, spans = _encoded(given, way, learned, _algorithm(trained).native)
    seed = trained["settings"].get("random_state", 42)
    order = np.random.RandomState(seed).permutation(np.flatnonzero(learned))
    target = given.target.astype(np.int16 if given.labels is not None else np.float64)
    x, y = MatrixInMemory(matrix[order]), MatrixInMemory(target[order])
    held_out = MatrixInMemory(matrix[choosing]), target[choosing]
    data = TrainingData.of(_algorithm(trained), trained["settings"], x, y, *held_out, given.labels, categories)
    return data, matrix, spans


def _encoded(
    given: RowsInFolds, way: Pipeline, learned: np.ndarray, takes_categories: bool
) -> tuple[np.ndarray, list[int], dict[str, slice]]:
    """Return all rows, encoded by what those that are learned from say, which columns are categories as such, and where
    each column of the table is."""
    rows, target = given.rows[learned], given.target[learned]
    fitted = clone(way)
    encoder.fit(fitted, _with_words(fitted, rows), target)
    native = native_of(fitted, rows) if takes_categories else None
    used = native or fitted
    matrix = _in_parts(used, given.rows)
    folds, spans = crossing_of(given.position[learned]), encoder.spans(used)
    for name, many in packed_of(fitted, native, rows, target, folds).items():
        many.cross(matrix, spans[name].stop, np.flatnonzero(learned), rows[[name]], folds)
    return matrix, encoder.category_places(native) if native else [], spans


def _with_words(way: Pipeline, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows to fit the encoder on, in which every text has a word: without any, scikit-learn learns nothing. What
    the rows themselves are encoded as is then 0, as for all words that nobody has learned."""
    for _label, part, names in way.named_steps["columns"].transformers:
        if encoder.words_of(part) and not has_words(rows[names[0]]):
            rows = rows.assign(**{names[0]: NO_WORD})
    return rows


def _in_parts(fitted: Pipeline, rows: pd.DataFrame) -> np.ndarray:
    """Return the matrix of all rows, made part by part: on the way, the parts of a row take more than the row."""
    matrix = np.empty((len(rows), sum(width for _name, width in encoder.widths(fitted))), np.float32)
    for start in range(0, len(rows), ENCODED_ROWS):
        with np.errstate(over="ignore"):
            matrix[start : start + ENCODED_ROWS] = fitted.transform(rows[start : start + ENCODED_ROWS])
    return matrix


def _algorithm(trained: dict[str, Any]) -> Algorithm:
    return algorithms.get(trained["algorithm"])


class _Quietly:
    """What training asks of a step, without its curve, its log and its checkpoints."""

    def __init__(self, context: StepContext, params: Params) -> None:
        self._context, self.params, self.stopping = context, params, False

    def check(self) -> None:
        self._context.check()

    def progress(self, done: float, total: float, message: Message) -> None:
        """Told by the fold."""

    def metric(self, epoch: int, **values: float) -> None:
        """Not recorded: the curve is that of the model that is kept."""

    def log(self, text: Message, level: str = "info") -> None:
        """Not recorded: the lines are those of the model that is kept."""

    def checkpoint(self, epoch: int, write: Callable[[Path], None]) -> None:
        """Not kept: a fold of a small table is soon trained again."""
