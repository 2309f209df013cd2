"""Leaks: columns that give the answer away, alone or two of them together, whatever algorithm is going to learn.

Each half of a sample is predicted from the other half: from one column by the rows whose value is nearest, from two by
the rows in the same cell of a grid, or by a straight line through both, also of their logarithms. All is bounded by the
sample, so it takes a fraction of a second on any table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from store.messages import Message, Values

# A column gives the answer away where it takes away at least this share of the errors, or of the variance.
SURE = 0.98
SURE_OF_NUMBER = 0.99
SURE_OF_LINE = 0.995
# Two columns say more together than one of them by at least so much.
MORE = 0.03
# With fewer rows, or fewer of another class, luck looks like a leak.
FEWEST_ROWS, FEWEST_OTHERS = 80, 20
# As if one row more had been wrong: what is seen in few rows is not sure.
DOUBT = 1
# A number with more different values is compared by its neighbours, a text by its most frequent ones.
VALUES = 64
# The columns whose pairs are looked at, and into how many cells each is divided for that.
PAIRED, CELLS = 40, 16
# Of the pairs that separate classes best by a line, so many are tried out.
TRIED_LINES = 24
MOST_FOUND = 3
EXACT = 1e-6
# Where a line is no leak, the first rows that are asked for show it.
ASKED_FIRST = 128
# Many grids are counted at once, in so many cells at most; sums in another order differ by less than this.
CELLS_AT_ONCE, ROUNDING = 1 << 19, 1e-9


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of the sample: its numbers with NaN for gaps, or its texts as codes from 0, with -1 for gaps."""

    name: str
    values: np.ndarray

    @property
    def is_number(self) -> bool:
        return self.values.dtype.kind == "f"


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows in random order: the target as a number, or as codes of classes with the weight of each row."""

    target: str
    answers: np.ndarray
    features: Sequence[Feature]
    weights: np.ndarray | None = None

    @property
    def of_classes(self) -> bool:
        return self.weights is not None


@dataclass(frozen=True, slots=True)
class _Found:
    share: float
    message: Message


def leaks_in(sample: Sample) -> list[Message]:
    """Return which columns of a sample give its target away, the surest first: single ones, and pairs of others."""
    sure = SURE if sample.of_classes else SURE_OF_NUMBER
    if not _enough(sample) or (len(sample.features) <= PAIRED and not _are_suspected(sample, sure)):
        return []
    singles = {feature.name: _share_of_one(sample, feature) for feature in sample.features}
    alone = [_Found(share, _alone(sample, name, share)) for name, share in singles.items() if share >= sure]
    others = [feature for feature in sample.features if singles[feature.name] < sure]
    others = sorted(others, key=lambda feature: -singles[feature.name])[:PAIRED]
    together = _Pairs(sample, others, singles).found()
    return [
        each.message for group in (alone, together) for each in sorted(group, key=lambda one: -one.share)[:MOST_FOUND]
    ]


def _are_suspected(sample: Sample, sure: float) -> bool:
    """Return whether there may be a leak. Most tables have none, and seeing that takes less than saying how far each
    column is from being one."""
    if any(_share_of_one(sample, feature, sure) >= sure for feature in sample.features):
        return True
    unknown = {feature.name: -np.inf for feature in sample.features}
    return bool(_Pairs(sample, sample.features, unknown).found())


def _enough(sample: Sample) -> bool:
    if len(sample.answers) < FEWEST_ROWS:
        return False
    if not sample.of_classes:
        return bool(sample.answers.std() > 0)
    counts = np.bincount(sample.answers)
    return int(counts.sum() - counts.max()) >= FEWEST_OTHERS


def _alone(sample: Sample, name: str, share: float) -> Message:
    if sample.of_classes:
        return Message("leak_alone", {"column": name, "target": sample.target, "columns": [name]})
    values: Values = {"column": name, "target": sample.target, "percent": 100 * share, "columns": [name]}
    return Message("leak_alone_number", values)


# One column


def _share_of_one(sample: Sample, feature: Feature, least: float | None = None) -> float:
    """Return how much of what there is to predict this column predicts by itself; some smaller share where it is less
    than the least that is asked for."""
    values = feature.values
    if not feature.is_number:
        return _share_of_cells(sample, _frequent(values, VALUES))
    known = _distinct(values, VALUES)
    if known is not None:
        return _share_of_cells(sample, np.where(np.isnan(values), len(known), np.searchsorted(known, values)))
    return _share_of_line(sample, values, least)


def _distinct(values: np.ndarray, most: int) -> np.ndarray | None:
    """Return the different numbers in order; None where there are more."""
    for rows in (values[: 4 * most], values):  # where there are many, few rows show it
        known: np.ndarray = np.unique(rows[~np.isnan(rows)])
        if len(known) > most:
            return None
    return known


def _frequent(codes: np.ndarray, most: int) -> np.ndarray:
    """Return codes from 0 of the most frequent values; gaps and the others share two of their own."""
    counts = np.bincount(codes + 1)
    kept = np.argsort(-counts, kind="stable")[:most]
    places = np.full(len(counts), len(kept))
    places[kept] = np.arange(len(kept))
    frequent: np.ndarray = places[codes + 1]
    return frequent


def _share_of_cells(sample: Sample, cells: np.ndarray) -> float:
    """Predict each half by what the other half has in the same cell."""
    predicted = np.empty(len(cells), dtype=sample.answers.dtype)
    size = int(cells.max()) + 1
    for own, other in _halves(len(cells)):
        predicted[own] = _by_cell(sample, cells[other], other, size)[cells[own]]
    return _share(sample, predicted)


def _by_cell(sample: Sample, cells: np.ndarray, rows: slice, size: int) -> np.ndarray:
    """Return the answer of each cell; that of all rows where a cell is empty."""
    answers = sample.answers[rows]
    if sample.weights is not None:
        classes = int(sample.answers.max()) + 1
        counts = np.bincount(cells * classes + answers, sample.weights[rows], size * classes).reshape(size, classes)
        usual = counts.sum(axis=0).argmax()
        frequent: np.ndarray = np.where(counts.any(axis=1), counts.argmax(axis=1), usual)
        return frequent
    counts = np.bincount(cells, minlength=size)
    sums = np.bincount(cells, answers, size)
    mean: np.ndarray = np.where(counts > 0, sums / np.maximum(counts, 1), answers.mean())
    return mean


def _share_of_line(sample: Sample, values: np.ndarray, least: float | None = None) -> float:
    """Predict each half by the rows of the other half whose value is nearest. Where the first rows alone have more
    errors than a share of `least` allows, return some smaller share."""
    missing = np.isnan(values)
    predicted = sample.answers.copy()
    for own, other in _halves(len(values)):
        present = ~missing[other]
        gaps = _by_cell(sample, missing[other].astype(np.int64), other, 2)[1]
        order = np.argsort(values[other][present], kind="stable")
        known, answers = values[other][present][order], sample.answers[other][present][order]
        if len(known) < 3:
            return 0.0
        first = own.stop if least is None else min(own.start + ASKED_FIRST, own.stop)
        for rows in (slice(own.start, first), slice(first, own.stop)):
            asked = values[rows]
            if sample.of_classes:
                near = _majority(known, answers, np.where(missing[rows], known[0], asked))
            else:
                near = np.interp(asked, known, answers)
            predicted[rows] = np.where(missing[rows], gaps, near)
            if least is not None and (share := _share(sample, predicted)) < least:
                return share
    return _share(sample, predicted)


def _majority(known: np.ndarray, answers: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the class of two of the three nearest values, else that of the middle one."""
    middle = np.clip(np.searchsorted(known, asked), 1, len(known) - 2)
    left, center, right = answers[middle - 1], answers[middle], answers[middle + 1]
    return np.where(left == right, left, center)


def _bounds_of_grids(sample: Sample, cells: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return what `_share_of_cells` is at most, up to rounding, in the grid of some cells and each line of others: what
    it is if no row stands in a cell that the other half leaves empty. All are counted at once, since for a single grid
    calling numpy takes most of the time."""
    width = int(others.max()) + 1
    size = (int(cells.max()) + 1) * width
    classes = int(sample.answers.max()) + 1 if sample.of_classes else 1
    at_once = max(1, CELLS_AT_ONCE // (size * classes))
    parts = [others[start : start + at_once] for start in range(0, len(others), at_once)]
    errors = np.concatenate([_least_errors(sample, cells * width + part, size) for part in parts])
    if sample.weights is None:
        bounds: np.ndarray = 1 - errors / ((sample.answers - sample.answers.mean()) ** 2).sum()
    else:
        totals = np.bincount(sample.answers, sample.weights)
        bounds = 1 - (errors + DOUBT * sample.weights.min()) / (totals.sum() - totals.max())
    return bounds


def _least_errors(sample: Sample, grids: np.ndarray, size: int) -> np.ndarray:
    """Return the errors of predicting each half by the other in each grid, without those of rows in empty cells."""
    places, count = grids + np.arange(len(grids))[:, None] * size, len(grids) * size
    first, second = (_sums(sample, places[:, own], own, count) for own, _other in _halves(grids.shape[1]))
    in_cells = _errors(sample, first, second) + _errors(sample, second, first)
    errors: np.ndarray = in_cells.reshape(-1, size).sum(axis=1)
    return errors


def _sums(sample: Sample, places: np.ndarray, rows: slice, count: int) -> np.ndarray:
    """Return the weight of each class in each cell; or of numbers how many there are, their sum and that of squares."""
    answers = sample.answers[rows]
    if sample.weights is None:
        centred = answers - sample.answers.mean()
        powers = (np.ones_like(centred), centred, centred**2)
        return np.array([np.bincount(places.ravel(), np.tile(power, len(places)), count) for power in powers])
    classes, weights = int(sample.answers.max()) + 1, np.tile(sample.weights[rows], len(places))
    return np.bincount((places + answers * count).ravel(), weights, count * classes).reshape(classes, count)


def _errors(sample: Sample, predicted: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return the errors in each cell where the sums of another half say what is predicted there."""
    if sample.weights is None:
        mean = predicted[1] / np.maximum(predicted[0], 1)
        return np.where(predicted[0] > 0, given[2] - 2 * mean * given[1] + mean**2 * given[0], 0.0)
    most, right = predicted[0], given[0]
    for own, own_given in zip(predicted[1:], given[1:], strict=True):
        right, most = np.where(own > most, own_given, right), np.maximum(own, most)
    return np.where(most > 0, given.sum(axis=0) - right, 0.0)


def _halves(count: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return each half of the rows, and the other one."""
    first, second = slice(0, count // 2), slice(count // 2, count)
    return (first, second), (second, first)


def _share(sample: Sample, predicted: np.ndarray) -> float:
    """Return how much of the errors of always saying the same, or of the variance, a prediction takes away."""
    answers = sample.answers
    if sample.weights is None:
        return float(1 - ((predicted - answers) ** 2).sum() / ((answers - answers.mean()) ** 2).sum())
    totals = np.bincount(answers, sample.weights)
    wrong = float(sample.weights[predicted != answers].sum()) + DOUBT * float(sample.weights.min())
    return 1 - wrong / float(totals.sum() - totals.max())


# Two columns


class _Pairs:
    """The pairs of some columns, none of which gives the answer away alone."""

    def __init__(self, sample: Sample, features: Sequence[Feature], singles: dict[str, float]) -> None:
        self._sample = sample
        self._features = features
        self._singles = singles
        self._numbers = [feature for feature in features if feature.is_number]

    def found(self) -> list[_Found]:
        """Return the pairs that give the answer away together, each once, as the plainest form that does."""
        best: dict[tuple[str, str], _Found] = {}
        for pair, found in [*self._lines(), *self._grids()]:
            if pair not in best:
                best[pair] = found
        return list(best.values())

    def _grids(self) -> Iterator[tuple[tuple[str, str], _Found]]:
        sure = SURE if self._sample.of_classes else SURE_OF_NUMBER
        divided = np.array([_divided(feature) for feature in self._features])
        for place, cells in enumerate(divided[:-1]):
            first, bounds = self._features[place].name, _bounds_of_grids(self._sample, cells, divided[place + 1 :])
            for number in map(int, np.flatnonzero(bounds >= sure - ROUNDING)):
                second, others = self._features[place + 1 + number].name, divided[place + 1 + number]
                share = _share_of_cells(self._sample, cells * (int(others.max()) + 1) + others)
                if share >= sure and share >= max(self._singles[first], self._singles[second]) + MORE:
                    yield _pair(first, second), _Found(share, self._together(first, second, share))

    def _lines(self) -> Iterator[tuple[tuple[str, str], _Found]]:
        """Yield pairs of numbers of which a weighted sum, a product or a ratio gives the answer away."""
        if len(self._numbers) < 2:
            return
        values = np.array([_filled(feature.values) for feature in self._numbers])
        answers = self._answers()
        yield from self._fitted(values, list(range(len(values))), answers, logarithms=False)
        positive = [place for place, row in enumerate(values) if (row > 0).all()]
        if len(positive) > 1 and (self._sample.of_classes or (answers > 0).all()):
            logs = np.log(values[positive])
            yield from self._fitted(
                logs, positive, answers if self._sample.of_classes else np.log(answers), logarithms=True
            )

    def _answers(self) -> np.ndarray:
        """Return the target as rows of numbers: itself, or whether each row is of a class."""
        if not self._sample.of_classes:
            return np.atleast_2d(self._sample.answers)
        answers = self._sample.answers
        return np.array([answers == code for code in np.unique(answers)], dtype=float)

    def _fitted(
        self, values: np.ndarray, places: list[int], answers: np.ndarray, logarithms: bool
    ) -> Iterator[tuple[tuple[str, str], _Found]]:
        rows, columns = np.triu_indices(len(values), 1)
        explained, weights = _explained(values, answers, rows, columns)
        best = explained.argmax(axis=0)
        explained = explained.max(axis=0)
        for number in np.argsort(-explained)[:TRIED_LINES]:
            i, j = int(rows[number]), int(columns[number])
            first, second = (self._numbers[places[place]].name for place in (i, j))
            before = max(self._singles[first], self._singles[second])
            if self._sample.of_classes:
                line = weights[0][best[number], number] * values[i] + weights[1][best[number], number] * values[j]
                share, sure = _share_of_line(self._sample, line, SURE), SURE
            else:
                share, sure = float(explained[number]), SURE_OF_LINE
            if share < sure or (share < before + MORE and not self._is_exact(places[i], places[j])):
                continue
            yield _pair(first, second), _Found(share, self._as_written(places[i], places[j], share))

    def _is_exact(self, first: int, second: int) -> bool:
        return not self._sample.of_classes and self._form(first, second) is not None

    def _as_written(self, first: int, second: int, share: float) -> Message:
        """Return the plainest form of what two numbers say together: their sum, difference, product or ratio."""
        names = self._numbers[first].name, self._numbers[second].name
        form = None if self._sample.of_classes else self._form(first, second)
        if form is None:
            return self._together(*names, share)
        code, turned = form
        ordered = names[::-1] if turned else names
        values: Values = {"first": ordered[0], "second": ordered[1], "target": self._sample.target}
        return Message(code, {**values, "columns": [*ordered]})

    def _form(self, first: int, second: int) -> tuple[str, bool] | None:
        """Return which form of two numbers equals the target in nearly every row, and whether their order is turned."""
        a, b, answers = self._numbers[first].values, self._numbers[second].values, self._sample.answers
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            forms = {
                ("leak_sum", False): a + b,
                ("leak_difference", False): a - b,
                ("leak_difference", True): b - a,
                ("leak_product", False): a * b,
                ("leak_ratio", False): a / b,
                ("leak_ratio", True): b / a,
            }
            for form, made in forms.items():
                close = np.abs(made - answers) <= EXACT * np.maximum(np.abs(answers), 1e-9) + 1e-9
                if close.mean() >= SURE:
                    return form
        return None

    def _together(self, first: str, second: str, share: float) -> Message:
        values: Values = {"first": first, "second": second, "target": self._sample.target, "columns": [first, second]}
        if self._sample.of_classes:
            return Message("leak_pair", values)
        return Message("leak_pair_number", {**values, "percent": 100 * share})


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first <= second else (second, first)


def _divided(feature: Feature) -> np.ndarray:
    """Return the cell of each row along this column."""
    if not feature.is_number:
        return _frequent(feature.values, CELLS)
    values = feature.values
    distinct = _distinct(values, CELLS)
    if distinct is not None:
        return np.where(np.isnan(values), len(distinct), np.searchsorted(distinct, values))
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, CELLS + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))


def _filled(values: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    return np.where(missing, np.mean(values[~missing]) if not missing.all() else 0.0, values)


def _explained(
    values: np.ndarray, answers: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return, for each row of answers and each pair of values, the share of the variance that a line through both
    explains, and the weights of that line."""
    centred = values - values.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1)
    scaled = centred / np.where(spread > 0, spread, 1.0)[:, None]
    asked = answers - answers.mean(axis=1, keepdims=True)
    asked = asked / np.maximum(asked.std(axis=1), 1e-300)[:, None]
    count = values.shape[1]
    with_answer = asked @ scaled.T / count
    between = (scaled @ scaled.T / count)[rows, columns]
    first, second = with_answer[:, rows], with_answer[:, columns]
    room = np.maximum(1 - between**2, 1e-9)
    weights = (first - between * second) / room, (second - between * first) / room
    explained = weights[0] * first + weights[1] * second
    scale = np.where(spread > 0, spread, 1.0)
    return np.minimum(explained, 1.0), (weights[0] / scale[rows], weights[1] / scale[columns])
