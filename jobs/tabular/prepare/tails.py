"""Tails: numbers of which a few lie so far from the others that, scaled, these are hardly told apart.

Such a column is squashed before it is scaled: close to its middle hardly, far from it to about the logarithm. Where its
numbers begin at zero and lean to it, as incomes do, all of them become about their logarithms, of which differences are
proportions. Linear models and networks need that; trees make the same of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.preprocessing import FunctionTransformer, RobustScaler

# A tail is long where the spread of all numbers is so many times what their middle suggests. That is 1 where numbers
# are normally distributed, 1.2 where they are exponentially; beyond 3, scaling leaves the middle a third of its room.
LONG = 3.0
# The middle is that of so many numbers at most: no table takes longer for being asked.
SAMPLED_ROWS = 10_000
FEWEST = 20
# Between which percentiles the middle lies: the first that differ, as most cells of a column may hold the same number.
MIDDLES = ((25.0, 75.0), (10.0, 90.0), (5.0, 95.0), (1.0, 99.0))
BEGINNINGS = ((0.0, 10.0), (0.0, 25.0), (0.0, 50.0), (0.0, 75.0), (0.0, 90.0), (0.0, 95.0), (0.0, 99.0))
# How much farther the upper tenth lies from the median than the lower one where numbers lean to zero; 2.7 where they
# are exponentially distributed, 1 where evenly.
LEANING = 2.5
# A number to predict may follow the numbers themselves: they stay where they explain so much more of it.
EXPLAINED = 0.01


@dataclass(frozen=True, slots=True)
class Tail:
    """How a column is squashed: by the distance of which percentiles, and whether around its median or from zero."""

    between: tuple[float, float]
    centred: bool

    def steps(self) -> list[tuple[str, Any]]:
        """Return the steps that squash."""
        unit = RobustScaler(with_centering=self.centred, quantile_range=self.between)
        return [("unit", unit), ("squash", FunctionTransformer(np.arcsinh))]


def tails_of(rows: pd.DataFrame, names: Sequence[str], target: np.ndarray | None) -> dict[str, Tail]:
    """Return which columns of numbers are to be squashed, and how; `target` is the number to predict, if it is one."""
    found = {name: tail_of(rows[name].to_numpy(dtype=np.float64), target) for name in names}
    return {name: tail for name, tail in found.items() if tail}


def tail_of(cells: np.ndarray, target: np.ndarray | None = None) -> Tail | None:
    """Return how a column is to be squashed; None where its tail is not long, or is what the target follows."""
    known = ~np.isnan(cells)
    values = cells[known]
    if len(values) < FEWEST:
        return None
    sample = values[:: max(1, len(values) // SAMPLED_ROWS)]
    middle = _first(sample, MIDDLES)
    if middle is None or values.std() <= LONG * middle.distance / _normal_distance(middle.between):
        return None
    tail = Tail(middle.between, centred=True)
    if values.min() >= 0 and _leans(sample) and (beginning := _first(sample, BEGINNINGS)):
        tail = Tail(beginning.between, centred=False)
    return None if target is not None and _is_followed(values, tail, target[known]) else tail


class _Range(NamedTuple):
    """Two percentiles, and how far they are from each other."""

    between: tuple[float, float]
    distance: float


def _first(sample: np.ndarray, ranges: Sequence[tuple[float, float]]) -> _Range | None:
    """Return the first of some ranges that has a distance."""
    for between in ranges:
        low, high = np.percentile(sample, between)
        if high > low:
            return _Range(between, float(high - low))
    return None


def _normal_distance(between: tuple[float, float]) -> float:
    """Return how far percentiles are from each other where the spread is 1 and numbers are normally distributed."""
    low, high = (NormalDist().inv_cdf(percent / 100) for percent in between)
    return high - low


def _leans(sample: np.ndarray) -> bool:
    low, middle, high = np.percentile(sample, (10, 50, 90))
    return bool(high - middle > LEANING * (middle - low))


def _is_followed(values: np.ndarray, tail: Tail, target: np.ndarray) -> bool:
    """Return whether the target follows the numbers as they are more closely than when they are squashed."""
    squashed = values.reshape(-1, 1)
    for _name, step in tail.steps():
        squashed = step.fit_transform(squashed)
    return _explained(values, target) > _explained(squashed.ravel(), target) + EXPLAINED


def _explained(values: np.ndarray, target: np.ndarray) -> float:
    """Return the share of the variation of the target that a straight line through the values explains."""
    spread = values.std() * target.std()
    if not spread or not np.isfinite(spread):
        return 0.0
    together = float(np.mean((values - values.mean()) * (target - target.mean()))) / spread
    return float(together**2)
