"""Reading, for every table: what pandas wrote comes back equal, and any bytes at all are read or refused."""

import csv
import datetime as dt
import math
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from jobs.language import sentence
from jobs.tabular import limits, reader
from jobs.tabular.csv import dialect
from jobs.tabular.profile import cells as table_cells
from jobs.tabular.profile import profiler
from store.errors import RequestError


def steady(examples):
    """The same examples each time, however slow the machine is."""
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )


TURKISH = "abcçdefgğhıijklmnoöprsştuüvyzABCÇDEFGĞHIİJKLMNOÖPRSŞTUÜVYZ"
# A zero byte is refused everywhere, and lone surrogates cannot be written to a file.
SIGNS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
PLAIN = st.text(st.sampled_from(TURKISH + "  0123456789-_"), max_size=8)
WILD = (
    st.text(SIGNS, max_size=12)
    | st.text(st.sampled_from("\",;\t|\n\r '\\aş1.-"), max_size=8)
    | st.sampled_from(
        [*limits.MISSING, " NA ", "007", "1,5", "1.234,5", "yes", "=1+1", "\ufeff", "\u2028", "\x85", "x" * 300]
    )
)
DATES = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
ROWS = st.integers(20, 26)


def cells(rows, texts):
    """A column of one kind, with gaps or without."""
    kinds = (
        st.integers(-(2**63), 2**63 - 1),
        st.integers(-999, 999),
        st.floats(),
        st.floats(-1e6, 1e6),
        texts,
        st.booleans(),
        DATES,
        DATES.map(lambda time: time.replace(hour=0, minute=0, second=0, microsecond=0)),
    )
    return st.one_of(
        *(
            st.lists(kind | st.none() if gaps else kind, min_size=rows, max_size=rows)
            for kind in kinds
            for gaps in (False, True)
        )
    )


def clean(name):
    return " ".join(name.replace("\ufeff", "").split())[:200]


def names(texts, number):
    # What begins like JSON or HTML is refused as such; a name of blanks is given a number, which is tested elsewhere.
    usable = texts.filter(lambda name: clean(name) and not name.lstrip().startswith(("[", "{", "<")))
    return st.lists(usable, min_size=number, max_size=number, unique_by=clean)


def series(values):
    """A column as pandas writes it with decimal commas: those need floats."""
    floats = all(isinstance(value, float) or value is None for value in values)
    return pd.Series(values, dtype=float if floats else object)


@st.composite
def frames(draw, texts):
    rows, number = draw(ROWS), draw(st.integers(1, 4))
    columns = {name: series(draw(cells(rows, texts))) for name in draw(names(texts, number + 1))}
    first = next(iter(columns))
    columns[first] = pd.Series(range(rows), dtype=object)  # a table of nothing but gaps is refused
    return pd.DataFrame(columns)


@st.composite
def written(draw):
    """A table, the file that pandas makes of it, and how it was written."""
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1254"]))
    frame = draw(frames(PLAIN if encoding == "cp1254" else WILD))
    how = {
        "sep": draw(st.sampled_from(list(dialect.DELIMITERS))),
        "encoding": encoding,
        "index": False,
        "lineterminator": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "decimal": draw(st.sampled_from([".", ","])),
        "na_rep": draw(st.sampled_from(["", "NA", "NaN", "null", "-", "None"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
    }
    return frame, how


def read(path, **dialect):
    source = reader.inspect(path, dialect)
    batches = list(source.batches())
    found = profiler.profile_of(source, batches, path.stat().st_size)
    return source, pa.Table.from_batches(batches), found


def expected_text(value, how):
    """A cell as pandas writes it; None where it is missing."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        value = how["na_rep"]
    if isinstance(value, float):
        value = repr(value).replace(".", how["decimal"])
    return None if str(value) in limits.MISSING_SIGNS else str(value)


def number_of(value):
    """A cell as a number; nothing where it is missing or absurd."""
    if value is None or math.isnan(value) or abs(value) > limits.HUGE:
        return None
    return float(value)


@steady(150)
@given(written())
def test_what_pandas_writes_comes_back(tmp_path_factory, table):
    """Names, texts, numbers, dates and gaps of any table are the same after reading, however it was written."""
    frame, how = table
    # Python's csv leaves a line end other than the file's own without quotation marks; the file then has more lines.
    ends = set("\r\n") - set(how["lineterminator"]) if how["quoting"] == csv.QUOTE_MINIMAL else set()
    assume(not any(ends & set(str(text)) for text in [*frame.columns, *frame.to_numpy().ravel()]))
    path = tmp_path_factory.getbasetemp() / "written.csv"
    frame.to_csv(path, **how)
    source, raw, found = read(
        path,
        encoding=how["encoding"],
        delimiter=how["sep"],
        decimal=how["decimal"],
        header=True,
        thousands="",
        missing="none",
    )
    assert source.names == tuple(clean(name) for name in frame.columns)
    assert reader.reopen(path, source.dialect.as_dict()).names == source.names
    assert (raw.num_rows, found.rows) == (len(frame), len(frame))
    typed = pa.Table.from_batches(
        [table_cells.typed(batch, found.columns, source.dialect) for batch in raw.to_batches()]
    )
    for position, name in enumerate(frame.columns):
        values, described = list(frame[name]), found.columns[position]
        if not any(isinstance(value, dt.datetime) for value in values):
            got = table_cells.without_signs(raw.column(position).combine_chunks()).to_pylist()
            assert got == [expected_text(value, how) for value in values]
        check_typed(values, described, typed.column(position).to_pylist(), how)


def check_typed(values, described, got, how):
    """A column as numbers, times or texts."""
    given = [value for value in values if value is not None and value is not pd.NaT]
    if described.kind == "number" and not any(isinstance(value, str) for value in given):
        assert [None if math.isnan(value) else value for value in got] == [number_of(value) for value in values]
    elif described.kind == "date" and not any(isinstance(value, str) for value in given):
        assert got == [None if value is None or value is pd.NaT else value for value in values]
    elif described.kind == "text" and all(isinstance(value, str) for value in given):
        missing = [value is None or value in limits.MISSING for value in got]
        assert missing == [
            value is None or pc.utf8_trim_whitespace(pa.scalar(value)).as_py() in limits.MISSING for value in values
        ]
    if given and all(isinstance(value, dt.datetime) for value in given):
        assert described.kind == "date"
    if given and all(type(value) is float and math.isfinite(value) and abs(value) < 1e100 for value in given):
        assert described.kind == "number"
    assert described.missing >= sum(value is None for value in values)


@steady(60)
@given(st.data())
def test_how_a_file_is_written_is_found_out(tmp_path_factory, data):
    """A plain table is read right without a word about encoding, delimiter or decimal mark."""
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1254"]))
    delimiter = data.draw(st.sampled_from(list(dialect.DELIMITERS)))
    decimal = data.draw(st.sampled_from([".", ","] if delimiter != "," else ["."]))
    rows = data.draw(ROWS)
    word = st.text(st.sampled_from(TURKISH), min_size=1, max_size=8).filter(lambda text: text not in limits.MISSING)
    frame = pd.DataFrame(
        {
            "şehir": data.draw(st.lists(word, min_size=rows, max_size=rows)),
            "ölçü": data.draw(
                st.lists(st.integers(-(10**9), 10**9).map(lambda n: n / 8 + 0.125), min_size=rows, max_size=rows)
            ),
            "ığdır": data.draw(st.lists(st.integers(0, 99), min_size=rows, max_size=rows)),
        }
    )
    path = tmp_path_factory.getbasetemp() / "plain.csv"
    frame.to_csv(
        path,
        index=False,
        sep=delimiter,
        encoding=encoding,
        decimal=decimal,
        lineterminator=data.draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    source, raw, found = read(path)
    assert source.names == ("şehir", "ölçü", "ığdır")
    assert (source.dialect.encoding, source.dialect.delimiter) == (encoding.removesuffix("-sig"), delimiter)
    assert raw.column(0).to_pylist() == list(frame["şehir"])
    for position in (1, 2):
        assert found.columns[position].kind == "number"
        got = table_cells.numbers_of(raw.column(position).combine_chunks(), source.dialect).values
        assert list(got) == list(frame.iloc[:, position])


SEEDS = st.sampled_from(
    [
        b"a,b\n" + b"1,2\n" * 25,
        "şehir;gelir\r\n".encode("cp1254") + "İzmir;1,5\r\n".encode("cp1254") * 25,
        ("a\tb\n" + "1\tx\n" * 25).encode("utf-16"),
        b'a,"b"\n' + b'"1\n2","x""y"\n' * 25,
        b"\xef\xbb\xbfa|b\r" + b"1|2\r" * 25,
        ("d,n\n" + "2024-01-31,1e5\n" * 25).encode(),
    ]
)
PIECES = st.binary(max_size=6) | st.sampled_from(
    [b'"', b"\n", b"\r", b",", b"\0", b"\xff", b"\xfe\xff", b"PK\x03\x04", b";;", b"1e999", b'""', b"\xef\xbb\xbf"]
)


@st.composite
def spoiled(draw):
    """A file that was a table before bytes were put in, taken out and changed."""
    content = bytearray(draw(SEEDS))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(content)))
        content[start : start + draw(st.integers(0, 5))] = draw(PIECES)
    return bytes(content)


@steady(300)
@given(st.binary(max_size=400) | spoiled() | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
@example(b"\xff\xfea")
@example(b'"' * 999)
@example(b"a,b\n" * 25 + b'"')
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    """There is no file that breaks the reader: it answers with a table or with one sentence, and soon."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    start = time.monotonic()
    try:
        _, raw, found = read(path)
    except RequestError as refused:
        told = sentence(refused.message)
        assert told.endswith(".") and told[0].isupper() and len(told) < 300
    else:
        assert found.rows == raw.num_rows >= limits.FEWEST_ROWS
        assert len(found.columns) == raw.num_columns == len(found.preview[0])
    assert time.monotonic() - start < 5


@steady(100)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15), min_size=1),
    st.sampled_from([(".", ""), (",", ""), (".", ","), (",", ".")]),
)
def test_numbers_are_exact(numbers, marks):
    """A number is the same after it was written with any marks, to the last bit."""
    decimal, thousands = marks
    texts = []
    for number in numbers:
        text = f"{number:,}" if thousands and isinstance(number, int) else repr(number)
        texts.append(text.translate(str.maketrans({",": thousands or ",", ".": decimal})))
    found = table_cells.numbers_of(pa.array(texts), dialect.Dialect(decimal=decimal, thousands=thousands))
    wanted = [np.nan if abs(number) > limits.HUGE else float(number) for number in numbers]
    assert np.array_equal(found.values, wanted, equal_nan=True) and found.unread == 0


@pytest.mark.parametrize("encoding", dialect.ENCODINGS)
def test_every_encoding_we_name_reads(tmp_path, encoding):
    """Whatever encoding can be chosen can be read to the end."""
    path = tmp_path / "table.csv"
    path.write_bytes(("a,b\n" + "1,x\n" * 30).encode(encoding))
    assert read(path, encoding=encoding)[2].rows == 30
