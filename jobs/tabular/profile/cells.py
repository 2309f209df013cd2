"""Cells: texts as numbers, dates and texts without signs for missing; and batches of them with their types."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jobs.tabular.column import Column
from jobs.tabular.limits import HUGE, MISSING, MISSING_SIGNS
from jobs.tabular.reader import Notation
from jobs.tabular.units import LEADING, TRAILING, UNIT, unit_of

_MISSING, _MISSING_SIGNS = pa.array(MISSING), pa.array(MISSING_SIGNS)
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?[iI]nf(inity)?$"
# No number begins with a group of zeros: 0.510 is a half.
_GROUPS = {",": r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$", ".": r"^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$"}


# Times of a day without the day.
TIME_FORMATS = ("%H:%M", "%H:%M:%S")


def _date_formats() -> dict[str, bool | None]:
    """Return every format of dates that is read, and whether the day comes first (None: the year does)."""
    formats: dict[str, bool | None] = {"ISO8601": None}
    for time in ("", " %H:%M", " %H:%M:%S"):
        formats[f"%Y/%m/%d{time}"] = formats[f"%Y.%m.%d{time}"] = None
        for sign in "./-":
            formats[f"%d{sign}%m{sign}%Y{time}"] = True
            formats[f"%m{sign}%d{sign}%Y{time}"] = False
    for time in (" %I:%M %p", " %I:%M:%S %p"):
        formats[f"%d/%m/%Y{time}"], formats[f"%m/%d/%Y{time}"] = True, False
    return formats | dict.fromkeys(TIME_FORMATS)


DATE_FORMATS = _date_formats()


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column read as numbers, NaN where there is none; `plain` where no cell holds anything beside its number, and
    the units beside the numbers, such as %."""

    values: np.ndarray
    plain: bool
    unread: int
    huge: int
    units: frozenset[str] = frozenset()


def numbers_of(column: pa.Array, marks: Notation) -> Numbers:
    """Return cells as numbers; count those that are none, and those too large, which both are missing."""
    plain, unread, units = True, 0, frozenset[str]()
    parsed = _cast(_plain_digits(column, marks))
    if parsed is None:
        cells = without_signs(column)
        text = _plain_digits(cells, marks)
        parsed = _cast(text)
    if parsed is None and pc.any(pc.match_substring_regex(cells, UNIT)).as_py():
        plain = False
        cells, units = _without_units(cells)
        text = _plain_digits(cells, marks)
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
        too_large = np.abs(values) > HUGE
        huge = int(too_large.sum())
        values = np.where(too_large, np.nan, values)
    return Numbers(values, plain, unread, huge, units)


def without_units(column: pa.Array) -> pa.Array:
    """Return numbers without a unit beside them."""
    return pc.replace_substring_regex(pc.replace_substring_regex(column, LEADING, r"\1\2"), TRAILING, r"\1")


def _without_units(column: pa.Array) -> tuple[pa.Array, frozenset[str]]:
    """Return numbers without units, and which units there were."""
    bare = without_units(column)
    changed = pc.unique(pc.utf8_trim_whitespace(column.filter(pc.not_equal(column, bare))))
    return bare, frozenset(filter(None, map(unit_of, changed.to_pylist())))


def _cast(text: pa.Array) -> pa.Array | None:
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        return None


def texts_of(column: pa.Array) -> pa.Array:
    """Return cells as text without blanks around them; signs for missing become null, words for missing stay."""
    return without_signs(pc.utf8_trim_whitespace(column))


def without_signs(column: pa.Array) -> pa.Array:
    """Return cells as text; signs for missing become null."""
    return _without(column, _MISSING_SIGNS)


def without_words(column: pa.Array) -> pa.Array:
    """Return cells as text; signs and words for missing become null."""
    return _without(column, _MISSING)


def _without(column: pa.Array, values: pa.Array) -> pa.Array:
    unwanted = pc.is_in(column, values)
    return pc.if_else(unwanted, None, column) if pc.any(unwanted).as_py() else column


def dates_of(column: pa.Array, form: str) -> pd.Series:
    """Return cells as times (UTC); those that are none are missing."""
    series = pd.Series(texts_of(column).to_pandas())
    return pd.to_datetime(series, format=form, errors="coerce", utc=True)


def typed(
    batch: pa.RecordBatch, columns: Sequence[Column], marks: Notation, just_read: Sequence[np.ndarray | None] = ()
) -> pa.RecordBatch:
    """Return a batch of text cells with the types of their columns; `just_read` saves reading numbers twice."""
    known = just_read or [None] * len(columns)
    arrays = [
        _typed_column(cells, column, marks, numbers)
        for cells, column, numbers in zip(batch.columns, columns, known, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """Return how the typed table stores columns."""
    kinds = {"number": pa.float64(), "date": pa.timestamp("us")}
    return pa.schema([(column.name, kinds.get(column.kind, pa.string())) for column in columns])


def _typed_column(cells: pa.Array, column: Column, marks: Notation, numbers: np.ndarray | None) -> pa.Array:
    if column.kind == "number":
        return pa.array(numbers_of(cells, marks).values if numbers is None else numbers)
    if column.kind == "date":
        times = dates_of(cells, column.format or "ISO8601").dt.tz_localize(None).dt.as_unit("us")
        return pa.array(times, type=pa.timestamp("us"), from_pandas=True)
    return texts_of(cells)


def _plain_digits(text: pa.Array, marks: Notation) -> pa.Array:
    """Return numbers as Python writes them: without thousands marks, with a decimal point."""
    if marks.thousands and pc.any(pc.match_substring(text, marks.thousands)).as_py():
        grouped = pc.match_substring_regex(pc.utf8_trim_whitespace(text), _GROUPS[marks.thousands])
        whole = pc.replace_substring(text, marks.thousands, "")
        # A lone thousands mark that groups nothing makes the cell unreadable rather than wrong.
        wrong = pc.replace_substring(text, marks.thousands, "!")
        text = pc.if_else(grouped, whole, wrong)
    if marks.decimal == ",":
        text = pc.replace_substring(text, ",", ".")
    return text
