"""Sketches: what a column or a prediction holds, as counts in a few bins, against which later rows can be compared.

A sketch keeps no row. A number has ten bins with as many rows each (fewer where values repeat), and as its ends the 1st
and the 99th percentile; a category its frequent values, those of a few rows only and long ones being counted together;
a text the lengths of its cells and none of its words; a date its months, weekdays and hours.
"""

from typing import Literal, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# 2: the lowest and the highest are percentiles, where they were the cells of one row each.
VERSION = 2

BINS = 10
# Between which percentiles the values are.
ENDS = (1, 99)
MOST_VALUES = 20
# A value is named where it is as frequent as this, and never where it could be that of a few people.
LEAST_SHARE = 0.005
LEAST_ROWS = 5
LONGEST_VALUE = 100
# A column of which the named values are a smaller share than this is a text.
NAMED_SHARE = 0.5


class NumberSketch(TypedDict):
    """A bin holds values above its lower edge, up to its upper one."""

    kind: Literal["number"]
    gaps: int
    edges: list[float]
    counts: list[int]
    low: float | None
    high: float | None


class CategorySketch(TypedDict):
    """Frequent values with their counts, and how many cells have others."""

    kind: Literal["category"]
    gaps: int
    top: list[list[str | int]]
    others: int


class TextSketch(TypedDict):
    """How many characters the cells have."""

    kind: Literal["text"]
    gaps: int
    edges: list[float]
    counts: list[int]


class DateSketch(TypedDict):
    """How many cells are in each month, on each day of the week from Monday on, and in each hour."""

    kind: Literal["date"]
    gaps: int
    months: list[int]
    weekdays: list[int]
    hours: list[int]
    low: str | None
    high: str | None


Sketch = NumberSketch | CategorySketch | TextSketch | DateSketch


def of_numbers(values: np.ndarray) -> NumberSketch:
    """Return the sketch of numbers; NaN is a gap."""
    known = values[np.isfinite(values)].astype(np.float64)
    gaps = len(values) - len(known)
    if not len(known):
        return NumberSketch(kind="number", gaps=gaps, edges=[], counts=[0], low=None, high=None)
    ordered = np.sort(known)
    places = (np.arange(1, BINS) * len(ordered)) // BINS
    # The edges are values that rows have, so that many equal ones fill one bin.
    edges = np.unique(ordered[places])
    edges = edges[edges < ordered[-1]]
    counts = np.diff([0, *np.searchsorted(ordered, edges, side="right"), len(ordered)])
    low, high = np.percentile(ordered, ENDS).tolist()
    return NumberSketch(kind="number", gaps=gaps, edges=edges.tolist(), counts=counts.tolist(), low=low, high=high)


def shortened(cells: pa.Array) -> pa.Array:
    """Return texts cut to what a sketch of them looks at."""
    return pc.utf8_slice_codeunits(cells, 0, LONGEST_VALUE + 1)


def lengths_of(cells: pa.Array) -> np.ndarray:
    """Return how many characters texts have; NaN for gaps."""
    lengths: np.ndarray = pc.utf8_length(cells).cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
    return lengths


def of_texts(cells: pa.Array, lengths: np.ndarray) -> CategorySketch | TextSketch:
    """Return the sketch of a category, or of a text where few of its values are frequent."""
    gaps, known = cells.null_count, len(cells) - cells.null_count
    counted = pc.value_counts(cells.drop_null())
    values, counts = counted.field("values"), counted.field("counts").to_numpy(zero_copy_only=False)
    least = max(LEAST_ROWS, LEAST_SHARE * len(cells))
    # Equal counts in the order of the values, so that the same rows in another order give the same sketch.
    frequent = [(-int(counts[place]), values[int(place)].as_py()) for place in np.flatnonzero(counts >= least).tolist()]
    named = sorted(each for each in frequent if len(each[1]) <= LONGEST_VALUE)[:MOST_VALUES]
    top: list[list[str | int]] = [[value, -count] for count, value in named]
    others = known + sum(count for count, _value in named)
    if known and len(values) > MOST_VALUES and others > (1 - NAMED_SHARE) * known:
        of_lengths = of_numbers(lengths)
        return TextSketch(kind="text", gaps=gaps, edges=of_lengths["edges"], counts=of_lengths["counts"])
    return CategorySketch(kind="category", gaps=gaps, top=top, others=others)


def of_dates(cells: pa.Array) -> DateSketch:
    """Return the sketch of dates; its ends by the day."""
    known = cells.drop_null()
    moments = known.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    ends = np.percentile(moments, ENDS).astype("datetime64[us]").astype("datetime64[D]") if len(known) else (None, None)
    low, high = (None if end is None else str(end) for end in ends)
    return DateSketch(
        kind="date",
        gaps=cells.null_count,
        months=_counts(pc.subtract(pc.month(known), 1), 12),
        weekdays=_counts(pc.day_of_week(known), 7),
        hours=_counts(pc.hour(known), 24),
        low=low,
        high=high,
    )


def of_cells(cells: pa.Array, lengths: np.ndarray | None = None) -> Sketch:
    """Return the sketch of a column of the typed table; `lengths` are those of texts that are cut already."""
    if pa.types.is_timestamp(cells.type):
        return of_dates(cells)
    if pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type):
        return of_numbers(cells.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False))
    texts = cells.cast(pa.string())
    return of_texts(shortened(texts), lengths_of(texts) if lengths is None else lengths)


def of_labels(labels: list[str], codes: np.ndarray) -> CategorySketch:
    """Return how many rows each class has."""
    return of_counts(labels, np.bincount(codes, minlength=len(labels)))


def of_counts(labels: list[str], counts: np.ndarray) -> CategorySketch:
    """Return the sketch of classes, given how many rows each has."""
    top: list[list[str | int]] = [list(pair) for pair in zip(labels, counts.tolist(), strict=True)]
    return CategorySketch(kind="category", gaps=0, top=top, others=0)


def _counts(places: pa.Array, size: int) -> list[int]:
    counts: list[int] = np.bincount(places.to_numpy(zero_copy_only=False).astype(np.int64), minlength=size).tolist()
    return counts
