"""Tables: a frame comes back as it was, cell by cell, or its column is named."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers.kept import kept, read, words
from pyarrow import parquet

from jobs.artifacts import previews

N = float("nan")


def objects(*cells):
    return pd.Series(cells, dtype=object)


COLUMNS = {
    "int": [1, 2, 3],
    "float": [1.5, N, np.inf],
    "bool": [True, False, True],
    "text": ["ğ", None, ""],
    "object_text": objects("a", None, "b"),
    "object_nan": objects("a", N, "b"),
    "object_int": objects(1, None, 3),
    "object_bool": objects(True, None, False),
    "dates": objects(dt.date(2026, 1, 1), None, dt.date(1, 1, 1)),
    "decimals": objects(Decimal("1.10"), None, Decimal("2.00")),
    "bytes": objects(b"a", None, b"\xff"),
    "lists": objects([1], None, [2, 3]),
    "dicts": objects({"a": 1}, None, {"a": 2}),
    "uuids": objects(uuid.UUID(int=1), None, uuid.UUID(int=2)),
    "category": pd.Categorical(["a", None, "b"], categories=["b", "a", "c"], ordered=True),
    "seconds": np.array(["2026-01-01", "NaT", "2027-01-01"], dtype="datetime64[s]"),
    "nanoseconds": np.array([1, 2, 3], dtype="datetime64[ns]"),
    "zone": pd.Series(pd.to_datetime(["2026-01-01"] * 3)).dt.tz_localize("Europe/Istanbul"),
    "zone_seconds": pd.Series(np.array(["2026-01-01"] * 3, dtype="datetime64[s]")).dt.tz_localize("UTC"),
    "timedelta": pd.to_timedelta([1, 2, None], unit="s"),
    "period": pd.period_range("2026-01", periods=3, freq="M"),
    "interval": pd.interval_range(0, 3),
    "nullable": pd.array([1, None, 3], dtype="Int64"),
    "small": np.array([1, 2, 3], dtype="int8"),
    "half": np.array([1, 2, 3], dtype="float16"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_as_it_was(name):
    """Types, missing cells and Python objects survive Parquet."""
    frame = pd.DataFrame({name: COLUMNS[name]})
    saved, loaded = kept(frame, pd.DataFrame)
    assert (saved.format, saved.notices) == ("parquet", ())
    pd.testing.assert_frame_equal(frame, loaded)
    for before, after in zip(frame[name].array, loaded[name].array, strict=True):
        assert type(before) is type(after)


INDEXES = [
    pd.RangeIndex(5, 8),
    pd.Index([3, 1, 2], name="id"),
    pd.Index(["a", "b", "c"]),
    pd.Index(["a", "b", "c"], dtype=object, name="n"),
    pd.date_range("2026-01-01", periods=3, freq="h"),
    pd.DatetimeIndex(np.array(["2026-01-01"] * 3, dtype="datetime64[s]"), name="t"),
    pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", None]),
    pd.period_range("2026-01", periods=3, freq="M"),
    pd.timedelta_range("1h", periods=3, freq="h"),
    pd.bdate_range("2026-01-01", periods=3, freq="C", holidays=["2026-01-02"]),
    pd.CategoricalIndex(["a", "b", "a"]),
]


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: type(index).__name__)
def test_the_index_is_kept(index):
    """Rows come back under their labels, with the names, types and frequency of the index."""
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=index)
    saved, loaded = kept(frame)
    assert (saved.format == "parquet") is (getattr(index, "freqstr", "") != "C")  # whose holidays no name holds
    pd.testing.assert_frame_equal(frame, loaded, check_freq=True, check_index_type="exact")


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [1]}).iloc[:0],
        pd.DataFrame([[1, 2]], columns=[10, 20]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")], names=["x", "y"])),
        pd.DataFrame({"a.b": [1], "c d": ["x"], "ğ": [1]}),
        pd.DataFrame({"a": range(10)}).iloc[::2],
    ],
    ids=lambda frame: str(list(frame.columns)),
)
def test_labels_and_empty_tables_are_kept(frame):
    """Labels that are no text, and tables without rows or columns, come back."""
    saved, loaded = kept(frame)
    assert saved.format == "parquet"
    pd.testing.assert_frame_equal(frame, loaded)


@pytest.mark.parametrize("name", [None, "x", ("a", 1), 5, dt.date(2026, 1, 1)])
def test_a_series_comes_back_under_its_name(name):
    """A series stays one, whatever its name is."""
    series = pd.Series([1, 2], name=name, index=pd.date_range("2026", periods=2, freq="D"))
    saved, loaded = kept(series)
    assert saved.format == "parquet" and saved.type == "pandas.Series"
    pd.testing.assert_series_equal(series, loaded)
    assert isinstance(read(saved, pd.DataFrame), pd.DataFrame)


def test_attributes_of_a_table_are_kept():
    """What an author notes in attrs comes back; what JSON does not hold is told."""
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"source": "shop"}
    assert kept(frame)[1].attrs == {"source": "shop"}
    frame.attrs = {"source": {1, 2}}
    assert kept(frame)[0].format == "cloudpickle"
    frame.attrs = {1: "a"}
    saved, loaded = kept(frame)
    assert saved.format == "cloudpickle" and loaded.attrs == {1: "a"}


LOST = [
    ("mixed", pd.DataFrame({"fine": [1, 2], "mixed": objects(1, "a")})),
    ("sets", pd.DataFrame({"sets": objects({1}, {2})})),
    ("tuples", pd.DataFrame({"tuples": objects((1, 2), (3,))})),
    ("dicts", pd.DataFrame({"dicts": objects({"a": 1}, {"b": 1})})),
    ("complex", pd.DataFrame({"complex": [1j]})),
    ("stamps", pd.DataFrame({"stamps": objects(pd.Timestamp("2026"))})),
    ("sparse", pd.DataFrame({"sparse": pd.arrays.SparseArray([0, 1])})),
    ("twice", pd.DataFrame([[1, 2]], columns=["twice", "twice"])),
    ("1", pd.DataFrame([[1, 2]], columns=["a", 1])),
]


@pytest.mark.parametrize(("column", "frame"), LOST, ids=[name for name, _ in LOST])
def test_a_column_that_parquet_would_change_is_named(column, frame):
    """No cell changes silently: the table is pickled whole, and one sentence names the column and the way out."""
    saved, loaded = kept(frame, pd.DataFrame)
    assert saved.format == "cloudpickle" and saved.preview["kind"] == "table"
    assert f"'{column}'" in words(saved)[0] and len(saved.notices) == 1
    assert loaded.equals(frame)


def test_a_subclass_is_more_than_its_table():
    """A class made of DataFrame keeps what is its own."""

    class Measured(pd.DataFrame):
        pass

    assert kept(Measured({"a": [1]}))[0].format == "cloudpickle"


def test_no_python_object_is_in_the_file():
    """The file is Parquet for anybody: pandas alone reads it."""
    saved, _ = kept(pd.DataFrame({"a": [1], "b": ["x"]}))
    assert pd.read_parquet(saved.file).to_dict("list") == {"a": [1], "b": ["x"]}
    group = parquet.ParquetFile(saved.file).metadata.row_group(0)
    assert [group.column(number).compression for number in (0, 1)] == ["SNAPPY", "ZSTD"]


def test_equal_tables_are_equal_files(tmp_path):
    """The same content has the same hash, by which steps are reused."""
    frames = [pd.DataFrame({"a": [1, 2], "b": ["x", None]}) for _ in range(2)]
    assert len({kept(frame)[0].file.read_bytes() for frame in frames}) == 1


def test_a_table_of_arrow_comes_back_as_one():
    """Tables of Arrow keep types that pandas lacks, and their own metadata."""
    table = pa.table({"a": [1, None], "l": [[1], None]}).replace_schema_metadata({"mine": "1"})
    saved, loaded = kept(table, pa.Table)
    assert saved.format == "parquet" and loaded.equals(table, check_metadata=True)
    assert kept(table)[1].equals(table)
    assert read(saved, pd.DataFrame)["a"].isna().tolist() == [False, True]
    assert saved.preview["rows"] == [[1, "[1]"], [None, None]]


def test_a_column_of_arrow_that_parquet_would_change_is_named():
    """Parquet has no times in whole seconds; the table is pickled rather than changed."""
    table = pa.table({"t": pa.array([1], pa.timestamp("s")), "n": pa.nulls(1)})
    saved, loaded = kept(table)
    assert loaded.equals(table) and (saved.format == "parquet" or "'t'" in words(saved)[0])


def test_a_frame_of_polars_is_stored_by_its_arrow_form(monkeypatch):
    """A stand-in with polars' public calls: to_arrow to save, read_parquet to load."""
    import sys
    import types

    class DataFrame:
        def __init__(self, table):
            self.table = table

        def to_arrow(self):
            return self.table

    stand_in = types.ModuleType("polars")
    stand_in.DataFrame = DataFrame
    stand_in.read_parquet = lambda file: DataFrame(parquet.read_table(file))
    DataFrame.__module__, DataFrame.__qualname__ = "polars.dataframe.frame", "DataFrame"
    monkeypatch.setitem(sys.modules, "polars", stand_in)
    saved, loaded = kept(DataFrame(pa.table({"a": [1, 2]})), Any)
    assert (saved.type, saved.format) == ("polars.DataFrame", "parquet")
    assert isinstance(loaded, DataFrame) and loaded.table["a"].to_pylist() == [1, 2]
    assert isinstance(read(kept(pd.DataFrame({"a": [1]}))[0], DataFrame), DataFrame)


def test_the_preview_shows_rows_types_and_what_values_are_like():
    """First rows with their labels; of each column its type, how many are missing, least, mean and greatest."""
    frame = pd.DataFrame({"a": [1.0, N, 3.0], "b": ["x", "y", None]}, index=pd.Index([7, 8, 9], name="id"))
    shown = kept(frame)[0].preview
    assert shown["columns"] == [
        {"name": "id", "type": "index"},
        {"name": "a", "type": "float64", "missing": 1, "min": 1.0, "mean": 2.0, "max": 3.0},
        {"name": "b", "type": "str", "missing": 1},
    ]
    assert shown["rows"] == [[7, 1.0, "x"], [8, None, "y"], [9, 3.0, None]]
    assert (shown["row_count"], shown["column_count"]) == (3, 2)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": range(10_000)}),
        pd.DataFrame(np.zeros((3, 5000))),
        pd.DataFrame({f"c{i}": ["\x01ğ" * 5000] * 60 for i in range(60)}),
        pd.DataFrame({"name" * 10_000: [1]}),
        pd.DataFrame({"l": objects(list(range(10_000)))}),
    ],
)
def test_the_preview_of_a_large_table_is_small(frame):
    """However many rows, columns and signs there are, at most 50 x 50 short cells are shown."""
    shown = kept(frame)[0].preview
    assert len(shown["rows"]) <= previews.ROWS and 0 < len(shown["columns"]) <= previews.COLUMNS
    assert all(len(str(cell)) <= previews.CELL for row in shown["rows"] for cell in row)
    assert (shown["row_count"], shown["column_count"]) == frame.shape


def test_pandas_is_not_imported_to_save_a_number():
    """A step that returns a number pays for no library."""
    import subprocess
    import sys

    code = (
        "import sys, pathlib; from jobs import artifacts\n"
        "print(artifacts.save({'a': [1, None]}, dict, pathlib.Path('.')).value)\n"
        "print(sorted({'pandas', 'numpy', 'sklearn', 'pyarrow', 'joblib', 'cloudpickle'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["{'a': [1, None]}", "[]"]
