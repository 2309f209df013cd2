"""Places: where a threshold between two classes can stand, and how many rows are found and are false alarms there.

There are at most 200, whatever the number of rows: each whole percent, and quantiles of what the model said of the rows
that choose. Rows are counted block by block.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

QUANTILES = 100
PERCENT = tuple(number / 100 for number in range(1, 100))
# Of more rows, the places are chosen by so many.
CHOOSING_ROWS = 200_000

Blocks = Iterable[tuple[np.ndarray, np.ndarray]]


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


class Counter:
    """How many rows of each class reach each place."""

    def __init__(self, values: Sequence[float], wanted: int) -> None:
        """Take the places, lowest first, and the position of the class that is found."""
        self._values: np.ndarray = np.asarray(values, np.float64)
        self._wanted = wanted
        self._reached: np.ndarray = np.zeros((2, len(values) + 1), np.int64)

    def add(self, beliefs: np.ndarray, actual: np.ndarray) -> None:
        """Count some rows: what was said of them, a column for each class, and which class they have."""
        belief = np.ascontiguousarray(beliefs[:, self._wanted])
        # As scikit-learn compares an array with a number: in the precision of the array.
        reached = np.searchsorted(self._values.astype(belief.dtype), belief, side="right")
        own = actual == self._wanted
        for row, mask in enumerate((~own, own)):
            self._reached[row] += np.bincount(reached[mask], minlength=self._reached.shape[1])

    def counts(self) -> dict[str, Any]:
        """Return how many rows are found, and how many are false alarms, at each place."""
        alarms, found = self._reached[:, ::-1].cumsum(axis=1)[:, ::-1]
        return {
            "wanted": int(found[0]),
            "others": int(alarms[0]),
            "found": found[1:].tolist(),
            "alarms": alarms[1:].tolist(),
        }


def counted(estimator: Any, blocks: Blocks, wanted: int) -> dict[str, Any]:
    """Return the places for an estimator, and what becomes there of the rows that choose among them."""
    beliefs, actual, rows = [], [], 0
    for block, codes in blocks:
        beliefs.append(beliefs_of(estimator, block))
        actual.append(codes)
        rows += len(codes)
        if rows >= CHOOSING_ROWS:
            break
    said = np.concatenate(beliefs)
    values = values_of(said[:, wanted], gives_chances(estimator))
    counter = Counter(values, wanted)
    counter.add(said, np.concatenate(actual))
    return {"values": values, **counter.counts()}


def values_of(belief: np.ndarray, chances: bool) -> list[float]:
    """Return the places for what was said of some rows, lowest first."""
    if not chances:
        quantiles = np.quantile(belief, np.linspace(0, 1, 2 * QUANTILES - 1))
        return sorted({0.0, *(float(f"{score:.4g}") for score in quantiles.tolist())})
    quantiles = np.quantile(belief, np.linspace(0, 1, QUANTILES))
    rounded = map(_rounded, quantiles.tolist())
    return sorted({*PERCENT, *(chance for chance in rounded if 0 < chance < 1)})


def _rounded(chance: float) -> float:
    """Return a chance with three digits, also where it is close to 1."""
    return float(f"{chance:.3g}") if chance <= 0.5 else round(1 - float(f"{1 - chance:.3g}"), 9)
