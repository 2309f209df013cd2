"""Samples of rows in which leaks are looked for: of training rows before training, and of a file when it is read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.tabular.column import Column
from jobs.tabular.leaks import Feature, Sample, leaks_in
from jobs.tabular.limits import MOST_CLASSES
from store.messages import Message, Notice

# Rows and columns of a sample, and how many cells they have together.
MOST_ROWS, FEWEST_ROWS, MOST_COLUMNS, MOST_CELLS = 2_000, 400, 1_000, 200_000
# Of a file that is being read, so many rows of each of so many first batches are kept.
KEPT_ROWS, KEPT_BATCHES = 2_000, 2


def rows_for(columns: int) -> int:
    """Return how many rows a sample of so many columns has."""
    return max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // max(columns, 1)))


def leaks_of_classes(
    rows: pa.Table, names: Sequence[str], target: str, codes: np.ndarray, weights: np.ndarray
) -> list[Message]:
    """Return the leaks in rows whose classes are given as codes, each row with its weight."""
    return leaks_in(Sample(target, codes.astype(np.int64), _features(rows, names), weights))


def leaks_of_numbers(rows: pa.Table, names: Sequence[str], target: str, answers: np.ndarray) -> list[Message]:
    """Return the leaks in rows whose target is a number."""
    return leaks_in(Sample(target, answers.astype(np.float64), _features(rows, names)))


def balanced(codes: np.ndarray, most: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return some places in random order, rare classes more often than others, and weights that make up for it."""
    order = random.permutation(len(codes))
    classes, counts = np.unique(codes, return_counts=True)
    quota = most // max(len(classes), 1)
    rank = np.empty(len(codes), dtype=np.int64)
    for code in classes:
        own = order[codes[order] == code]
        rank[own] = np.arange(len(own))
    first = rank[order] < quota
    chosen = np.concatenate([order[first], order[~first][: most - int(first.sum())]])
    chosen = random.permutation(chosen[:most])
    taken = dict(zip(*np.unique(codes[chosen], return_counts=True), strict=True))
    weight = {code: count / taken[code] for code, count in zip(classes, counts, strict=True) if code in taken}
    return chosen, np.array([weight[code] for code in codes[chosen]], dtype=np.float64)


def _features(rows: pa.Table, names: Sequence[str]) -> list[Feature]:
    return [Feature(name, _values(rows[name].combine_chunks())) for name in names]


def _values(cells: pa.Array) -> np.ndarray:
    """Return cells as numbers with NaN for gaps, or as codes with -1 for gaps."""
    if pa.types.is_temporal(cells.type):
        cells = cells.cast(pa.int32() if cells.type.bit_width == 32 else pa.int64())
    if pa.types.is_integer(cells.type):
        cells = cells.cast(pa.float64(), safe=False)
    if pa.types.is_floating(cells.type):
        values: np.ndarray = cells.to_numpy(zero_copy_only=False)
        return np.where(np.isfinite(values), values, np.nan)
    codes: np.ndarray = cells.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64)


class KeptRows:
    """Some rows of a file while it is read, as texts; afterwards, what gives a likely target away in them."""

    def __init__(self) -> None:
        self._parts: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep some of the next rows."""
        if len(self._parts) < KEPT_BATCHES and batch.num_rows:
            self._parts.append(_some(batch, KEPT_ROWS))

    def notices(
        self,
        columns: Sequence[Column],
        proposal: Mapping[str, Any] | None,
        typed: Callable[[pa.RecordBatch], pa.RecordBatch],
    ) -> list[Notice]:
        """Return what gives the proposed target away, or one of the candidates; `typed` makes cells of texts."""
        if not proposal or not self._parts:
            return []
        likely = [proposal.get("target"), *(each["target"] for each in proposal.get("candidates", []))]
        share = 2 * rows_for(len(columns)) / sum(part.num_rows for part in self._parts)
        rows = pa.Table.from_batches([typed(_some(part, round(share * part.num_rows))) for part in self._parts])
        by_name = {column.name: column for column in columns}
        found = [leak for name in likely if name in by_name for leak in _of_target(rows, columns, by_name[name])]
        return [Notice(message) for message in found]  # a warning only once that target is chosen


def _some(batch: pa.RecordBatch, count: int) -> pa.RecordBatch:
    """Return so many rows of a batch, evenly spread; all where it has no more."""
    if count >= batch.num_rows:
        return batch
    return batch.take(pa.array(np.linspace(0, batch.num_rows - 1, max(count, 1)).astype(np.int64)))


def _of_target(rows: pa.Table, columns: Sequence[Column], target: Column) -> list[Message]:
    used = [column for column in columns if column.role == "feature" and column.kind != "free_text"]
    features = [column.name for column in used if column.name != target.name]
    features = features[:MOST_COLUMNS]
    if not features:
        return []
    known = rows.filter(pc.is_valid(rows[target.name]))
    random, most = np.random.default_rng(0), rows_for(len(features))
    answers = _values(known[target.name].combine_chunks())
    present = answers != -1 if answers.dtype.kind == "i" else ~np.isnan(answers)
    known, answers = known.filter(pa.array(present)), answers[present]
    if target.task == "regression":
        chosen = random.permutation(len(answers))[:most]
        return leaks_of_numbers(known.take(pa.array(chosen)), features, target.name, answers[chosen])
    codes = np.unique(answers, return_inverse=True)[1]
    if not len(codes) or codes.max() >= MOST_CLASSES:
        return []
    chosen, weights = balanced(codes, most, random)
    return leaks_of_classes(known.take(pa.array(chosen)), features, target.name, codes[chosen], weights)
