"""Tables of pandas: DataFrame and Series, as Parquet with the index kept.

Parquet and Arrow give most columns back as they are. Columns of Python objects, categories and odd indexes may come
back different without an error, so those are read back and compared; what differs is named by its column. Times in
whole seconds and objects, which Parquet widens, are put right when they are read (`Repairs`).
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jobs.artifacts import arrow, previews
from jobs.artifacts.annotations import library, mentions, type_name
from jobs.artifacts.errors import LossyError
from jobs.artifacts.sameness import same
from jobs.artifacts.saved import Saved, Stored
from jobs.artifacts.tagged import NotPlainError, packed, unpacked
from store.messages import Message

SERIES_COLUMN = "values"


@dataclass(slots=True)
class Repairs:
    """What reading has to put right, by the position of the column: written into the file, beside the table."""

    kind: str = "pandas.DataFrame"
    name: Any = None  # of a series, tagged
    objects: dict[str, bool] = field(default_factory=dict)  # columns of Python objects; whether what misses is NaN
    units: dict[str, str] = field(default_factory=dict)  # columns of times, with the type that they had
    index: str = ""  # the type that the index had, if it is one of those
    frequency: str = ""  # of an index of times


def save(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save a DataFrame or Series; None if it is neither. Subclasses hold more than Parquet would."""
    if type(value) is library("pandas", "DataFrame") or type(value) is library("pandas", "Series"):
        file = folder / "table.parquet"
        rows, columns = len(value), value.shape[1] if value.ndim == 2 else 1
        try:
            table = _write(value, file)
            preview = preview_of(value, table)
        except LossyError as error:
            file.unlink(missing_ok=True)
            error.preview = preview_of(value)
            raise
        facts = {"rows": rows, "columns": columns}
        return Saved(type_name(value, annotation), "parquet", file=file, preview=preview, metadata=facts)
    return None


def load(stored: Stored) -> object:
    """The table as what the code says it is, else as what it was."""
    from pyarrow import parquet

    schema = parquet.read_schema(stored.file)
    notes = (schema.metadata or {}).get(arrow.NOTES)
    repairs = Repairs(**json.loads(notes)) if notes else Repairs(kind="pandas.DataFrame")
    others = {"polars.DataFrame": ("polars", "DataFrame"), "pyarrow.Table": ("pyarrow", "Table")}
    for kind, (package, name) in others.items():
        wanted = library(package, name)
        if (wanted and mentions(stored.annotation, wanted)) or (stored.annotation is Any and repairs.kind == kind):
            return arrow.read(stored.file, kind)
    frame = _read(stored.file, repairs)
    series, as_frame = library("pandas", "Series"), library("pandas", "DataFrame")
    is_series = repairs.kind == "pandas.Series" and not mentions(stored.annotation, as_frame)
    if is_series or (mentions(stored.annotation, series) and frame.shape[1] == 1):
        return _as_series(frame, repairs)
    return frame


def _as_series(frame: Any, repairs: Repairs) -> Any:
    column = frame.iloc[:, 0]
    if repairs.kind == "pandas.Series":
        name = repairs.name
        column.name = unpacked(name) if isinstance(name, dict) else name
    column.attrs = frame.attrs
    return column


def preview_of(value: Any, table: Any = None) -> previews.Preview:
    """The first rows, and of each column its type and, if `table` has it in Arrow's form, what its values are like."""
    frame = value.to_frame() if value.ndim == 1 else value
    first = frame.iloc[: previews.ROWS, : previews.COLUMNS]
    columns: list[previews.Column] = [
        {"name": str(previews.cell(_label(label))), "type": str(kind)}
        for label, kind in zip(first.columns, first.dtypes, strict=True)
    ]
    if table is not None:
        for position, column in enumerate(columns):
            column.update(arrow.facts(table.column(position)))  # type: ignore[typeddict-item]
    rows: Iterator[tuple[Any, ...]] = first.itertuples(index=False, name=None)
    if type(first.index) is not library("pandas", "RangeIndex"):
        levels = [_label(name) for name in first.index.names]
        indexes: list[previews.Column] = [{"name": str(previews.cell(name)), "type": "index"} for name in levels]
        columns = [*indexes, *columns]
        keys = first.index.tolist()
        rows = ((*(key if len(levels) > 1 else (key,)), *row) for key, row in zip(keys, rows, strict=True))
    return previews.table(columns, map(_cells, rows), len(frame), frame.shape[1])


def _cells(row: tuple[Any, ...]) -> list[object]:
    return [None if _is_missing(each) else each for each in row]


def _label(label: object) -> object:
    if isinstance(label, tuple):
        return " / ".join(str(previews.cell(each)) for each in label)
    return "" if label is None else label


def _is_missing(value: object) -> bool:
    if value is None or value is library("pandas", "NA") or value is library("pandas", "NaT"):
        return True
    return isinstance(value, float) and value != value


def _write(value: Any, file: Path) -> Any:
    """Write the table and return it as Arrow has it; raises LossyError if reading it back gives something else."""
    import pyarrow
    from pyarrow import parquet

    repairs = Repairs()
    frame = value
    if value.ndim == 1:
        frame = value.to_frame(SERIES_COLUMN)
        repairs.kind, repairs.name = "pandas.Series", _packed_name(value.name)
    _note(frame, repairs)
    if not frame.columns.is_unique:
        label = frame.columns[frame.columns.duplicated()][0]
        raise LossyError(Message("frame_names_repeat", {"column": _shown(label)}))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of labels that differ, which are compared below
            table = pyarrow.Table.from_pandas(frame)
        notes = {arrow.NOTES: json.dumps(asdict(repairs))}
        if value.attrs:
            notes[b"PANDAS_ATTRS"] = json.dumps(value.attrs)  # as pandas itself writes them
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **notes})
        parquet.write_table(table, file, compression=arrow.compression(table.schema))
    except (pyarrow.ArrowException, TypeError, ValueError, NotImplementedError, OverflowError) as error:
        raise _refusal(frame, error) from error
    try:
        lost = _lost(frame, file, repairs, table, value.attrs)
    except Exception as error:  # whatever reading it back raises, it would raise in the next step
        raise LossyError(Message("frame_refused", {"reason": _first_line(error)})) from error
    if lost:
        raise LossyError(Message("frame_column_lost", {"column": lost[0], "reason": lost[1]}))
    return table


def _packed_name(name: object) -> Any:
    try:
        return packed(name)
    except NotPlainError as error:
        raise LossyError(Message("frame_refused", {"reason": f"its name is of type {error.kind.__name__}"})) from None


def _note(frame: Any, repairs: Repairs) -> None:
    """Note down what Parquet has no type for."""
    for position, kind in enumerate(frame.dtypes):
        if str(kind) == "object":
            missing = frame.iloc[:, position].array[frame.iloc[:, position].isna().to_numpy()]
            repairs.objects[str(position)] = len(missing) > 0 and all(isinstance(each, float) for each in missing)
        elif str(kind).startswith("datetime64[s"):
            repairs.units[str(position)] = str(kind)
    index = frame.index
    if index.nlevels == 1 and (index.dtype == object or str(index.dtype).startswith("datetime64[s")):
        repairs.index = str(index.dtype)
    if type(index).__name__ in ("DatetimeIndex", "TimedeltaIndex"):
        repairs.frequency = index.freqstr or ""


def _read(file: Path, repairs: Repairs, columns: list[str] | None = None, positions: list[int] | None = None) -> Any:
    """The table, or some of its columns, which then have the given positions in it."""
    from pyarrow import parquet

    table = parquet.read_table(file, columns=columns, partitioning=None)
    frame = table.to_pandas()
    where = positions if positions is not None else range(frame.shape[1])
    objects, units = repairs.objects, repairs.units
    for here, position in enumerate(where):
        if str(position) in objects:
            import pandas

            cells = pandas.Series(table.column(here).to_pylist(), dtype=object, index=frame.index)
            frame.isetitem(here, cells.where(cells.notna(), float("nan")) if objects[str(position)] else cells)
        elif str(position) in units:
            frame.isetitem(here, frame.iloc[:, here].astype(units[str(position)]))
    if repairs.index:
        frame.index = frame.index.astype(repairs.index)
    if repairs.frequency:
        frame.index.freq = repairs.frequency
    attributes = (table.schema.metadata or {}).get(b"PANDAS_ATTRS")
    if attributes:
        frame.attrs = json.loads(attributes)
    return frame


def _lost(frame: Any, file: Path, repairs: Repairs, table: Any, attrs: Any) -> tuple[str, str] | None:
    """The first column that does not come back as it was, and how it differs. Only those that may are read."""
    suspects = [
        position
        for position, kind in enumerate(frame.dtypes)
        if str(kind) == "object"
        or str(kind) in ("category", "float16")
        or str(kind).startswith(("interval", "period", "Sparse"))
    ]
    index_columns = [] if _is_range(frame.index) else table.column_names[frame.shape[1] :]
    names = [table.column_names[position] for position in suspects]
    loaded = _read(file, repairs, [*names, *index_columns], suspects)
    empty = _read(file, repairs, [], []) if _is_range(frame.index) and not suspects else loaded
    if not same(attrs, empty.attrs):
        return "attrs", "the attributes of the table differ"
    for here, position in enumerate(suspects):
        if reason := _difference(frame.iloc[:, position], loaded.iloc[:, here]):
            return _shown(frame.columns[position]), reason
    if reason := _index_difference(frame.index, empty.index):
        return "index", reason
    return _type_difference(frame, file, repairs, set(suspects))


def _difference(saved: Any, loaded: Any) -> str:
    if saved.dtype != loaded.dtype:
        return f"{saved.dtype} becomes {loaded.dtype}"
    if str(saved.dtype) != "object":
        return "" if saved.array.equals(loaded.array) else "its values differ"
    for before, after in zip(saved.array, loaded.array, strict=True):
        if not (same(before, after) or (_is_missing(before) and _is_missing(after))):
            kinds = type(before).__name__, type(after).__name__
            return f"{kinds[0]} becomes {kinds[1]}" if kinds[0] != kinds[1] else f"a value of type {kinds[0]} differs"
    return ""


def _index_difference(saved: Any, loaded: Any) -> str:
    if type(saved) is not type(loaded) or len(saved) != len(loaded):
        return f"{type(saved).__name__} becomes {type(loaded).__name__}"
    if not same(list(saved.names), list(loaded.names)):
        return "its name differs"
    if saved.nlevels == 1 and saved.dtype != loaded.dtype:
        return f"{saved.dtype} becomes {loaded.dtype}"
    if saved.dtype == object and saved.nlevels == 1 and not all(map(same, saved, loaded)):
        return "a value differs"
    if getattr(saved, "freq", None) != getattr(loaded, "freq", None):
        return "its frequency differs"
    return "" if saved.equals(loaded) else "its values differ"


def _type_difference(frame: Any, file: Path, repairs: Repairs, checked: set[int]) -> tuple[str, str] | None:
    """The first column whose type differs, and labels that do, by what the file says of itself: no row is read."""
    from pyarrow import parquet

    table = parquet.read_schema(file).empty_table()
    empty = table.to_pandas()
    if not (
        same(list(frame.columns), list(empty.columns)) and same(list(frame.columns.names), list(empty.columns.names))
    ):
        pairs = zip(frame.columns, empty.columns, strict=False)
        label = next((saved for saved, loaded in pairs if not same(saved, loaded)), "columns")
        return _shown(label), "the label differs"
    for position, kind in enumerate(frame.dtypes):
        if position not in checked and str(position) not in repairs.units and kind != empty.dtypes.iloc[position]:
            return _shown(frame.columns[position]), f"{kind} becomes {empty.dtypes.iloc[position]}"
    return None


def _refusal(frame: Any, error: Exception) -> LossyError:
    """Which column it was that Arrow does not take."""
    import pyarrow

    for position, label in enumerate(frame.columns):
        try:
            pyarrow.array(frame.iloc[:, position], from_pandas=True)
        except (pyarrow.ArrowException, TypeError, ValueError, NotImplementedError, OverflowError) as cause:
            return LossyError(Message("frame_column_lost", {"column": _shown(label), "reason": _first_line(cause)}))
    return LossyError(Message("frame_refused", {"reason": _first_line(error)}))


def _first_line(error: Exception) -> str:
    return str(error.args[0] if error.args else error).strip().partition("\n")[0][:200].rstrip(".")


def _is_range(index: Any) -> bool:
    return type(index) is library("pandas", "RangeIndex")


def _shown(label: object) -> str:
    return repr(str(previews.cell(_label(label))))
