"""Effects: what each column adds to the score of a linear model, in units and values of the table.

A linear model adds up what each column gives, so the effect of a value is exact, whatever the other columns hold. It is
read from encoded rows, not from how columns are encoded: a number raises the score by so much for each standard
deviation (and each unit, where that is the same everywhere), a value of a category by so much against the average row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd

from jobs.pipelines import StepContext
from jobs.pipelines.warnings import Result
from jobs.tabular.evaluate.importance import FEWER_ROWS, MANY_COLUMNS
from jobs.tabular.threshold_counts import gives_chances
from jobs.tabular.thresholds import class_to_find

# So many rows of the table tell what is usual in a column.
LOOKED_AT = 1_000
MOST_ROWS = 40
MOST_OF_MANY_CLASSES = 5
MOST_CLASSES = 20
# Values of a column that are named; more of them, seldom equal, are texts rather than categories.
MOST_VALUES = 12
TEXT_SHARE = 0.5
# Values longer than this are cut: they are names of rows in a table.
LONGEST_VALUE = 80
# How far from a straight line a number may act and still have one effect for each unit.
STRAIGHT = 1e-3


class _Row(TypedDict):
    """What a row of the table says: how much is added to a score."""

    column: str
    effect: float


class NumberRow(_Row):
    """By one standard deviation more, and by one more."""

    kind: Literal["number"]
    by: float
    per_unit: float


class RangeRow(_Row):
    """From the lower to the upper quarter of a number that does not act in a straight line."""

    kind: Literal["range"]
    low: float
    high: float


class CategoryRow(_Row):
    """By a value, None where it is missing, against the average row."""

    kind: Literal["category"]
    value: str | None
    rows: int


class SpreadRow(_Row):
    """By one standard deviation of all that a date or a text adds."""

    kind: Literal["spread"]


Row = NumberRow | RangeRow | CategoryRow | SpreadRow


class Group(TypedDict):
    """The rows about one score: of a class, or None for a number."""

    label: str | None
    rows: list[Row]


class Effects(TypedDict):
    """What the effects are on, the log odds of the average row where that is a chance, and the rows for each score."""

    of: Literal["number", "chance", "score"]
    base: float | None
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class _Effect:
    """What one row of the table adds to each score, and how it is told for the score at a position."""

    sizes: np.ndarray
    row: Callable[[int], Row]


def effects_of(context: StepContext, model: Any, prepared: Result) -> Effects | None:
    """Return what raises and what lowers the score of a linear model; None for any other."""
    from jobs.tabular.prepare.encoder import spans

    estimator = model.named_steps["model"]
    weights = _weights(estimator)
    if weights is None:
        return None
    rows = _some_rows(context, len(prepared["features"]))
    matrix = model[:-1].transform(rows)
    labels, of = _labels(estimator, prepared, weights), _unit(estimator)
    if len(labels) > MOST_CLASSES:
        return None
    wanted = class_to_find(prepared)
    if wanted == 0:
        weights = -weights
    if len(labels) > 1:  # what raises the scores of all classes alike changes none of their chances
        weights = weights - weights.mean(axis=0)
    effects: list[_Effect] = []
    for name, own in spans(model).items():
        effects += _of_column(name, rows[name], matrix[:, own].astype(np.float64) @ weights[:, own].T)
    most = MOST_ROWS if len(labels) == 1 else MOST_OF_MANY_CLASSES
    groups = []
    for position, label in enumerate(labels):
        strongest = sorted(effects, key=lambda each: -abs(float(each.sizes[position])))[:most]
        groups.append(Group(label=label, rows=[each.row(position) for each in strongest]))
    return Effects(of=of, base=_base(estimator, matrix, wanted) if of == "chance" else None, groups=groups)


def _some_rows(context: StepContext, columns: int) -> pd.DataFrame:
    """Return rows as they are in the table, to tell what is usual: validation rows that were kept."""
    import joblib

    rows = joblib.load(context.file("preprocess", "sample"))["rows"]
    most = LOOKED_AT if columns <= MANY_COLUMNS else FEWER_ROWS
    return rows[:: -(-len(rows) // most)]


def _weights(estimator: Any) -> np.ndarray | None:
    """Return a row of weights for each score, or None for a model that does not just add up."""
    if hasattr(estimator, "coef_"):
        return np.atleast_2d(np.asarray(estimator.coef_, np.float64))
    if len(getattr(estimator, "coefs_", ())) == 1:  # a network without a hidden layer
        return np.asarray(estimator.coefs_[0], np.float64).T
    return None


def _labels(estimator: Any, prepared: Result, weights: np.ndarray) -> list[str | None]:
    """Return whose score each row of weights makes; two classes have one, that of the class to find."""
    if not hasattr(estimator, "classes_"):
        return [None]
    if len(weights) == 1:
        wanted = class_to_find(prepared)
        return [prepared["classes"][1 if wanted is None else wanted]]
    return [str(label) for label in estimator.classes_]


def _unit(estimator: Any) -> Literal["number", "chance", "score"]:
    """Return what the effects are on: the number itself, log odds from which a chance follows, or a bare score."""
    if not hasattr(estimator, "classes_"):
        return "number"
    return "chance" if gives_chances(estimator) and len(estimator.classes_) == 2 else "score"


def _base(estimator: Any, matrix: np.ndarray, wanted: int | None) -> float:
    """Return the average log odds of the class to find."""
    if hasattr(estimator, "decision_function"):
        return float(np.mean(estimator.decision_function(matrix))) * (-1 if wanted == 0 else 1)
    chances = np.clip(estimator.predict_proba(matrix)[:, 1 if wanted is None else wanted], 1e-9, 1 - 1e-9)
    return float(np.mean(np.log(chances / (1 - chances))))


def _of_column(name: str, cells: pd.Series, given: np.ndarray) -> Iterator[_Effect]:
    """Yield what a column does to each score; `given` is what each of its cells adds to each."""
    if pd.api.types.is_bool_dtype(cells) or not pd.api.types.is_numeric_dtype(cells):
        if pd.api.types.is_datetime64_any_dtype(cells) or _is_text(cells):
            yield _of_spread(name, given.std(axis=0))
        else:
            yield from _of_values(name, cells, given)
        return
    values = cells.to_numpy(np.float64)
    known = np.isfinite(values)
    spread = float(values[known].std()) if known.any() else 0.0
    if not spread:
        return
    values, given = values[known], given[known]
    low, high = int(values.argmin()), int(values.argmax())
    slope = (given[high] - given[low]) / (values[high] - values[low])
    off = np.abs(given - (given[low] + np.outer(values - values[low], slope))).max(axis=0)
    if (off <= STRAIGHT * np.abs(slope * spread) + 1e-12).all():
        yield _of_number(name, spread, slope)
        return
    # Numbers that are squashed, or become several: from the lower to the upper quarter.
    order = values.argsort(kind="stable")
    first, last = order[len(order) // 4], order[3 * len(order) // 4]
    yield _of_range(name, float(values[first]), float(values[last]), given[last] - given[first])


def _of_spread(name: str, sizes: np.ndarray) -> _Effect:
    return _Effect(sizes, lambda place: SpreadRow(column=name, kind="spread", effect=float(sizes[place])))


def _of_number(name: str, spread: float, slope: np.ndarray) -> _Effect:
    sizes = slope * spread
    return _Effect(
        sizes,
        lambda place: NumberRow(
            column=name, kind="number", by=spread, effect=float(sizes[place]), per_unit=float(slope[place])
        ),
    )


def _of_range(name: str, low: float, high: float, sizes: np.ndarray) -> _Effect:
    return _Effect(
        sizes, lambda place: RangeRow(column=name, kind="range", low=low, high=high, effect=float(sizes[place]))
    )


def _of_value(name: str, value: str | None, rows: int, sizes: np.ndarray) -> _Effect:
    return _Effect(
        sizes,
        lambda place: CategoryRow(column=name, kind="category", value=value, rows=rows, effect=float(sizes[place])),
    )


def _is_text(cells: pd.Series) -> bool:
    known = cells.dropna()
    return bool(known.nunique() > max(MOST_VALUES, TEXT_SHARE * len(known)))


def _of_values(name: str, cells: pd.Series, given: np.ndarray) -> Iterator[_Effect]:
    """Yield the frequent values of a category, each against the average row."""
    codes, values = pd.factorize(cells, use_na_sentinel=False)
    counts = np.bincount(codes, minlength=len(values))
    average = given.mean(axis=0)
    for code in np.argsort(-counts, kind="stable")[:MOST_VALUES]:
        value = values[code]
        shown = None if pd.isna(value) else str(value)[:LONGEST_VALUE]
        yield _of_value(name, shown, int(counts[code]), given[int((codes == code).argmax())] - average)
