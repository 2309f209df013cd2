"""Observed columns: the kind and the figures of one column, decided on every row as the batches go by."""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jobs.tabular.column import CATEGORY, DATE, NUMBER, TEXT, Column, Kind
from jobs.tabular.limits import MISSING, MISSING_SIGNS
from jobs.tabular.profile.cells import DATE_FORMATS, TIME_FORMATS, dates_of, numbers_of, without_signs, without_words
from jobs.tabular.reader import Notation

NUMERIC_SHARE = 0.95
COUNTED_VALUES = 1_000
PROBED = 6 * COUNTED_VALUES
EXACT = 2.0**53
BINS = 20
SAMPLED = 50_000
# Rows are in order of a time with at least so many values, of which at most this share is earlier than the one before.
FEWEST_ORDERED, DISORDER = 20, 0.01
# So many cells tell how many words a text has. With so many on average, and mostly different ones, it is no category.
TEXTS_LOOKED_AT = 200
FEWEST_WORDS = 3
MOST_ALIKE, FEWEST_TEXTS = 0.5, 20
_MISSING = pa.array(MISSING)
YES_NO = (
    {"yes", "no"},
    {"y", "n"},
    {"true", "false"},
    {"t", "f"},
    {"on", "off"},
    {"evet", "hayır"},
    {"evet", "hayir"},
    {"e", "h"},
    {"var", "yok"},
    {"doğru", "yanlış"},
    {"ja", "nein"},
    {"oui", "non"},
    {"si", "no"},
    {"sí", "no"},
)
_LETTERS = re.compile(r"[^\W\d_]{2}")
_DATE_SHAPE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d.*)?|\d{1,2}:\d{2}(:\d{2})?")


@dataclass
class _Times:
    """How many cells one date format has read, and what."""

    read: int = 0
    low: pd.Timestamp | None = None
    high: pd.Timestamp | None = None
    sample: list[np.ndarray] = field(default_factory=list)
    # How many cells are earlier than the one before them.
    backwards: int = 0
    last: pd.Timestamp | None = None
    timed: bool = False

    def is_ordered(self) -> bool:
        """Whether the rows stand in the order of these times, but for a few."""
        return self.read > FEWEST_ORDERED and self.low != self.high and self.backwards <= DISORDER * self.read


class ObservedColumn:
    """One column while the rows go by: counts, figures and candidates for its kind."""

    def __init__(self, name: str, marks: Notation, sampled: int, by_hand: str | None = None) -> None:
        """`by_hand` is the kind that people set; without one, the cells decide."""
        self.name = name
        self.by_hand = by_hand
        self.sampled = sampled
        self.marks = marks
        self.rows = self.present = 0
        self.read = self.unread = self.huge = 0
        self.total = 0.0
        self.low, self.high = math.inf, -math.inf
        self.whole = True
        self.maybe_number = True
        self.codes: str | None = None
        self.times: dict[str, _Times] | None = None
        self.counts: Counter[str] = Counter()
        self.capped = False
        self.unique_share = 1.0
        self.sample: list[np.ndarray] = []
        self.stride = 1
        self.just_read: np.ndarray | None = None
        self.plain = self.all_read = False
        self.several_formats = False
        self.texts: list[str] = []
        self.units: set[str] = set()

    def add(self, cells: pa.Array, rows_in_all: float) -> None:
        """Take the next cells; `rows_in_all` is about how many rows there will be."""
        self.rows += len(cells)
        self.just_read = None
        self.plain = False
        if self.maybe_number:
            self._add_numbers(cells)
            # With more unreadable cells than this, the column cannot become a number whatever the rest holds.
            bearable = 1.5 * (1 - NUMERIC_SHARE) * max(rows_in_all, self.rows)
            surely = not self.codes and len(self.units) <= 1 and self.unread <= bearable
            self.maybe_number = self.by_hand == NUMBER or surely
        if not self.plain:
            cells = without_signs(cells)
            self.present += len(cells) - cells.null_count
            if not self.texts and self.present:
                self.texts = _some_of(cells)
        self._count_values(cells)
        if self.unread or self.by_hand == DATE:
            self._add_times(cells)

    def _count_values(self, cells: pa.Array) -> None:
        if self.capped:
            self._count_words(cells)
            return
        fractions = self.plain and not self.whole
        counted = pc.value_counts(cells[:PROBED] if fractions else cells)
        if fractions and len(counted) <= 4 * COUNTED_VALUES:
            counted = pc.value_counts(cells)
        if len(counted) <= 4 * COUNTED_VALUES:
            self._count(counted)
        else:
            self._count_words(cells)
        if len(counted) > 4 * COUNTED_VALUES or len(self.counts) > COUNTED_VALUES:
            self.capped = True
            distinct = max(len(counted) - (1 if cells.null_count else 0), len(self.counts))
            self.unique_share = distinct / max(self.present, 1)

    def _count_words(self, cells: pa.Array) -> None:
        if not self.plain:
            self._count(pc.value_counts(cells.filter(pc.is_in(pc.utf8_trim_whitespace(cells), _MISSING))))

    def _count(self, counted: pa.StructArray) -> None:
        values, counts = counted.field(0).to_pylist(), counted.field(1).to_pylist()
        for value, count in zip(values, counts, strict=True):
            if value is not None and value not in MISSING_SIGNS:
                self.counts[value.strip()] += count

    @property
    def blanks(self) -> int:
        """Return how many cells hold a sign or word for missing."""
        return sum(self.counts[value] for value in MISSING)

    def _add_numbers(self, cells: pa.Array) -> None:
        numbers = numbers_of(cells, self.marks)
        self.just_read, self.plain = numbers.values, numbers.plain
        self.all_read = not numbers.unread and not numbers.huge and not numbers.units
        self.unread += numbers.unread
        self.units |= numbers.units
        self.huge += numbers.huge
        missing = np.isnan(numbers.values)
        values = numbers.values[~missing] if missing.any() else numbers.values
        self.read += len(values)
        if self.plain:
            self.present += len(values) + numbers.huge
        if not len(values):
            return
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.total += float(values.sum())
        whole = numbers.values == np.floor(numbers.values)
        self.whole = self.whole and int(whole.sum()) == len(values)
        if not self.codes and whole.any():
            trimmed = cells if self.plain else pc.utf8_trim_whitespace(cells)
            self.codes = self._find_codes(trimmed if self.whole else trimmed.filter(pa.array(whole)))
        self._keep_sample(values)

    def _find_codes(self, cells: pa.Array) -> str | None:
        """Digits that are a code and not an amount: 00123, or more digits than a number holds exactly."""
        mark = self.marks.decimal
        led = pc.and_not(pc.starts_with(cells, "0"), pc.or_(pc.starts_with(cells, f"0{mark}"), pc.equal(cells, "0")))
        led_cells = cells.filter(led)
        if len(led_cells) and pc.any(pc.match_substring_regex(led_cells, r"^0\d+$")).as_py():
            return "zeros"
        too_many = max(abs(self.low), abs(self.high)) >= EXACT
        if too_many and pc.any(pc.match_substring_regex(cells, r"^[+-]?\d{16,}$")).as_py():
            return "long"
        return None

    def _keep_sample(self, values: np.ndarray) -> None:
        self.sample.append(values[:: self.stride].copy())  # a view would hold all of the values
        if sum(map(len, self.sample)) > self.sampled:
            self.sample = [np.concatenate(self.sample)[::2]]
            self.stride *= 2

    def _add_times(self, cells: pa.Array) -> None:
        if self.times is None:
            self.times = {form: _Times() for form in self._possible_formats(cells)}
        for form, times in self.times.items():
            parsed = dates_of(cells, form).dropna()
            times.read += len(parsed)
            if len(parsed):
                low, high = parsed.min(), parsed.max()
                times.low = min(times.low, low) if times.low is not None else low
                times.high = max(times.high, high) if times.high is not None else high
                before = times.last if times.last is not None else parsed.iloc[0]
                times.backwards += int((parsed.diff().dt.total_seconds() < 0).sum()) + int(parsed.iloc[0] < before)
                times.last = parsed.iloc[-1]
                times.timed = times.timed or bool((parsed.dt.normalize() != parsed).any())
                if sum(map(len, times.sample)) < SAMPLED:
                    times.sample.append(parsed.dt.as_unit("s").astype("int64").to_numpy(dtype=float))

    def _possible_formats(self, cells: pa.Array) -> list[str]:
        values = without_words(pc.utf8_trim_whitespace(cells)).drop_null()[:200]
        shaped = [value for value in values.to_pylist() if _DATE_SHAPE.fullmatch(value)]
        if not shaped or (len(shaped) < 0.5 * len(values) and self.by_hand != DATE):
            return []
        probe, wanted = pa.array(shaped), self.marks.day_first
        readable = {
            form: dates_of(probe, form).notna().to_numpy()
            for form, day_first in DATE_FORMATS.items()
            if wanted is None or day_first is None or day_first is wanted
        }
        # Invoice numbers may have the shape of dates, too; each cell must be one in some format.
        dates = int(np.logical_or.reduce(list(readable.values())).sum())
        self.several_formats = dates >= NUMERIC_SHARE * max(len(values), 1)
        return [form for form, read in readable.items() if read.mean() > (0 if self.by_hand == DATE else 0.5)]

    def kind(self) -> Kind:
        """Return what the cells so far make the column."""
        if not self.present:
            return "empty"
        if self.by_hand in (NUMBER, DATE):
            found = self.read if self.by_hand == NUMBER else self.best_format()
            return cast(Kind, self.by_hand) if found else "empty"
        if self.by_hand not in (CATEGORY, TEXT):
            return self._kind_of_cells()
        kind = self._texts_kind()
        return "free_text" if self.by_hand == TEXT and kind != "empty" else kind

    def _kind_of_cells(self) -> Kind:
        if self.maybe_number and self.read + self.huge >= NUMERIC_SHARE * (self.read + self.huge + self.unread) > 0:
            return "number" if self.read else "empty"
        if self.times and self.best_format():
            return "date"
        kind = self._texts_kind()
        return "free_text" if kind == "text" and self._is_of_words() else kind

    def _texts_kind(self) -> Kind:
        if not self.capped:
            words = {value.casefold() for value in self.counts if value not in MISSING}
            if not words:
                return "empty"
            if len(words) == 2 and any(words == pair for pair in YES_NO):
                return "yes_no"
        return "text"

    def _is_of_words(self) -> bool:
        """Return whether the cells are texts of several words, most of them different."""
        different = len(self.counts) > max(FEWEST_TEXTS, MOST_ALIKE * (self.present - self.blanks))
        as_dates = self.several_formats or self.dates_share > 0.5
        return (self.capped or different) and not as_dates and self._words() >= FEWEST_WORDS

    def _words(self) -> float:
        """Return how many words a text has, on average."""
        words = sum(bool(_LETTERS.search(word)) for text in self.texts for word in text.split())
        return words / max(len(self.texts), 1)

    def best_format(self) -> str | None:
        """Return the date format that reads nearly all cells; None when no format does."""
        times = self.times or {}
        best = max(times, key=lambda form: times[form].read, default=None)
        return best if self.dates_share >= (NUMERIC_SHARE if self.by_hand != DATE else 1e-9) else None

    @property
    def dates_share(self) -> float:
        """Return the share of the cells that the best date format reads."""
        return max((each.read for each in (self.times or {}).values()), default=0) / max(self.present - self.blanks, 1)

    def described(self) -> Column:
        """Return the profile of the column; its role is decided by the caller."""
        kind = self.kind()
        counts = {value: count for value, count in self.counts.items() if value not in MISSING}
        described: dict[str, Any] = {
            "missing": self.rows - self.present + self.blanks,
            "distinct": max(COUNTED_VALUES, len(counts)) if self.capped else len(counts),
        }
        if kind == "number":
            described |= self._numbers_described(counts)
        elif kind == "date":
            described |= self._times_described()
        else:
            described |= self._texts_described(counts)
            if kind == "free_text":
                letters = sum(map(len, self.texts)) / max(len(self.texts), 1)
                described |= {"words": round(self._words(), 1), "letters": round(letters, 1)}
        by_hand = self.by_hand is not None
        return Column(name=self.name, kind=kind, distinct_exact=not self.capped, by_hand=by_hand, **described)

    def _texts_described(self, counts: dict[str, int]) -> dict[str, Any]:
        top = Counter(counts).most_common(BINS)
        return {
            "top": [[value[:100], count] for value, count in top[:5]],
            "histogram": [count for _value, count in top],
            "codes": bool(self.codes or self.read),
        }

    def _numbers_described(self, counts: dict[str, int]) -> dict[str, Any]:
        whole = self.whole and max(abs(self.low), abs(self.high)) < EXACT
        described: dict[str, Any] = {
            "whole": whole,
            "missing": self.rows - self.read,
            "unread": self.unread,
            "huge": self.huge,
            "unit": min(self.units, default=None),
            "min": tidy(self.low, whole),
            "max": tidy(self.high, whole),
            "mean": self.total / self.read,
            "histogram": _bins(np.concatenate(self.sample)),
        }
        if not self.capped and (merged := self._merged(counts, whole)):
            described["distinct"] = len(merged)
            described["top"] = [[value, count] for value, count in merged.most_common(5)]
        return described

    def _merged(self, counts: dict[str, int], whole: bool) -> Counter[float]:
        """Return how often each number occurs, however it is written: 1.5 and 1.50 are one."""
        merged: Counter[float] = Counter()
        numbers = numbers_of(pa.array(list(counts), pa.string()), self.marks).values
        for number, count in zip(numbers, counts.values(), strict=True):
            if not np.isnan(number):
                merged[tidy(float(number), whole)] += count
        return merged

    def _times_described(self) -> dict[str, Any]:
        form = self.best_format()
        assert form and self.times
        times = self.times[form]
        return {
            "format": form,
            "missing": self.rows - times.read,
            "unread": max(self.present - self.blanks - times.read, 0),
            "min": _time_words(times.low, form),
            "max": _time_words(times.high, form),
            "timed": times.timed,
            "ordered": times.is_ordered(),
            "histogram": _bins(np.concatenate(times.sample)) if times.sample else [],
        }


def _some_of(cells: pa.Array) -> list[str]:
    """Return some of the texts, from everywhere in a batch."""
    known = cells.drop_null()
    step = max(1, len(known) // TEXTS_LOOKED_AT)
    return [
        str(text) for text in known.take(pa.array(range(0, len(known), step), pa.int64()))[:TEXTS_LOOKED_AT].to_pylist()
    ]


def tidy(value: float, whole: bool) -> float:
    """Return a whole number as an int: 3, not 3.0."""
    return int(value) if whole else value


def _time_words(time: pd.Timestamp | None, form: str) -> str | None:
    if time is None:
        return None
    if form in TIME_FORMATS:
        return str(time.strftime(form))
    words: str = time.tz_localize(None).isoformat()
    return words.removesuffix("T00:00:00")


def _bins(values: np.ndarray) -> list[int]:
    if not len(values):
        return []
    distinct = np.unique(values[:1_000])
    bins = min(BINS, len(distinct)) if len(values) <= 1_000 else BINS
    low, high = values.min(), values.max()
    if not np.isfinite(high - low) or high == low:
        return [len(values)]
    return [int(count) for count in np.histogram(values, bins=max(bins, 1))[0]]
