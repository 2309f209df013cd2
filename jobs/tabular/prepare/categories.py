"""Categories of many values: what linear models, networks and trees are shown of them.

The most frequent values have a column each, as those of other categories have. One more number says what the target is
in the rows with a value, drawn towards its mean where they are few. A row that is learned from is shown what the others
say, never its own answer: the training rows are divided, and each part gets what was learned from the rest. Trees take
a category as it is in place of the columns, and divide its values into two sets wherever that helps; values of a few
rows alone they do not divide, so the number helps them, too.
"""

import copy
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import KFold
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from jobs.tabular.coded import MOST_CODES, CodedColumn
from jobs.tabular.column import Column

# How the labels of parts begin that hold one column of many values, and the step of them that makes numbers.
MANY, ENCODINGS = "many_", "encodings"
# The parts into which training rows are divided.
CROSSED = 5
# Beyond so many values, and in trees beyond so many, the rarest count as one.
MOST_KNOWN = MOST_CODES // (CROSSED + 1) - 1
MOST_NATIVE = 255
# A cell that no table holds: as text, it would be read without the line end.
UNKNOWN = "\n"
# By this, times at regular distances are divided like any others.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def many_of(rows: pd.DataFrame, columns: Sequence[Column], most: int, gaps_are_values: bool) -> list[str]:
    """Return the categories of which not every value of the training rows gets a column of its own."""
    most = min(most, MOST_NATIVE)
    suspects = [column.name for column in columns if column.kind == "text" and column.distinct + 1 > most]
    counts = {name: rows[name].nunique(dropna=not gaps_are_values) for name in suspects}
    return [name for name, count in counts.items() if count > most]


def encodings(own: OneHotEncoder, scaler: StandardScaler | MinMaxScaler, classes: bool) -> FeatureUnion:
    """Return the step that makes numbers of one column: the marks of its most frequent values, then the means of the
    target."""
    places = OrdinalEncoder(max_categories=MOST_KNOWN, handle_unknown="use_encoded_value", unknown_value=-1)
    means = TargetEncoder(
        target_type="auto" if classes else "continuous", cv=KFold(CROSSED, shuffle=True, random_state=0)
    )
    return FeatureUnion([("own", own), ("target", Pipeline([("places", places), ("means", means), ("scale", scaler)]))])


def fit(encoder: Pipeline, rows: pd.DataFrame, target: np.ndarray | None) -> None:
    """Fit the encoder as it is, without the warning that there are many classes: the target was checked before."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        # Of short numbers, scikit-learn does not know which of its functions takes them.
        encoder.fit(rows, target if target is None or target.dtype == np.float64 else target.astype(np.int64))


def width_of(part: Pipeline, position: int) -> int:
    """Return how many columns of the matrix a category takes."""
    if ENCODINGS in part.named_steps:
        return _width(_own(part), 0) + len(_target(part).named_steps["means"].encodings_)
    return _width(part.named_steps["categories"], position)


def _width(encoder: OneHotEncoder | OrdinalEncoder, position: int) -> int:
    if isinstance(encoder, OrdinalEncoder):
        return 1
    rare = encoder.infrequent_categories_[position]
    return len(encoder.categories_[position]) - (0 if rare is None else len(rare) - 1)


def is_category(part: Pipeline) -> bool:
    """Return whether the part takes categories."""
    return "categories" in part.named_steps or ENCODINGS in part.named_steps


def known_values(part: Pipeline, position: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a category that were learned from, and those of them that are not told apart."""
    many = ENCODINGS in part.named_steps
    encoder = _target(part).named_steps["places"] if many else part.named_steps["categories"]
    rare = encoder.infrequent_categories_[position] if hasattr(encoder, "infrequent_categories_") else None
    return encoder.categories_[position], np.array([], object) if rare is None else rare


def own_columns(part: Pipeline) -> int:
    """Return how many values of a category of many have a column of their own."""
    rare = _own(part).infrequent_categories_[0]
    return len(_own(part).categories_[0]) - (0 if rare is None else len(rare))


def _own(part: Pipeline) -> OneHotEncoder:
    return part.named_steps[ENCODINGS].transformer_list[0][1]


def _target(part: Pipeline) -> Pipeline:
    return part.named_steps[ENCODINGS].transformer_list[1][1]


# As trees take them


def native_of(fitted: Pipeline, rows: pd.DataFrame) -> Pipeline | None:
    """Return the encoder that makes one number of each category, from 0 to at most 254, NaN where a value is unknown,
    beside what the target is with a value of many; None where there is no category, or one of which rare values are not
    told apart from unknown ones.

    `rows` are those that the other one was fitted on."""
    parts = [
        (label, part, list(names))
        for label, part, names in fitted.named_steps["columns"].transformers_
        if isinstance(part, Pipeline)
    ]
    categories = [part for _label, part, _names in parts if is_category(part)]
    if not categories or not all(map(_can_be_native, categories)):
        return None
    native = copy.copy(fitted.named_steps["columns"])
    native.transformers = native.transformers_ = [
        (label, _native(part, rows[names]) if is_category(part) else part, names) for label, part, names in parts
    ]
    return Pipeline([(name, native if name == "columns" else step) for name, step in fitted.steps])


def _can_be_native(part: Pipeline) -> bool:
    encoder = part.named_steps.get("categories")
    if encoder is None:
        return True
    few = all(len(values) <= MOST_NATIVE for values in encoder.categories_)
    return few and all(rare is None for rare in encoder.infrequent_categories_)


def _native(part: Pipeline, rows: pd.DataFrame) -> Pipeline:
    settings: dict[str, Any] = {
        "handle_unknown": "use_encoded_value",
        "unknown_value": np.nan,
        "dtype": np.float32,
    }
    if ENCODINGS in part.named_steps:
        encoder = OrdinalEncoder(max_categories=MOST_NATIVE, **settings).fit(part[:-1].transform(rows))
        both = FeatureUnion([("own", encoder), ("target", _target(part))])
        return Pipeline([*part.steps[:-1], (ENCODINGS, both)])
    known = part.named_steps["categories"].categories_
    first = _cells(part, list(rows), np.array([[values[0] for values in known]], object))
    encoder = OrdinalEncoder(categories=[list(values) for values in known], **settings).fit(first)
    return Pipeline([*part.steps[:-1], ("categories", encoder)])


def _cells(part: Pipeline, names: Sequence[str], values: np.ndarray) -> pd.DataFrame | np.ndarray:
    """Return cells as the part has them before they become numbers: with the names of their columns or without."""
    return values if "gaps" in part.named_steps else pd.DataFrame(values, columns=names, dtype=object)


# As they are packed


@dataclass(frozen=True, slots=True)
class Many:
    """One column of many values: how a cell becomes a code, and what each code stands for.

    There is a code for each value that is told apart and one for unknown ones; these as often as there are parts of the
    training rows, and once more for all other rows."""

    coder: Pipeline
    count: int
    places: int
    marks: np.ndarray
    numbers: np.ndarray
    categories: np.ndarray

    def codes(self, cells: pd.DataFrame) -> np.ndarray:
        """Return the code of each cell, as of rows that were not learned from."""
        codes: np.ndarray = self.coder.transform(cells).ravel().astype(np.int32)
        codes[codes < 0] = self.count - 1
        return codes + CROSSED * self.count

    def as_learned(self, codes: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """Return the codes of rows in certain parts; in part CROSSED are those that were not learned from."""
        return codes - (CROSSED - folds.astype(np.int32)) * self.count

    def cross(self, matrix: np.ndarray, end: int, rows: np.ndarray, cells: pd.DataFrame, folds: np.ndarray) -> None:
        """Show rows of a matrix that are learned from what the others say; there the column ends before `end`."""
        codes = self.as_learned(self.codes(cells), folds)
        matrix[rows, end - self.numbers.shape[1] : end] = self.numbers[codes]

    def column(self, start: int) -> CodedColumn:
        """Return what the codes stand for in a matrix in which the column begins there."""
        return CodedColumn(start, self.places, self.marks, self.numbers, self.categories, CROSSED + 1)


def crossing_of(position: np.ndarray) -> np.ndarray:
    """Return for each row in which part it is learned from; rows with the same position are in one."""
    bits = np.ascontiguousarray(position, np.float64).view(np.uint64)
    return ((bits * _GOLDEN >> np.uint64(33)) % np.uint64(CROSSED)).astype(np.int8)


def packed_of(
    fitted: Pipeline, native: Pipeline | None, rows: pd.DataFrame, target: np.ndarray, folds: np.ndarray
) -> dict[str, Many]:
    """Return what is packed of each column of many values; the rows are those that the encoder was fitted on."""
    trees = {} if native is None else dict(_many_parts(native, MANY))
    found = {}
    for (label, name), part in _many_parts(fitted, MANY):
        found[name] = _packed(part, trees.get((label, name)), rows[[name]], target, folds)
    return found


def _many_parts(encoder: Pipeline, prefix: str) -> Iterator[tuple[tuple[str, str], Pipeline]]:
    for label, part, names in encoder.named_steps["columns"].transformers_:
        if label.startswith(prefix):
            yield (label, names[0]), part


def _packed(part: Pipeline, native: Pipeline | None, rows: pd.DataFrame, target: np.ndarray, folds: np.ndarray) -> Many:
    steps = _target(part).named_steps
    coder = Pipeline([*part.steps[:-1], ("places", steps["places"])])
    codes = coder.transform(rows)
    values = _cells(part, list(rows), _one_of_each(steps["places"], part, list(rows)))
    count = len(values)
    own = _own(part).transform(values)
    marks = np.where(own.any(axis=1), own.argmax(axis=1), own.shape[1]).astype(np.uint16)
    grid = np.append(np.arange(count - 1.0), -1.0).reshape(-1, 1)
    numbers = [
        *(_crossed(steps["means"], codes, target, folds != part_of, grid) for part_of in range(CROSSED)),
        steps["means"].transform(grid),
    ]
    scaled = np.concatenate([steps["scale"].transform(each) for each in numbers]).astype(np.float32)
    again = CROSSED + 1
    categories = np.full(count, np.nan, np.float32) if native is None else _own(native).transform(values).ravel()
    return Many(coder, count, own.shape[1], np.tile(marks, again), scaled, np.tile(categories, again))


def _one_of_each(places: OrdinalEncoder, part: Pipeline, names: Sequence[str]) -> np.ndarray:
    """Return a value for each code, and one that is unknown."""
    values = places.categories_[0]
    codes = places.transform(_cells(part, names, values.reshape(-1, 1))).ravel().astype(int)
    first = np.unique(codes, return_index=True)[1]
    return np.append(values[first], UNKNOWN).astype(object).reshape(-1, 1)


def _crossed(
    means: TargetEncoder, codes: np.ndarray, target: np.ndarray, learned: np.ndarray, grid: np.ndarray
) -> np.ndarray:
    """Return the means of the target by code as some of the rows say, in as many columns as all rows need."""
    said: np.ndarray
    if not learned.any():
        said = means.transform(grid) * 0 + means.target_mean_
        return said
    codes, target = codes[learned], target[learned]
    if means.classes_ is None or np.array_equal(np.unique(target), means.classes_):
        anew = clone(means)
        fit(Pipeline([("means", anew)]), codes, target)
        said = anew.transform(grid)
        return said
    shown = means.classes_[1:] if len(means.classes_) == 2 else means.classes_
    alone = clone(means).set_params(target_type="continuous")
    return np.hstack([clone(alone).fit(codes, (target == label).astype(float)).transform(grid) for label in shown])
