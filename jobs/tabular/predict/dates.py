"""Dates: how they are written in a file, and the same dates written as where a model learned."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jobs.tabular.profile.cells import DATE_FORMATS, TIME_FORMATS, dates_of, texts_of

ISO = "ISO8601"
# So many cells tell how the dates of a column are written.
LOOKED_AT = 2_000


def format_of(cells: pa.Array, usual: str, day_first: bool | None) -> str:
    """Return how dates are written: as where the model learned, unless more cells can be read in another way. Where
    both are possible, the day comes first unless the file says otherwise. Times of the day are no dates."""
    cells = texts_of(cells.slice(0, LOOKED_AT))

    def unread(form: str) -> int:
        return int(_times(cells, form, usual).isna().sum())

    best, fewest = usual, unread(usual)
    for form, first in DATE_FORMATS.items():
        if fewest == cells.null_count:
            break
        if form in TIME_FORMATS and usual not in TIME_FORMATS:
            continue
        if (first is None or day_first in (None, first)) and (count := unread(form)) < fewest:
            best, fewest = form, count
    return best


def rewritten(cells: pa.Array, given: str, usual: str) -> pa.Array:
    """Return dates in the format of the training table; what is no date stays as it is."""
    times = _times(cells, given, usual)
    texts = times.dt.strftime("%Y-%m-%dT%H:%M:%S" if usual == ISO else usual)
    known = pa.array(texts.where(times.notna(), None), type=pa.string(), from_pandas=True)
    return pc.coalesce(known, cells.cast(pa.string()))


def _times(cells: pa.Array, form: str, usual: str) -> pd.Series:
    """Return cells as times; where times of the day were learned, a day alone is none."""
    times = dates_of(cells, form)
    if usual not in TIME_FORMATS:
        return times
    return times.where(pc.fill_null(pc.match_substring(cells.cast(pa.string()), ":"), False).to_pandas())
