"""Typed values as text: with a decimal point, dates as ISO, whole numbers without a fraction, true and false."""

import datetime
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from jobs.tabular.csv.batches import refuse_long_fields

# Up to here a number that Excel shows without a fraction is one, and is written with all of its digits.
WHOLE = 1e18
CELLS_OF_A_BATCH = 200_000


def text_of(value: Any) -> str | None:
    """Return one value as text; None for an empty one."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()  # half a surrogate pair is none
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time.min else value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return _duration(value)
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def batches_of(rows: Iterable[Sequence[str | None]], names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield rows of texts as batches of bounded size."""
    most = max(1, CELLS_OF_A_BATCH // max(len(names), 1))
    part: list[Sequence[str | None]] = []
    for row in rows:
        part.append(row)
        if len(part) == most:
            yield _batch(part, names)
            part = []
    if part:
        yield _batch(part, names)


def _batch(rows: list[Sequence[str | None]], names: Sequence[str]) -> pa.RecordBatch:
    columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    batch = pa.RecordBatch.from_arrays(columns, [str(position) for position in range(len(names))])
    refuse_long_fields(batch, names)
    return batch


def _number(value: float) -> str | None:
    if math.isnan(value):
        return None
    return str(int(value)) if abs(value) < WHOLE and value.is_integer() else repr(value)


def _duration(value: datetime.timedelta) -> str:
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
