"""What is in the columns of a table: kinds decided on every row, figures, and what to do with each."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jobs.tabular.column import Column
from jobs.tabular.csv.reader import Dialect, Source, notice
from jobs.tabular.limits import FEWEST_ROWS, HUGE, MISSING, SIGNS, WORDS
from jobs.tabular.proposal import propose_target
from store.errors import Refused

NUMERIC_SHARE = 0.95
COUNTED_VALUES = 1_000
PROBED = 6 * COUNTED_VALUES
EXACT = 2.0**53
BINS = 20
SAMPLED = 50_000
SAMPLED_IN_ALL = 8_000_000
PREVIEW_ROWS = 20

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
_MISSING, _SIGNS = pa.array(MISSING), pa.array(SIGNS)
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?[iI]nf(inity)?$"
_GROUPS = {",": r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$", ".": r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$"}
_DATE_SHAPE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d.*)?")
_ID_NAME = re.compile(
    r"(^|[\s_\-.#])(id|ids|no|nr|num|number|numara|numarası|key|code|kod|kodu|uuid|guid|index|sıra|row)$|^#$|[a-z](Id|ID|No)$"
)


def _date_formats() -> dict[str, bool | None]:
    """Every form of date that is understood, and whether the day comes first (None: neither, the year does)."""
    found: dict[str, bool | None] = {"ISO8601": None}
    for time in ("", " %H:%M", " %H:%M:%S"):
        found[f"%Y/%m/%d{time}"] = found[f"%Y.%m.%d{time}"] = None
        for sign in "./-":
            found[f"%d{sign}%m{sign}%Y{time}"] = True
            found[f"%m{sign}%d{sign}%Y{time}"] = False
    return found


DATE_FORMATS = _date_formats()


@dataclass(frozen=True, slots=True)
class Profile:
    """What there is to say about a table."""

    columns: list[dict[str, Any]]
    preview: list[list[Any]]
    notices: list[dict[str, Any]]
    proposal: dict[str, Any] | None
    rows: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column read as numbers; NaN where there is none. Plain: nothing but numbers, nothing around them."""

    values: np.ndarray
    plain: bool
    unread: int
    huge: int


def numbers_of(column: pa.Array, dialect: Dialect) -> Numbers:
    """Cells as numbers: those that are none are counted and missing, as are infinite and absurd ones."""
    plain, unread = True, 0
    parsed = _cast(_plain_digits(column, dialect))
    if parsed is None:
        text = _plain_digits(without_signs(column), dialect)
        parsed = _cast(text)
    if parsed is None:
        text = without_words(pc.utf8_trim_whitespace(text))
        good = pc.match_substring_regex(text, _NUMBER)
        unread = len(text) - text.null_count - (pc.sum(good).as_py() or 0)
        plain = False
        parsed = pc.if_else(good, text, None).cast(pa.float64())
    values = parsed.to_numpy(zero_copy_only=False)
    huge = 0
    if len(values) and max(np.fmax.reduce(values), -np.fmin.reduce(values)) > HUGE:
        absurd = np.abs(values) > HUGE
        huge = int(absurd.sum())
        values = np.where(absurd, np.nan, values)
    return Numbers(values, plain, unread, huge)


def _cast(text: pa.Array) -> pa.Array | None:
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        return None


def texts_of(column: pa.Array) -> pa.Array:
    """Cells as text without blanks around them, signs for missing as nothing; words for missing stay."""
    return without_signs(pc.utf8_trim_whitespace(column))


def without_signs(column: pa.Array) -> pa.Array:
    """Cells as text, signs for missing as nothing."""
    return _without(column, _SIGNS)


def without_words(column: pa.Array) -> pa.Array:
    """Cells as text, signs and words for missing as nothing."""
    return _without(column, _MISSING)


def _without(column: pa.Array, values: pa.Array) -> pa.Array:
    unwanted = pc.is_in(column, values)
    return pc.if_else(unwanted, None, column) if pc.any(unwanted).as_py() else column


def dates_of(column: pa.Array, form: str) -> pd.Series:
    """Cells as times (UTC); those that are none are missing."""
    series = pd.Series(texts_of(column).to_pandas())
    return pd.to_datetime(series, format=form, errors="coerce", utc=True)


def typed(
    batch: pa.RecordBatch, columns: list[dict[str, Any]], dialect: Dialect, just_read: Sequence[np.ndarray | None] = ()
) -> pa.RecordBatch:
    """A batch of text cells as what they are; `just_read` saves reading numbers twice."""
    known = just_read or [None] * len(columns)
    arrays = [
        _typed_column(cells, column, dialect, numbers)
        for cells, column, numbers in zip(batch.columns, columns, known, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))


def schema_of(columns: list[dict[str, Any]]) -> pa.Schema:
    kinds = {"number": pa.float64(), "date": pa.timestamp("us")}
    return pa.schema([(column["name"], kinds.get(column["kind"], pa.string())) for column in columns])


def _typed_column(cells: pa.Array, column: dict[str, Any], dialect: Dialect, numbers: np.ndarray | None) -> pa.Array:
    if column["kind"] == "number":
        return pa.array(numbers_of(cells, dialect).values if numbers is None else numbers)
    if column["kind"] == "date":
        times = dates_of(cells, column["format"]).dt.tz_localize(None).dt.as_unit("us")
        return pa.array(times, type=pa.timestamp("us"), from_pandas=True)
    return texts_of(cells)


def _plain_digits(text: pa.Array, dialect: Dialect) -> pa.Array:
    """Numbers as Python writes them."""
    if dialect.thousands and pc.any(pc.match_substring(text, dialect.thousands)).as_py():
        grouped = pc.match_substring_regex(pc.utf8_trim_whitespace(text), _GROUPS[dialect.thousands])
        whole = pc.replace_substring(text, dialect.thousands, "")
        # A lone thousands mark that groups nothing makes the cell unreadable rather than wrong.
        wrong = pc.replace_substring(text, dialect.thousands, "!")
        text = pc.if_else(grouped, whole, wrong)
    if dialect.decimal == ",":
        text = pc.replace_substring(text, ",", ".")
    return text


@dataclass
class _Times:
    """What one date format made of a column so far."""

    read: int = 0
    low: pd.Timestamp | None = None
    high: pd.Timestamp | None = None
    sample: list[np.ndarray] = field(default_factory=list)


class _Column:
    """One column while the rows go by."""

    def __init__(self, name: str, dialect: Dialect, sampled: int) -> None:
        self.name = name
        self.sampled = sampled
        self.dialect = dialect
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
        self.plain = False
        self.like_dates = False

    def add(self, cells: pa.Array, rows_in_all: float) -> None:
        self.rows += len(cells)
        self.just_read = None
        self.plain = False
        if self.maybe_number:
            self._add_numbers(cells)
            # Cannot become a number any more, however the rest looks.
            bearable = 1.5 * (1 - NUMERIC_SHARE) * max(rows_in_all, self.rows)
            self.maybe_number = not self.codes and self.unread <= bearable
        if not self.plain:
            cells = without_signs(cells)
            self.present += len(cells) - cells.null_count
        self._count_values(cells)
        if self.unread:
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
            if value is not None and value not in SIGNS:
                self.counts[value.strip()] += count

    @property
    def blanks(self) -> int:
        """Cells that are there and mean that nothing is."""
        return sum(self.counts[value] for value in MISSING)

    def _add_numbers(self, cells: pa.Array) -> None:
        found = numbers_of(cells, self.dialect)
        self.just_read, self.plain = found.values, found.plain
        self.unread += found.unread
        self.huge += found.huge
        missing = np.isnan(found.values)
        values = found.values[~missing] if missing.any() else found.values
        self.read += len(values)
        if self.plain:
            self.present += len(values) + found.huge
        if not len(values):
            return
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.total += float(values.sum())
        whole = found.values == np.floor(found.values)
        self.whole = self.whole and int(whole.sum()) == len(values)
        if not self.codes and whole.any():
            trimmed = cells if self.plain else pc.utf8_trim_whitespace(cells)
            self.codes = self._find_codes(trimmed if self.whole else trimmed.filter(pa.array(whole)))
        self._keep_sample(values)

    def _find_codes(self, cells: pa.Array) -> str | None:
        """Digits that are a code and not an amount: 00123, or more digits than a number holds exactly."""
        mark = self.dialect.decimal
        led = pc.and_not(pc.starts_with(cells, "0"), pc.or_(pc.starts_with(cells, f"0{mark}"), pc.equal(cells, "0")))
        led_cells = cells.filter(led)
        if len(led_cells) and pc.any(pc.match_substring_regex(led_cells, r"^0\d+$")).as_py():
            return "zeros"
        too_many = max(abs(self.low), abs(self.high)) >= EXACT
        if too_many and pc.any(pc.match_substring_regex(cells, r"^[+-]?\d{16,}$")).as_py():
            return "long"
        return None

    def _keep_sample(self, values: np.ndarray) -> None:
        self.sample.append(values[:: self.stride].copy())  # a view would keep all of the values
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
                if sum(map(len, times.sample)) < SAMPLED:
                    times.sample.append(parsed.dt.as_unit("s").astype("int64").to_numpy(dtype=float))

    def _possible_formats(self, cells: pa.Array) -> list[str]:
        values = without_words(pc.utf8_trim_whitespace(cells)).drop_null()[:200]
        shaped = [value for value in values.to_pylist() if _DATE_SHAPE.fullmatch(value)]
        if len(shaped) < 0.5 * max(len(values), 1):
            return []
        self.like_dates = True
        probe = pa.array(shaped)
        wanted = self.dialect.day_first
        return [
            form
            for form, day_first in DATE_FORMATS.items()
            if (wanted is None or day_first is None or day_first is wanted)
            and dates_of(probe, form).notna().mean() > 0.5
        ]

    def kind(self) -> str:
        if not self.present:
            return "empty"
        if self.maybe_number and self.read + self.huge >= NUMERIC_SHARE * (self.read + self.huge + self.unread) > 0:
            return "number" if self.read else "empty"
        if self.times and self.best_format():
            return "date"
        if not self.capped:
            words = {value.casefold() for value in self.counts if value not in MISSING}
            if not words:
                return "empty"
            if len(words) == 2 and any(words == pair for pair in YES_NO):
                return "yes_no"
        return "text"

    def best_format(self) -> str | None:
        best = max(self.times or {}, key=lambda form: (self.times or {})[form].read, default=None)
        if best is None or (self.times or {})[best].read < NUMERIC_SHARE * (self.present - self.blanks):
            return None
        return best

    def described(self) -> dict[str, Any]:
        """Return the column as the rest of the house knows it."""
        kind = self.kind()
        counts = {value: count for value, count in self.counts.items() if value not in MISSING}
        found: dict[str, Any] = {
            "name": self.name,
            "kind": kind,
            "whole": False,
            "missing": self.rows - self.present + self.blanks,
            "distinct": len(counts),
            "distinct_exact": not self.capped,
            "min": None,
            "max": None,
            "mean": None,
            "top": [],
            "histogram": [],
            "unread": 0,
            "role": "feature",
            "reason": None,
        }
        if self.capped:
            found["distinct"] = max(COUNTED_VALUES, len(counts))
        top = Counter(counts).most_common(BINS)
        if kind == "number":
            self._describe_numbers(found, counts)
        elif kind == "date":
            self._describe_times(found)
        else:
            found["top"] = [[value[:100], count] for value, count in top[:5]]
            found["histogram"] = [count for _value, count in top]
            # Somebody else may read such cells as numbers: 007 as 7, or 7.0 beside a gap.
            found["codes"] = bool(self.codes or self.read)
        return found

    def _describe_numbers(self, found: dict[str, Any], counts: dict[str, int]) -> None:
        found["whole"] = self.whole and max(abs(self.low), abs(self.high)) < EXACT
        found["missing"] = self.rows - self.read
        found["unread"] = self.unread
        found["huge"] = self.huge
        found["min"], found["max"] = _tidy(self.low, found["whole"]), _tidy(self.high, found["whole"])
        found["mean"] = self.total / self.read
        found["histogram"] = _bins(np.concatenate(self.sample))
        if not self.capped:
            merged: Counter[float] = Counter()
            numbers = numbers_of(pa.array(list(counts), pa.string()), self.dialect).values
            for number, count in zip(numbers, counts.values(), strict=True):
                if not np.isnan(number):
                    merged[_tidy(float(number), found["whole"])] += count
            if merged:
                found["distinct"] = len(merged)
                found["top"] = [[value, count] for value, count in merged.most_common(5)]

    def _describe_times(self, found: dict[str, Any]) -> None:
        form = self.best_format()
        assert form and self.times
        times = self.times[form]
        found["format"] = form
        found["missing"] = self.rows - times.read
        found["unread"] = max(self.present - self.blanks - times.read, 0)
        found["min"], found["max"] = _time_words(times.low), _time_words(times.high)
        if times.sample:
            found["histogram"] = _bins(np.concatenate(times.sample))


class Profiler:
    """Takes batches of text cells and tells what is in them."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = size
        sampled = min(SAMPLED, SAMPLED_IN_ALL // len(source.names))
        self._columns = [_Column(name, source.dialect, sampled) for name in source.names]
        self._head: pa.RecordBatch | None = None
        self.rows = 0
        self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._head is None:
            self._head = batch.slice(0, PREVIEW_ROWS)
        # Cells take at least as many bytes here as in the file, so this does not underestimate by much.
        rows_in_all = self.rows * max(self._size / max(self._bytes, 1), 1.0) * 1.5
        for column, cells in zip(self._columns, batch.columns, strict=True):
            column.add(cells, rows_in_all)

    def just_read(self) -> list[np.ndarray | None]:
        """The numbers of the batch that was added last, column by column."""
        return [column.just_read for column in self._columns]

    def finish(self, exact: bool) -> Profile:
        if exact and self.rows < FEWEST_ROWS:
            have = "no rows" if not self.rows else f"only {self.rows} {'row' if self.rows == 1 else 'rows'}"
            raise Refused(f"The file has {have} below the column names; at least {FEWEST_ROWS} are needed.", "file")
        columns = [column.described() for column in self._columns]
        for column, state in zip(columns, self._columns, strict=True):
            column["role"], column["reason"] = _role(column, state, exact)
        if all(column["kind"] == "empty" for column in columns):
            raise Refused("Every cell of the file is missing.", "file")
        notices = list(self._source.notices)
        for column, state in zip(columns, self._columns, strict=True):
            notices += _notices(column, state)
        return Profile(
            columns,
            self._preview(columns),
            notices,
            propose_target([Column.from_json(column) for column in columns]),
            self.rows,
            exact,
        )

    def _preview(self, columns: list[dict[str, Any]]) -> list[list[Any]]:
        assert self._head is not None
        shown = [
            _shown(cells, column, self._source.dialect)
            for cells, column in zip(self._head.columns, columns, strict=True)
        ]
        return [list(row) for row in zip(*shown, strict=True)]


def profile(source: Source, chunks: Iterable[pa.RecordBatch], size: int, first_bytes: int | None = None) -> Profile:
    """Profile a table, or only its first part."""
    profiler = Profiler(source, size)
    seen, exact = 0, True
    for batch in chunks:
        profiler.add(batch)
        seen += batch.nbytes
        if first_bytes is not None and seen >= first_bytes:
            exact = False
            break
    return profiler.finish(exact)


def _role(column: dict[str, Any], state: _Column, exact: bool) -> tuple[str, str | None]:
    if column["kind"] == "empty":
        return "leave_out", "every cell is missing"
    if exact and column["distinct"] == 1 and column["distinct_exact"] and column["kind"] != "date":
        return "leave_out", "the same value in every row"
    present = state.present - state.blanks
    unique = state.unique_share if state.capped else column["distinct"] / max(present, 1)
    if column["kind"] == "number" and column["whole"] and unique >= 0.999 and present >= FEWEST_ROWS:
        in_sequence = state.high - state.low + 1 <= 1.05 * present
        if in_sequence or _ID_NAME.search(column["name"]) or _ID_NAME.search(column["name"].casefold()):
            return "leave_out", "looks like an id: every row has its own number"
    if column["kind"] == "text" and unique > 0.5 and column["distinct"] > 20:
        return "leave_out", "looks like an id or free text: too many distinct values"
    return "feature", None


def _notices(column: dict[str, Any], state: _Column) -> list[dict[str, Any]]:
    name, found = column["name"], []

    def say(text: str, level: str = "info") -> None:
        found.append(notice(text, name, level))

    if column["reason"]:
        say(f"{name} is left out: {column['reason']}.")
    what = "a date" if column["kind"] == "date" else "a number"
    if column["unread"]:
        say(f"{name}: {_cells(column['unread'])} without {what} counted as missing.", "warning")
    if column.get("huge"):
        say(
            f"{name}: {_cells(column['huge'])} with an infinite or absurdly large number counted as missing.", "warning"
        )
    if words := {word: state.counts[word] for word in WORDS if state.counts[word]}:
        listed = " or ".join(words)
        also = f"; when this column is predicted, {listed} is a value" if column["kind"] in ("text", "yes_no") else ""
        say(f"{name}: {_cells(sum(words.values()))} with {listed} counted as missing{also}.")
    if state.like_dates and column["kind"] == "text":
        say(
            f"{name} looks like dates but is kept as text, because they are not all written in one way; write all of "
            "them such as 2024-03-14.",
            "warning",
        )
    if state.codes:
        why = "some begin with 0" if state.codes == "zeros" else "they have more digits than a number holds exactly"
        say(f"{name} looks like numbers but is kept as text, because {why}.")
    share = column["missing"] / max(state.rows, 1)
    if column["kind"] != "empty" and share >= 0.05:
        say(f"{name}: {share * 100:.0f} % missing.", "warning" if share > 0.5 else "info")
    if column["kind"] == "date" and state.times and state.dialect.day_first is None:
        form = column["format"]
        other = form.translate(str.maketrans("dm", "md"))
        if (
            DATE_FORMATS.get(form) is not None
            and other in state.times
            and (state.times[other].read == state.times[form].read)
        ):
            say(f"{name}: dates such as 03/04 were read with the day first.", "warning")
    return found


def _cells(count: int) -> str:
    return f"{count:,} {'cell' if count == 1 else 'cells'}"


def _shown(cells: pa.Array, column: dict[str, Any], dialect: Dialect) -> list[Any]:
    """Cells for a preview."""
    if column["kind"] == "number":
        return [
            None if np.isnan(value) else _tidy(float(value), column["whole"])
            for value in numbers_of(cells, dialect).values
        ]
    return [value if value is None or len(value) <= 200 else value[:199] + "…" for value in texts_of(cells).to_pylist()]


def _tidy(value: float, whole: bool) -> float | int:
    return int(value) if whole else value


def _time_words(time: pd.Timestamp | None) -> str | None:
    if time is None:
        return None
    words = time.tz_localize(None).isoformat()
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
