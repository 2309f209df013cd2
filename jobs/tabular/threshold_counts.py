"""Threshold counts: how many rows are found, and how many are false alarms, at each threshold between two classes.

There are at most 200 thresholds, whatever the number of rows: each whole percent, and quantiles of what a model says of
validation rows, so that the best one can be chosen there. The rows that scores are of are counted at the same ones.
Where a model has learned from validation rows in the end, training counted these before, with the model that had not.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypedDict

import numpy as np

from jobs.pipelines import StepContext
from jobs.pipelines.thresholds import Part
from jobs.pipelines.warnings import Result
from jobs.tabular.facts import fact
from jobs.tabular.matrix import Matrix
from jobs.tabular.thresholds import class_to_find
from jobs.tabular.train.data import takes_categories

QUANTILES = 100
PERCENT = tuple(number / 100 for number in range(1, 100))
# Of more rows, the thresholds are chosen by so many.
CHOOSING_ROWS = 200_000

Blocks = Iterable[tuple[np.ndarray, np.ndarray]]
PARTS: dict[str, Part] = {"val": "validation", "test": "test", "folds": "all"}


class Counts(TypedDict):
    """How many rows have the class to find and how many do not; and how many are found, and false alarms, at each
    threshold."""

    wanted: int
    others: int
    found: list[int]
    alarms: list[int]


class Chosen(Counts):
    """Thresholds, lowest first, with the counts of the rows that choose among them."""

    values: list[float]


class CountsOfPart(Counts):
    """The counts of the rows of one part."""

    part: Part


class StoredThresholds(TypedDict):
    """What evaluate keeps: whether thresholds are chances or scores, where they stand, and what was counted there."""

    label: str
    other: str
    of: Literal["chance", "score"]
    values: list[float]
    chosen_on: CountsOfPart
    reported_on: CountsOfPart


class Counter:
    """Counts, block by block, how many rows of each class reach each threshold."""

    def __init__(self, values: Sequence[float], wanted: int) -> None:
        """Take the thresholds, lowest first, and the position of the class to find."""
        self._values: np.ndarray = np.asarray(values, np.float64)
        self._wanted = wanted
        self._reached: np.ndarray = np.zeros((2, len(values) + 1), np.int64)

    def add(self, beliefs: np.ndarray, actual: np.ndarray) -> None:
        """Count some rows: the chance or score of each class, one column for each, and which class each row has."""
        belief = np.ascontiguousarray(beliefs[:, self._wanted])
        # As scikit-learn compares an array with a number: in the precision of the array.
        reached = np.searchsorted(self._values.astype(belief.dtype), belief, side="right")
        own = actual == self._wanted
        for row, mask in enumerate((~own, own)):
            self._reached[row] += np.bincount(reached[mask], minlength=self._reached.shape[1])

    def counts(self) -> Counts:
        """Return how many rows are found, and how many are false alarms, at each threshold."""
        alarms, found = self._reached[:, ::-1].cumsum(axis=1)[:, ::-1]
        return Counts(wanted=int(found[0]), others=int(alarms[0]), found=found[1:].tolist(), alarms=alarms[1:].tolist())


class Measuring:
    """The thresholds of a model, while the rows that are reported on are counted."""

    def __init__(self, labels: list[str], wanted: int, of: Literal["chance", "score"], chosen: Chosen) -> None:
        self._labels, self._wanted, self._of, self._chosen = labels, wanted, of, chosen
        self.counter = Counter(chosen["values"], wanted)

    def as_json(self, part: str) -> StoredThresholds:
        """Return what was counted, of the rows of this part."""
        return StoredThresholds(
            label=self._labels[self._wanted],
            other=self._labels[1 - self._wanted],
            of=self._of,
            values=self._chosen["values"],
            chosen_on=_of_part("validation", self._chosen),
            reported_on=_of_part(PARTS[part], self.counter.counts()),
        )


def _of_part(part: Part, counts: Counts) -> CountsOfPart:
    return CountsOfPart(
        part=part,
        wanted=counts["wanted"],
        others=counts["others"],
        found=counts["found"],
        alarms=counts["alarms"],
    )


def begin(context: StepContext, model: Any, prepared: Result, trained: Result) -> Measuring | None:
    """Return the thresholds of a model, chosen by validation rows; None unless it tells two classes apart."""
    wanted = class_to_find(prepared)
    if wanted is None:
        return None
    labels, estimator = prepared["classes"], model.named_steps["model"]
    chosen = trained.get("chosen_on") or counted(estimator, _validation(context, estimator), wanted)
    return Measuring(labels, wanted, "chance" if gives_chances(estimator) else "score", chosen)


def _validation(context: StepContext, estimator: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    features = Matrix(context.file("preprocess", "val_X"), takes_categories(estimator))
    target = Matrix(context.file("preprocess", "val_y"))
    start = 0
    for block in features.blocks():
        context.progress(0, 1, fact("measuring_validation"))
        context.check()
        yield block, target.part(start, start + len(block))
        start += len(block)


def counted(estimator: Any, blocks: Blocks, wanted: int) -> Chosen:
    """Return the thresholds of an estimator, and what becomes there of the rows that choose among them."""
    beliefs, actual, rows = [], [], 0
    for block, codes in blocks:
        beliefs.append(beliefs_of(estimator, block))
        actual.append(codes)
        rows += len(codes)
        if rows >= CHOOSING_ROWS:
            break
    scored = np.concatenate(beliefs)
    values = values_of(scored[:, wanted], gives_chances(estimator))
    counter = Counter(values, wanted)
    counter.add(scored, np.concatenate(actual))
    return Chosen(values=values, **counter.counts())


def values_of(belief: np.ndarray, chances: bool) -> list[float]:
    """Return the thresholds for the chances or scores of some rows, lowest first."""
    if not chances:
        quantiles = np.quantile(belief, np.linspace(0, 1, 2 * QUANTILES - 1))
        return sorted({0.0, *(float(f"{score:.4g}") for score in quantiles.tolist())})
    quantiles = np.quantile(belief, np.linspace(0, 1, QUANTILES))
    rounded = map(_rounded, quantiles.tolist())
    return sorted({*PERCENT, *(chance for chance in rounded if 0 < chance < 1)})


def _rounded(chance: float) -> float:
    """Return a chance with three digits, also where it is close to 1."""
    return float(f"{chance:.3g}") if chance <= 0.5 else round(1 - float(f"{1 - chance:.3g}"), 9)


def gives_chances(estimator: Any) -> bool:
    """Return whether an estimator says how likely each class is, and not only a score."""
    return hasattr(estimator, "predict_proba")


def beliefs_of(estimator: Any, rows: np.ndarray) -> np.ndarray:
    """Return how likely each class of each row is, or its score: a column for each class."""
    ask = estimator.predict_proba if gives_chances(estimator) else estimator.decision_function
    return two_columns(ask(rows))


def two_columns(belief: np.ndarray) -> np.ndarray:
    """Return one column for each of two classes where an estimator gives a number for the second one only."""
    return np.column_stack([-belief, belief]) if belief.ndim == 1 else belief
