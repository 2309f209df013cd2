"""The target: what is to be predicted, read for all rows, and refused where nothing can be learned from it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.tabular.column import MOST_NUMBER_CLASSES, Column
from jobs.tabular.facts import failure
from jobs.tabular.limits import FEWEST_ROWS, MISSING_WORDS, MOST_CLASSES
from jobs.tabular.prepare.table import batches_of, floats_of, slices_of
from store.messages import Message, Notice

# The code of a row without a target.
NO_LABEL = -1


@dataclass
class Target:
    """The target of all rows in one byte each: the class by its position (0 where it is a number), or NO_LABEL."""

    codes: np.ndarray
    labels: np.ndarray | None = None
    counts: list[int] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def usable(self) -> int:
        """Return how many rows have a target."""
        return sum(self.counts)

    @property
    def dropped(self) -> int:
        """Return how many rows have none."""
        return len(self.codes) - self.usable


def read_target(table: Path, column: Column, task: str, rows: int) -> Target:
    """Read the target of all rows, or refuse a column that cannot be predicted."""
    return _read_numbers(table, column, rows) if task == "regression" else _read_classes(table, column, rows)


def _read_numbers(table: Path, column: Column, rows: int) -> Target:
    if column.kind != "number":
        raise failure("target_not_number", column=column.name)
    numbers = (floats_of(batch[column.name]) for batch in batches_of(table, [column.name]))
    codes = _joined(rows, (np.where(np.isnan(values), NO_LABEL, 0) for values in numbers))
    target = Target(codes, None, [int(np.count_nonzero(codes == 0))])
    _check_dropped(target, column.name)
    if column.min == column.max:
        raise failure("target_constant_number", column=column.name)
    return target


def _joined(rows: int, parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return one array made of parts, without holding both."""
    whole: np.ndarray = np.empty(rows, dtype=np.int8)
    start = 0
    for part in parts:
        whole[start : start + len(part)] = part
        start += len(part)
    return whole


def _read_classes(table: Path, column: Column, rows: int) -> Target:
    if column.kind in ("date", "empty"):
        raise failure("target_dates" if column.kind == "date" else "target_empty", column=column.name)
    known: dict[Any, int] = {}
    batches = batches_of(table, [column.name])
    codes = _joined(rows, (_codes(batch[column.name], known, column) for batch in batches))
    if len(known) < 2:
        raise failure("target_constant", column=column.name)
    labels = sorted(known)
    rank = np.full(len(known) + 1, NO_LABEL, dtype=np.int8)
    rank[[known[label] for label in labels]] = np.arange(len(labels))
    counts = np.zeros(len(rank), dtype=np.int64)
    for part in slices_of(rows):
        codes[part] = rank[codes[part]]
        counts += np.bincount(codes[part] + 1, minlength=len(rank))
    target = Target(codes, _label_array(labels, column), counts[1:].tolist())
    _check_dropped(target, column.name)
    _notice_words(target, column.name)
    if len(labels) > target.usable / 2:
        raise failure("target_all_different", column=column.name)
    return target


def _notice_words(target: Target, name: str) -> None:
    """Note that words which may mean missing are labels here, and how to make them missing."""
    assert target.labels is not None
    for code, label in enumerate(target.labels):
        if label in MISSING_WORDS:
            message = Message("word_is_label", {"column": name, "word": str(label), "count": target.counts[code]})
            target.notices.append(Notice(message, "warning", name))


def _codes(cells: pa.Array, known: dict[Any, int], column: Column) -> np.ndarray:
    """Return labels as numbers in order of appearance; NO_LABEL where there is none."""
    encoded = cells.dictionary_encode()
    places = []
    for value in encoded.dictionary.to_pylist():
        if value is None or value != value:
            places.append(NO_LABEL)
            continue
        if column.kind == "number" and not column.whole and value not in known and len(known) >= MOST_NUMBER_CLASSES:
            raise failure("target_many_numbers", column=column.name)
        places.append(known.setdefault(value, len(known)))
        if len(known) > MOST_CLASSES:
            code = "target_too_many_numbers" if column.kind == "number" else "target_too_many_classes"
            raise failure(code, column=column.name, most=MOST_CLASSES)
    positions = encoded.indices.fill_null(len(places)).to_numpy(zero_copy_only=False)
    codes: np.ndarray = np.array([*places, NO_LABEL], dtype=np.int8)[positions]
    return codes


def _label_array(labels: list[Any], column: Column) -> np.ndarray:
    """Return labels as the file has them: whole numbers stay whole, texts stay texts."""
    if column.kind != "number":
        return np.array(labels, dtype=object)
    return np.array(labels, dtype=np.int64 if column.whole else np.float64)


def _check_dropped(target: Target, name: str) -> None:
    total = len(target.codes)
    if target.dropped > total / 2:
        raise failure("target_mostly_missing", column=name, missing=target.dropped, rows=total)
    if target.usable < FEWEST_ROWS:
        raise failure("target_too_few_rows", column=name, rows=target.usable, fewest=FEWEST_ROWS)
    if target.dropped:
        target.notices.append(
            Notice(Message("rows_dropped", {"column": name, "count": target.dropped}), "warning", name)
        )
