"""Strange: gaps, cells that are no number or date, and values that the model has not seen, counted column by column.

The fitted encoder itself says what it makes of a cell, so that what is counted is what the model does."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from jobs.tabular.limits import MISSING
from jobs.tabular.prepare.categories import ENCODINGS, is_category, known_values
from jobs.tabular.prepare.encoder import spans, words_of
from store.messages import Message, Notice, Values

EXAMPLES = 3
LONGEST_EXAMPLE = 40
# Numbers beyond those that were learned from by more than this share of their range are told.
FAR = 0.5
# Before these steps, a cell is still what was read of it.
FITTED = ("parts", "gaps", "scale", "categories", ENCODINGS)
# The values of a category, and those of them that are not told apart.
Known = tuple[np.ndarray, np.ndarray]


@dataclass
class _Counts:
    """What was counted in one column."""

    dates: bool = False
    texts: bool = False
    gaps: int = 0
    unreadable: int = 0
    unseen: int = 0
    rare: int = 0
    # Numbers far from all that were learned from, the farthest one, and the range of those.
    far: int = 0
    farthest: float = 0.0
    bounds: tuple[float, float] | None = None
    examples: Counter[str] = field(default_factory=Counter)

    def add_examples(self, cells: pd.Series) -> None:
        if len(self.examples) < EXAMPLES:
            self.examples.update(str(cell)[:LONGEST_EXAMPLE] for cell in cells.unique()[:EXAMPLES])


class Strange:
    """What was strange in the rows so far."""

    def __init__(self, model: Pipeline, ranges: Mapping[str, Sequence[Any] | None] | None = None) -> None:
        """`ranges` are the smallest and the largest number of each column that was learned from."""
        self._parts = [
            (label, part, list(names))
            for label, part, names in model.named_steps["columns"].transformers_
            if isinstance(part, Pipeline)
        ]
        self._counts = {
            name: _Counts(label.startswith("date_"), words_of(part) is not None)
            for label, part, names in self._parts
            for name in names
        }
        for name, counts in self._counts.items():
            low, high = (ranges or {}).get(name) or (None, None)
            if isinstance(low, int | float) and isinstance(high, int | float):
                counts.bounds = (low, high)
        self._spans = spans(model)

    def count(self, frame: pd.DataFrame, encoded: np.ndarray) -> None:
        """Count in some more rows, whose cells are texts; `encoded` is what the model makes of them."""
        for _label, part, names in self._parts:
            if words_of(part) is not None:
                for name in names:
                    self._count_texts(self._counts[name], frame[name], encoded[:, self._spans[name]])
                continue
            read = frame[names]
            for step, transformer in part.steps:
                if step in FITTED:
                    break
                read = transformer.transform(read)
            for position, name in enumerate(names):
                known = known_values(part, position) if is_category(part) else None
                self._count(self._counts[name], frame[name], read[name], known)

    def notices(self) -> list[Notice]:
        """Return what was strange, worst first in each column."""
        notices = []
        for name, counts in self._counts.items():
            values: Values = {"column": name, "examples": list(counts.examples)[:EXAMPLES]}
            if counts.unreadable and counts.dates:
                notices.append(_warning("predict_unreadable_dates", name, {**values, "count": counts.unreadable}))
            elif counts.unreadable:
                notices.append(_warning("predict_unreadable_numbers", name, {**values, "count": counts.unreadable}))
            if counts.far and counts.bounds:
                low, high = counts.bounds
                far: Values = {"column": name, "count": counts.far, "value": counts.farthest, "low": low, "high": high}
                notices.append(_warning("predict_far_numbers", name, far))
            if counts.texts:
                notices += _about_texts(name, counts, values)
                continue
            if counts.unseen:
                notices.append(_warning("predict_unseen_values", name, {**values, "count": counts.unseen}))
            if counts.rare:
                notices.append(
                    Notice(Message("predict_rare_values", {"column": name, "count": counts.rare}), "info", name)
                )
            if counts.gaps:
                notices.append(Notice(Message("predict_gaps", {"column": name, "count": counts.gaps}), "info", name))
        return notices

    def _count_texts(self, counts: _Counts, cells: pd.Series, encoded: np.ndarray) -> None:
        missing = cells.isna() | cells.str.strip().isin(MISSING)
        counts.gaps += int(missing.sum())
        strange = ~missing & ~encoded.any(axis=1)
        counts.unseen += int(strange.sum())
        if strange.any():
            counts.add_examples(cells[strange])

    def _count(self, counts: _Counts, cells: pd.Series, read: pd.Series, known: Known | None) -> None:
        missing = cells.isna() | cells.str.strip().isin(MISSING)
        counts.gaps += int(missing.sum())
        if known is None:
            strange = read.isna() & ~missing
            counts.unreadable += int(strange.sum())
            if counts.bounds:
                _count_far(counts, counts.bounds, read)
        else:
            values, rare = known
            strange = read.notna() & ~read.isin(values) & ~missing
            counts.unseen += int(strange.sum())
            counts.rare += int((read.isin(rare) & ~missing).sum()) if len(rare) else 0
        if strange.any():
            counts.add_examples(cells[strange])


def _count_far(counts: _Counts, bounds: tuple[float, float], numbers: pd.Series) -> None:
    """Count numbers that are far beyond those that were learned from, or below zero where none was."""
    low, high = bounds
    beyond = FAR * (high - low)
    far = numbers[(numbers > high + beyond) | (numbers < low - beyond) | ((numbers < 0) & (low >= 0))]
    if len(far):
        middle = (low + high) / 2
        farthest = far.iloc[int((far - middle).abs().to_numpy().argmax())]
        before = abs(counts.farthest - middle) if counts.far else -1.0
        counts.farthest = float(farthest) if abs(farthest - middle) > before else counts.farthest
        counts.far += len(far)


def _about_texts(name: str, counts: _Counts, values: Values) -> list[Notice]:
    """Return what was strange in a column of texts."""
    notices = []
    if counts.unseen:
        notices.append(Notice(Message("predict_unknown_words", {**values, "count": counts.unseen}), "warning", name))
    if counts.gaps:
        notices.append(Notice(Message("predict_texts_missing", {"column": name, "count": counts.gaps}), "info", name))
    return notices


def _warning(code: str, column: str, values: Values) -> Notice:
    return Notice(Message(code, {**values}), "warning", column)
