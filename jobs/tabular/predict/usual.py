"""Usual: the value of a column with which others are compared, as its cells are written."""

from datetime import datetime

from jobs.tabular.column import Column


def usual_of(column: Column, decimal: str) -> str | None:
    """Return the usual value of a column as its cells are written: mean, middle date, or most frequent text."""
    if column.kind == "number":
        if not isinstance(column.mean, int | float):
            return None
        mean = round(column.mean) if column.whole else float(f"{column.mean:.4g}")
        return repr(mean).replace(".", decimal)
    if column.kind == "date":
        return _middle(column)
    if column.kind == "free_text":
        return None  # a text without words
    return str(column.top[0][0]) if column.top else None


def _middle(column: Column) -> str | None:
    # A time of the day is one of some day, which is not written.
    day = "2000-01-01T" if column.has_no_day else ""
    try:
        low, high = (datetime.fromisoformat(f"{day}{each}") for each in (column.min, column.max))
    except ValueError:
        return None
    middle, form = (low + (high - low) / 2).replace(microsecond=0), column.format
    if form and "%" in form:
        return middle.strftime(form)
    return middle.isoformat() if column.timed else middle.date().isoformat()
