"""The split: which rows train, which choose the epoch, and on which the score is reported.

A row goes to its part by a hash of what it holds, so that equal rows stay together and a row keeps its part when the
table grows. By group, all rows with one value of a column stay together; by time, the last ones are reported on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.pipelines.params import Params
from jobs.tabular.column import Column
from jobs.tabular.facts import failure
from jobs.tabular.prepare.params import validating
from jobs.tabular.prepare.table import batches_of, slices_of
from jobs.tabular.prepare.target import NO_LABEL, Target
from jobs.tabular.row_hash import hashes_of, share_of
from store.messages import Message, Notice

# What a row is used for.
UNUSED, TRAINING, VALIDATION, TEST = 0, 1, 2, 3
# Of more rows, the times at which a part begins are estimated from so many.
ORDERED_ROWS = 4_000_000
# Classes in a notice.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows to split: their target, a hash of each, and the column that splits them, if one does."""

    target: Target
    hashes: Callable[[slice], np.ndarray]
    table: Path
    column: Column | None


@dataclass(frozen=True, slots=True)
class Split:
    """What each row is used for, by which number that was decided, and what is to be known about it."""

    use: np.ndarray
    position: np.ndarray
    notices: list[Notice]


def split(rows: Rows, params: Params) -> Split:
    """Return what each row of the table is used for."""
    sizes = params["test_size"], validating(params["test_size"], params.get("validation_size", 0.0))
    way = params.get("split", "random")
    if way == "time":
        position = _by_time(rows)
        borders = _borders(position, rows.target, sizes)
    else:
        position = (
            _by_hash(rows, params["random_state"]) if way == "random" else _by_group(rows, params["random_state"])
        )
        borders = 1 - sizes[0], 1 - sizes[0] - sizes[1]
    if way == "group":
        _check_groups(rows, position, params.get("folds") or 0)
    use = _parts(rows.target, position, borders)
    held_out = [TEST, VALIDATION]
    if params.get("folds"):  # each row is tested once, so none is kept from the model
        use[use == TEST] = TRAINING
        held_out = [VALIDATION]
    elif not sizes[1]:  # as it was before there were three parts: the rows that are reported on choose the epoch, too
        use[use == TEST] = VALIDATION
        held_out = [VALIDATION]
    _fill(use, position, held_out)
    notices = []
    if rows.target.labels is not None:
        _train_every_class(rows.target, use, position)
        _fill(use, position, held_out)
        notices = _untested(rows.target, use)
    return Split(use, position, [] if params.get("folds") else notices)


def random_for(params: Params, purpose: str) -> np.random.Generator:
    """Return a source of chance that follows from the seed, and differs for each purpose."""
    return np.random.default_rng([params["random_state"], *purpose.encode()])


def _by_hash(rows: Rows, seed: int) -> np.ndarray:
    position: np.ndarray = np.empty(len(rows.target.codes), dtype=np.float32)
    for part in slices_of(len(position)):
        position[part] = share_of(rows.hashes(part), seed)
    return position


def _by_group(rows: Rows, seed: int) -> np.ndarray:
    """Return the same place for all rows with one value of the column; rows without one are groups of their own."""
    position = _by_hash(rows, seed)
    for part, batch in _column(rows):
        known = batch.column(0).is_valid().to_numpy(zero_copy_only=False)
        position[part][known] = share_of(hashes_of(batch), seed)[known]
    return position


def _check_groups(rows: Rows, position: np.ndarray, folds: int) -> None:
    """Refuse fewer groups than folds, as far as rows have a target."""
    groups = len(np.unique(position[rows.target.codes != NO_LABEL])) if folds else 0
    if groups < folds and rows.column is not None:
        raise failure("too_few_groups_for_folds", column=rows.column.name, count=groups, folds=folds)


def _by_time(rows: Rows) -> np.ndarray:
    """Return the time of each row as a number; rows without one come before all others."""
    position: np.ndarray = np.empty(len(rows.target.codes), dtype=np.float64)
    for part, batch in _column(rows):
        cells = batch.column(0)
        values = cells.cast(pa.int64()) if pa.types.is_timestamp(cells.type) else cells
        position[part] = values.cast(pa.float64(), safe=False).fill_null(-np.inf).to_numpy(zero_copy_only=False)
    position[np.isnan(position)] = -np.inf
    return position


def _column(rows: Rows) -> Iterator[tuple[slice, pa.RecordBatch]]:
    """Yield the column that splits the rows, batch by batch."""
    assert rows.column is not None
    start = 0
    for batch in batches_of(rows.table, [rows.column.name]):
        yield slice(start, start + batch.num_rows), batch
        start += batch.num_rows


def _borders(position: np.ndarray, target: Target, sizes: tuple[float, float]) -> tuple[float, float]:
    """Return from when on rows are for the test, and from when on for validation."""
    step = max(1, len(position) // ORDERED_ROWS)
    ordered = np.sort(position[::step][target.codes[::step] != NO_LABEL])
    test, validation = (ordered[int(len(ordered) * (1 - share))] for share in (sizes[0], min(sum(sizes), 1.0)))
    earlier = np.unique(ordered[ordered < test])
    if len(earlier) < 2:
        raise failure("one_time_only")
    return float(test), float(min(validation, earlier[-1]))


def _parts(target: Target, position: np.ndarray, borders: tuple[float, float]) -> np.ndarray:
    use: np.ndarray = np.empty(len(position), dtype=np.int8)
    for part in slices_of(len(use)):
        own, known = position[part], target.codes[part] != NO_LABEL
        use[part] = np.where(own >= borders[0], TEST, np.where(own >= borders[1], VALIDATION, TRAINING)) * known
    return use


def _fill(use: np.ndarray, position: np.ndarray, held_out: list[int]) -> None:
    """Give a part that chance left empty the rows that came closest to it."""
    for part in held_out:
        training = use == TRAINING
        if training.any() and not (use == part).any():
            use[training & (position == position[training].max())] = part
    if not (use == TRAINING).any():
        others = use != UNUSED
        use[others & (position == position[others].min())] = TRAINING
    if not all((use == part).any() for part in [TRAINING, *held_out]):
        raise failure("too_few_different_rows", parts=1 + len(held_out))


def _train_every_class(target: Target, use: np.ndarray, position: np.ndarray) -> None:
    """Give rows back to training for each class that has none there."""
    counts = _counts(target, use)
    for code in np.flatnonzero(counts[TRAINING] == 0):
        own = np.flatnonzero((target.codes == code) & (use != UNUSED))
        use[own[position[own] == position[own].min()]] = TRAINING


def _untested(target: Target, use: np.ndarray) -> list[Notice]:
    """Note the classes that cannot be tested; refuse what cannot be learned."""
    assert target.labels is not None
    counts = _counts(target, use)
    if not counts[TRAINING].all():
        raise failure("too_few_different_rows", parts=3)
    reported = TEST if (use == TEST).any() else VALIDATION
    names = [str(target.labels[code]) for code in np.flatnonzero(counts[reported] == 0)]
    if not names:
        return []
    if len(names) <= NAMED:
        return [Notice(Message("class_not_tested", {"labels": [*names]}), "warning")]
    more = Message("classes_not_tested", {"labels": [*names[:NAMED]], "more": len(names) - NAMED})
    return [Notice(more, "warning")]


def _counts(target: Target, use: np.ndarray) -> np.ndarray:
    """Return how many rows of each class each part has."""
    assert target.labels is not None
    counts: np.ndarray = np.zeros((4, len(target.labels)), dtype=np.int64)
    for part in slices_of(len(use)):
        own = use[part]
        for number in (TRAINING, VALIDATION, TEST):
            counts[number] += np.bincount(target.codes[part][own == number], minlength=counts.shape[1])
    return counts
