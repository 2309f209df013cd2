"""Reading: every way a CSV can be written, and every file that is none."""

import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pytest
from helpers import tables
from helpers.refusals import refuses

from jobs.language import sentence as made_sentence
from jobs.language import sentence_of
from jobs.tabular import limits, reader
from jobs.tabular.profile import cells as table_cells
from jobs.tabular.profile import profiler
from jobs.verbs import datasets
from store.errors import RequestError

ROWS = 30


@pytest.fixture
def write(tmp_path):
    """Puts bytes or text into a file."""

    def put(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def read(path, **dialect):
    source = reader.inspect(path, dialect)
    return source, profiler.profile_of(source, source.batches(), path.stat().st_size)


def column(found, name):
    return next(entry for entry in found.columns if entry.name == name)


def lines(*extra, header="a,b", row="1,2", end="\n", count=ROWS):
    return end.join([header, *[row] * count, *extra]) + end


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1254"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends(write, encoding, delimiter, end):
    """Whatever a table is written in, the same names and values come out."""
    text = lines(header=delimiter.join(["şehir", "ığdır"]), row=delimiter.join(["İstanbul", "1"]), end=end)
    source, found = read(write(text.encode(encoding)))
    assert source.dialect.delimiter == delimiter
    assert source.dialect.encoding == encoding.removesuffix("-sig")
    assert source.names == ("şehir", "ığdır")
    assert found.rows == ROWS
    assert found.preview[0] == ["İstanbul", 1]


def test_several_byte_order_marks(write):
    """No byte order mark stays in a name, however many there are."""
    assert read(write("\ufeff\ufeffa,b\n" + "1,2\n" * ROWS))[0].names == ("a", "b")


def test_latin_1(write):
    """Western European text without Turkish letters is not taken for Turkish."""
    source, found = read(write(lines(row="Café,Ångström señor").encode("latin-1")))
    assert source.dialect.encoding == "latin-1"
    assert found.preview[0] == ["Café", "Ångström señor"]


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("latin-1", "señor España niño"),
        ("latin-1", "São coração ações"),
        ("latin-1", "città perché più"),
        ("latin-1", "België cliënt"),
        ("latin-1", "Þór Ísafjörður"),
        ("cp1252", "it’s 5 € café"),
        ("cp1254", "Iğdır şube"),
        ("cp1250", "Łódź Wrocław Gdańsk"),
        ("cp1250", "Győr fűtő"),
        ("cp1250", "Plzeň České Žďár"),
        ("iso-8859-2", "święto Łódź"),
        ("cp1251", "Москва Казань"),
        ("cp1253", "Αθήνα Πάτρα"),
        ("cp1255", "שלום ירושלים"),
        ("cp1256", "مرحبا القاهرة"),
        ("cp1257", "Šiauliai Panevėžys"),
    ],
)
def test_old_encodings_of_many_languages(write, encoding, words):
    """A few words are enough to read the letters of a language as they were written, and it is told."""
    source, found = read(write(lines(row=f"{words},1").encode(encoding)))
    assert found.preview[0] == [words, 1]
    assert made_sentence(source.notices[0].message).startswith("The file is not UTF-8; it was read as")


def test_nearly_utf_8_is_told(write):
    """One broken byte in a UTF-8 file is named with its line; another encoding would spoil every other letter."""
    content = lines(row="şeker,1").encode() + b"\xff,1\n"
    with refuses(RequestError, match=r"Line 32 .*not utf-8 text \(0xff\)"):
        read(write(content))


def test_a_broken_letter_late_in_the_file_is_told(write):
    """Many whole letters before it say that the file is UTF-8, wherever the broken one stands."""
    content = b"a,b\n" + "kaş,1\n".encode() * 100_000 + b"\xff,1\n"
    with refuses(RequestError, match=r"Line 100002 .*not utf-8 text \(0xff\)"):
        read(write(content))


def test_turkish_after_a_long_ascii_start(write):
    """Letters that come late in the file still decide the encoding."""
    content = lines(count=100_000).encode() + "ğ,ş\n".encode("cp1254")
    source, found = read(write(content))
    assert source.dialect.encoding == "cp1254"
    assert made_sentence(found.notices[0].message).startswith("The file is not UTF-8; it was read as Turkish (cp1254).")


@pytest.mark.parametrize(
    ("cell", "number", "marks"),
    [
        ("1,5", 1.5, (",", "")),
        ("1.234,56", 1234.56, (",", ".")),
        ("1.234.567,5", 1234567.5, (",", ".")),
        ("1.5", 1.5, (".", "")),
        ("1,234.56", 1234.56, (".", ",")),
        ("-,5", -0.5, (",", "")),
        ("1e-3", 0.001, (".", "")),
    ],
)
def test_decimal_and_thousands_marks(write, cell, number, marks):
    """Decimal commas and grouped thousands are read as the numbers they are."""
    source, found = read(write(lines(header="x;y", row=f"{cell};a", count=ROWS)))
    assert (source.dialect.decimal, source.dialect.thousands) == marks
    assert column(found, "x").min == number


def test_quoted_newlines_and_delimiters(write):
    """Inside quotation marks, line ends and delimiters are text."""
    _, found = read(write(lines(row='"one\ntwo, three",2')))
    assert found.rows == ROWS
    assert found.preview[0] == ["one\ntwo, three", 2]


def test_a_quotation_mark_inside_a_field(write):
    """A stray quotation mark that opens nothing is text."""
    _, found = read(write(lines('5" pipe,3')))
    assert found.rows == ROWS + 1


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ("1,2,3", f"Line {ROWS + 2} has 3 fields, more than the 2 of the first line"),
        ("1", f"Line {ROWS + 2} has 1 field, fewer than the 2 of the first line"),
        ('1,"never closed\n1,2', f"A quotation mark that opens in line {ROWS + 2} is never closed."),
        ('"a\nb\nc",1\n7', f"Line {ROWS + 5} has 1 field, fewer than the 2"),
    ],
)
def test_badly_built_lines_are_named(write, extra, sentence):
    """A line with too many or too few fields, or an open quotation mark, is refused with its number."""
    with pytest.raises(RequestError) as refused:
        read(write(lines(extra)))
    assert made_sentence(refused.value.message).startswith(sentence)


def test_every_row_longer_than_the_header(write):
    """Rows that are all longer than the header are refused, not shifted."""
    with refuses(RequestError, match="Line 2 has 3 fields, more than the 2 of the first line"):
        read(write(lines(row="1,2,3")))


def test_a_comment_before_the_header(write):
    """A comment above the names is refused with what to do."""
    with refuses(RequestError, match=r"Line 2 has 2 fields.*remove any lines above the column names"):
        read(write("# made by hand\n" + lines()))


def zipped():
    return b"PK\x03\x04" + b"\0" * 100


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\n\n \r\n", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (
            zipped(),
            "This Excel workbook or zip file is damaged. Open it in Excel, which may repair it, and save it again.",
        ),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 9, "This is a picture (PNG), not a table."),
        (
            gzip.compress(b"a,b\n" * 99, mtime=0),
            "This is a compressed (gzip) file; unpack it first.",
        ),
        (b"%PDF-1.7 ...", "This is a PDF document, not a table; save the table as CSV or Excel workbook (.xlsx)."),
        (
            json.dumps([{"a": 1}]).encode(),
            "This is one JSON document; save the table as JSON lines, one object a line, or as CSV.",
        ),
        (
            json.dumps({"a": 1}, indent=2).encode(),
            "This is one JSON document; save the table as JSON lines, one object a line, or as CSV.",
        ),
        (
            b"<!DOCTYPE html>\n<html><p>Log in",
            "This is a web page, not a table; the link may lead to a login page.",
        ),
        (
            b"a,b\n1,\x00\n" * 99,
            "The file holds binary data (a zero byte at position 7); it is no CSV, Excel, Parquet or JSON file.",
        ),
        (b"a,b\n", "The file has no rows below the column names; at least 20 are needed."),
        (lines(count=19).encode(), "The file has only 19 rows below the column names; at least 20 are needed."),
        (b"a,b\n1,2\n", "The file has only 1 row below the column names; at least 20 are needed."),
        (lines(header=",".join("x" * 2_001)).encode(), "The file has 2,001 columns; at most 2,000 are allowed."),
        (lines(row=",").encode(), "Every cell of the file is missing."),
        (b"a,b\n1," + b"x" * (3 << 19) + b"\n" + b"1,2\n" * ROWS, "Line 2 has a field longer than 1 MB"),
    ],
)
def test_files_that_are_refused(write, content, sentence):
    """What is not a usable table is refused in one plain sentence."""
    with pytest.raises(RequestError) as refused:
        read(write(content))
    assert made_sentence(refused.value.message).startswith(sentence)


def test_names(write):
    """Names are trimmed, blank ones are numbered, double ones told apart, and all of it is said."""
    source, found = read(write(lines(header=" a ,,a,ä\u0301", row="1,2,3,4")))
    assert source.names == ("a.1", "column_2", "a", "ä\u0301")
    said = [made_sentence(entry.message) for entry in found.notices]
    assert "Column 2 has no name; it is called column_2." in said
    assert "There is more than one column a; column 1 is called a.1." in said


def test_no_header(write):
    """A first line of nothing but numbers is data."""
    source, found = read(write("1,2.5\n" * ROWS))
    assert (source.names, found.rows) == (("column_1", "column_2"), ROWS)
    assert read(write("1,2.5\n" * ROWS), header=True)[0].names == ("1", "2.5")


def kinds(write, *cells, fill="1"):
    """How a column of these cells is read."""
    body = "".join(f'"{cell}",x\n' for cell in [*cells, *[fill] * (100 - len(cells))])
    return column(read(write("a,b\n" + body), delimiter=",", decimal=".", thousands="")[1], "a")


def test_numbers_with_a_few_words_among_them(write):
    """Up to five in a hundred cells that are no numbers become missing, counted and said."""
    found = kinds(write, "many", "few", " 7 ", "NA", "?", " - ")
    assert (found.kind, found.unread, found.missing, found.max) == ("number", 2, 5, 7)
    assert kinds(write, *["many"] * 6).kind == "text"


def test_types_are_decided_on_the_whole_file(write):
    """A column whose first part is text and whose last 99 % are numbers is a number column."""
    text = "a,b\n" + "unknown,1\n" * 3_000 + "5.5,1\n" * 400_000
    found = column(read(write(text))[1], "a")
    assert (found.kind, found.unread) == ("number", 3_000)


def test_words_for_missing(write):
    """Every listed word for missing counts as missing, in numbers and in texts."""
    words = [word for word in limits.MISSING if word]
    assert kinds(write, *words).missing == len(words)
    found = kinds(write, *words, fill="red")
    assert (found.missing, found.distinct, found.kind) == (len(words), 1, "text")


def test_words_for_missing_among_many_texts(write):
    """However many different texts a column has, cells with a word for missing are counted, and said."""
    body = "".join(f"text {n},1\n" for n in range(9_000)) + "NA,1\nnull,1\n" * 40
    _, found = read(write("a,b\n" + body + body))
    assert column(found, "a").missing == 160
    assert "a: 160 cells with NA or null counted as missing; when this column is predicted, NA or null is a value." in [
        made_sentence(entry.message) for entry in found.notices
    ]


def test_infinite_and_absurd_numbers(write):
    """Infinite and absurdly large numbers are missing, counted and said."""
    found = kinds(write, "inf", "-inf", "1e400", "1e308", "Infinity")
    assert (found.kind, found.missing, found.huge, found.max) == ("number", 5, 5, 1)


def test_codes_stay_text(write):
    """Digits with a leading zero, or too many for a number, are codes."""
    for code in ("00123", "12345678901234567890"):
        found = kinds(write, code)
        assert (found.kind, found.codes) == ("text", True)
    for number in ("0", "0.5", "0.0", "-0.5", "12345678901234"):
        assert kinds(write, number).kind == "number"


@pytest.mark.parametrize(("yes", "no"), [("Evet", "Hayır"), ("yes", "NO"), ("True", "False"), ("var", "yok")])
def test_yes_and_no(write, yes, no):
    """Two words that mean yes and no are a yes/no column."""
    assert kinds(write, *[yes] * 30, fill=no).kind == "yes_no"


@pytest.mark.parametrize(
    ("cell", "form", "first"),
    [
        ("2024-03-14", "ISO8601", "2024-03-14"),
        ("2024-03-14T10:20:30Z", "ISO8601", "2024-03-14T10:20:30"),
        ("14.03.2024", "%d.%m.%Y", "2024-03-14"),
        ("14/03/2024 10:20", "%d/%m/%Y %H:%M", "2024-03-14T10:20:00"),
        ("03/14/2024", "%m/%d/%Y", "2024-03-14"),
        ("2024/03/14", "ISO8601", "2024-03-14"),
    ],
)
def test_dates(write, cell, form, first):
    """Dates are found in their usual forms, the day first unless that cannot be."""
    found = kinds(write, "NA", fill=cell)
    assert (found.kind, found.format, found.min, found.missing) == ("date", form, first, 1)


def test_dates_with_the_day_first(write):
    """Dates that can be read both ways have the day first, visibly, unless somebody says otherwise."""
    path = write(lines("05/06/2024,y", header="d,b", row="03/04/2024,x"))
    _, found = read(path)
    assert column(found, "d").min == "2024-04-03"
    assert any("day first" in made_sentence(entry.message) for entry in found.notices)
    assert column(read(path, day_first=False)[1], "d").min == "2024-03-04"


def test_profile_of_numbers(write):
    """A number column is profiled exactly."""
    values = np.random.default_rng(1).normal(size=5_000).round(4)
    text = "x,y\n" + "".join(f"{value},{number % 3}\n" for number, value in enumerate(values))
    _, found = read(write(text))
    x, y = found.columns
    assert (x.min, x.max) == (values.min(), values.max())
    assert x.mean == pytest.approx(values.mean())
    assert sum(x.histogram) == 5_000
    assert len(x.histogram) == 20
    assert not x.distinct_exact
    assert (y.whole, y.distinct, y.top[0]) == (True, 3, [0, 1667])


def test_columns_that_are_left_out(write):
    """Ids, constant, empty and free-text columns are left out, each with the reason."""
    rows = "".join(f"{i},C{i:04},same,,text number {i},{i % 2},{i * 7919 % 10007}\n" for i in range(200))
    _, found = read(write("no,customer,k,nothing,note,y,population\n" + rows))
    roles = {entry.name: (entry.role, entry.reason and made_sentence(entry.reason)) for entry in found.columns}
    assert roles["no"] == ("leave_out", "looks like an id: rows have numbers of their own")
    assert roles["customer"][0] == roles["note"][0] == "leave_out"
    assert roles["k"] == ("leave_out", "the same value in every row")
    assert roles["nothing"] == ("leave_out", "every cell is missing")
    assert roles["y"] == roles["population"] == ("feature", None)


def test_an_id_is_known_though_some_rows_are_copies(write):
    """A column that is called a number of something is an id where nearly all differ; an amount is not."""
    lines = [f"{50_000 + 3 * i},{900 + 7 * i},{'ab'[i % 2]}" for i in range(300)]
    _, found = read(write("Müşteri No,Tutar,y\n" + "".join(f"{line}\n" for line in [*lines, *lines[:15]])))
    assert [column.role for column in found.columns] == ["leave_out", "feature", "feature"]


def test_a_target_is_proposed_by_its_name(write):
    """A name that says so proposes the target, as what its cells are; other tables get candidates."""
    named = "\n".join(["target,b", *(f"{i % 5},{i % 2}" for i in range(60))])
    proposal = read(write(f"{named}\n"))[1].proposal
    assert (proposal["target"], sentence_of(proposal["reason"]), proposal["task"], proposal["candidates"]) == (
        "target",
        "its name says so",
        "classification",
        [],
    )
    other = "\n".join(["a,ok,c", *(f"{i * 1.5},{'yes' if i % 2 else 'no'},{i % 4}" for i in range(60))])
    proposal = read(write(f"{other}\n"))[1].proposal
    assert (proposal["target"], [each["target"] for each in proposal["candidates"]]) == (None, ["c", "ok"])


def test_no_target_to_propose(write):
    """Where nothing can be predicted, nothing is proposed."""
    assert read(write(lines()))[1].proposal is None


@pytest.mark.parametrize(
    "dialect",
    [
        {"encoding": "klingon"},
        {"delimiter": "x"},
        {"decimal": "!"},
        {"thousands": "'"},
        {"header": "perhaps"},
        {"surprise": 1},
        {"decimal": ",", "thousands": ","},
        {"encoding": "../../etc"},
    ],
)
def test_settings_for_reading_are_checked(write, dialect):
    """A setting that does not exist, or cannot be, is refused."""
    with pytest.raises(RequestError):
        read(write(lines()), **dialect)


def test_a_chosen_encoding_that_does_not_fit(write):
    """An encoding that the bytes contradict is refused, not guessed around."""
    with refuses(RequestError, match="choose another encoding"):
        read(write("a,b\nş,ğ\n".encode("cp1254") * ROWS), encoding="utf-8")


def test_typed_cells(write):
    """Cells arrive as numbers, times and texts, gaps as nothing."""
    path = write("n,t,d\n" + "1.5, red ,2024-01-31\nNA, - ,NA\n" * ROWS)
    source, found = read(path)
    batch = next(source.batches())
    typed = table_cells.typed(batch, found.columns, source.dialect)
    assert [field.type for field in typed.schema] == [pa.float64(), pa.string(), pa.timestamp("us")]
    assert typed.slice(0, 1).to_pylist()[0]["t"] == "red"
    assert [column.null_count for column in typed.columns[1:]] == [ROWS, ROWS]
    assert np.isnan(typed.column(0).to_numpy()).sum() == ROWS


def test_add_and_read_again(home):
    """The same bytes under the same name are one dataset; read differently they are another version."""
    content = tables.turkish()
    first = datasets.add(io.BytesIO(content), "C:\\veri\\müşteriler.csv")
    assert first.title == "müşteriler"
    assert first.dialect == {
        "encoding": "cp1254",
        "delimiter": ";",
        "decimal": ",",
        "thousands": "",
        "header": True,
        "day_first": None,
    }
    assert first.proposal["target"] == "abone mi"
    assert datasets.add([content[:100], content[100:]], "müşteriler.csv").id == first.id
    other = datasets.redescribe(first.id, {"encoding": "latin-1"})
    assert (other.version, other.columns[1]["name"]) == (2, "yaþ")
    assert datasets.redescribe(first.id, {}).id == first.id


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\u202egpj.csv", "agpj"),
        ("x" * 300 + ".csv", "x" * 100),
        ("\x00\n.csv", "table"),
        ("report.2024.csv", "report.2024"),
        (".csv", "table"),
        ("cafe\u0301.tsv", "café"),
        ("", "table"),
    ],
)
def test_file_names_are_cleaned(home, given, name):
    """A file's name is made safe to show and loses folders and extension."""
    assert datasets.add(io.BytesIO(lines().encode()), given).name == name


def test_refused_files_leave_nothing(home):
    """A file that is refused is not kept."""
    with pytest.raises(RequestError):
        datasets.add(io.BytesIO(b"a,b\n1,2\n"), "short.csv")
    assert [path for path in (home / "files").rglob("*") if path.is_file()] == []


def test_the_first_part_of_a_big_file(home, monkeypatch):
    """A big file is profiled by its first part, and said to be."""
    monkeypatch.setattr(datasets, "PROFILED_WHOLE", 1 << 10)
    found = datasets.add(io.BytesIO(lines(count=3_000_000).encode()), "big.csv")
    assert (found.exact, found.rows) == (False, None)


def test_the_sample(home):
    """The bundled sample is a table of mixed columns with a yes/no target."""
    sample = datasets.sample()
    assert (sample.name, sample.rows, sample.proposal["target"]) == ("customer_churn", 2_000, "churned")
    assert {entry["kind"] for entry in sample.columns} == {"number", "text", "yes_no", "date"}


def test_a_profile_takes_no_more_memory_for_more_rows(write):
    """What a profile keeps of a column does not grow with the rows: nothing holds on to the batches that went by."""
    source = reader.inspect(write("x,y\n" + "".join(f"{i / 7},{i % 2}\n" for i in range(50))))
    observed = profiler.Profiler(source, 1 << 30)
    cells = [f"{i / 7:.6f}" for i in range(20_000)]
    batch = pa.RecordBatch.from_arrays([pa.array(cells), pa.array(["1", "0"] * 10_000)], names=["0", "1"])
    for _ in range(60):
        observed.add(batch)
    kept = [part if part.base is None else part.base for part in observed._columns[0].sample]
    assert sum(array.nbytes for array in kept) < 16 * profiler.SAMPLED
    assert observed.rows == 1_200_000
