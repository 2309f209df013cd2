"""What reading a file guesses: whether it has column names, which word means missing, what is a date; all of it is
told only where it is true, and can be set by hand."""

import openpyxl
import pytest
from helpers import tables

from jobs.language import sentence
from jobs.tabular import reader
from jobs.tabular.profile import profiler
from jobs.verbs import datasets
from store import datasets as stored
from store.errors import RequestError

ROWS = 60
PEOPLE = [
    f"{20 + row % 40}, {('Private', 'State')[row % 2]}, {7_000 + row}, {('<=50K', '>50K')[row % 3 == 0]}"
    for row in range(ROWS)
]


@pytest.fixture
def write(tmp_path):
    """Puts lines into a file."""

    def put(lines):
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return put


def read(path, **settings):
    source = reader.inspect(path, settings)
    return source, profiler.profile_of(source, source.batches(), path.stat().st_size)


def codes(found):
    return [notice.message.code for notice in found.notices]


def column(found, name):
    return next(each for each in found.columns if each.name == name)


def test_a_missing_header_is_recognised_and_told(write):
    """A first line of which a cell occurs again below it is data; where that is, is told."""
    source, found = read(write(PEOPLE))
    assert (source.names[0], found.rows) == ("column_1", ROWS)
    notice = next(each for each in found.notices if each.message.code == "no_header_repeated")
    assert (notice.level, notice.message.values) == ("warning", {"cell": "20", "position": 1})
    assert sentence(notice.message).startswith(
        "The first line was read as data, because its 20 occurs again in column 1;"
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["age,work,pay,class", *PEOPLE],
        ["age,work,pay,class", *PEOPLE[:30], "age,work,pay,class", *PEOPLE[30:]],
        ["sex,male,age", *[f"{'mf'[row % 2]},{'male' if row % 2 else ''},{row}" for row in range(ROWS)]],
        ["-,?,n", *[f"-,?,{row}" for row in range(ROWS)]],
        ["one,two", "one,two"],
    ],
)
def test_names_stay_names(write, lines):
    """A header is one though files were joined, a value is called like its column, or signs for missing repeat."""
    if len(lines) == 2:
        lines = [lines[0], *[f"a{row},b" for row in range(ROWS)]]
    source, found = read(write(lines))
    assert source.names[-1] in ("class", "age", "n", "two")
    assert not {"no_header", "no_header_repeated"} & set(codes(found))


@pytest.mark.parametrize(("word", "names"), [("yes", "20"), (True, "20"), ("no", "column_1"), (False, "column_1")])
def test_the_header_can_be_set_by_hand(write, word, names):
    """What people say of the first line is done, and no guess is told."""
    source, found = read(write(PEOPLE), header=word)
    assert (source.names[0], source.dialect.header) == (names, names == "20")
    assert not {"no_header", "no_header_repeated"} & set(codes(found))


def test_a_header_set_to_neither_is_refused(write):
    """Anything but yes and no is refused in a sentence."""
    with pytest.raises(RequestError) as refused:
        read(write(PEOPLE), header="maybe")
    assert sentence(refused.value.message) == "header must be yes or no, not 'maybe'."


def test_a_sheet_without_names(tmp_path):
    """A sheet of a workbook that begins with data is recognised like a CSV file."""
    book = openpyxl.Workbook()
    for line in PEOPLE:
        book.active.append([int(cell) if cell.strip().isdecimal() else cell.strip() for cell in line.split(",")])
    book.save(path := tmp_path / "t.xlsx")
    source, found = read(path)
    assert (source.names[0], found.rows, codes(found)[0]) == ("column_1", ROWS, "no_header_repeated")
    assert read(path, header="yes")[0].names[0] == "20"


def test_another_header_is_a_new_version(home, write):
    """A dataset whose names were taken for data is read again with them, and keeps its other settings."""
    first = datasets.add(write(PEOPLE), "people.csv")
    second = datasets.redescribe(first.id, {"header": "yes"})
    assert (first.rows, second.rows, second.version) == (ROWS, ROWS - 1, 2)
    assert "no header line" in datasets.words_of(first.dialect)


def labelled(*cells, names='"x","label"', row=lambda number: f"{number / 8}"):
    return [names, *[f"{row(number)},{cells[number % len(cells)]}" for number in range(ROWS)]]


@pytest.mark.parametrize(
    "lines",
    [
        labelled('"yes"', '"no"', "NA"),  # as R writes it
        labelled("yes", "no", "NA", names="x,label", row=lambda number: "NA" if number % 7 == 0 else f"{number / 8}"),
    ],
)
def test_na_of_r_is_missing_in_every_column(write, lines):
    """NA without quotation marks beside texts with them, or among numbers, is missing in the label too, and told."""
    source, found = read(write(lines))
    label = column(found, "label")
    assert (source.dialect.missing, label.kind, label.missing, label.classes) == ("NA", "yes_no", ROWS // 3, 2)
    assert "word_means_missing" in codes(found) and "words_missing_unless_target" not in codes(found)
    assert list(reader.reopen(source.path, source.dialect.as_dict()).batches()) == list(source.batches())
    _, kept = read(source.path, missing="none")
    assert "words_missing_unless_target" in codes(kept)
    with pytest.raises(RequestError):
        read(source.path, missing="-999")


def test_na_that_may_be_a_name_is_left_alone(write):
    """NA among texts alone may be Namibia; nothing is decided, the file is as it was before the setting."""
    source, found = read(write(labelled("NA", "DE", "TR", names="x,label")))
    assert "missing" not in source.dialect.as_dict() and "words_missing_unless_target" in codes(found)


def dates(write, *cells):
    return read(write(["a,b", *[f"{cells[row % len(cells)].format(row)},{row / 8}" for row in range(ROWS)]]))[1]


@pytest.mark.parametrize("cells", [["2024-03-{:04}"], ["12-34-56{:02}", "12-11-56{:02}"], ["10.20.30.{}"], ["1-2-3x"]])
def test_what_only_has_the_shape_of_a_date_is_not_called_one(write, cells):
    """Invoice numbers, addresses and constants are said to be nothing that they are not."""
    assert not {"dates_in_several_formats", "dates_among_texts"} & set(codes(dates(write, *cells)))


def test_dates_of_several_kinds_are_told_as_what_they_are(write):
    """Dates written in two ways, and dates among other words, each have their sentence."""
    assert "dates_in_several_formats" in codes(dates(write, "2024-01-31", "31.01.2024"))
    found = dates(write, "2024-01-31", "2024-02-01", "2024-02-02", "unknown")
    assert "dates_among_texts" in codes(found) and "dates_in_several_formats" not in codes(found)


def test_a_time_with_am_and_pm_is_a_date(write):
    """As American programs write it, the noon and the month before the day included; one for all rows is constant."""
    found = dates(write, "3/14/2024 12:05:00 AM", "12/31/2024 1:30:00 PM")
    assert (column(found, "a").kind, column(found, "a").min, column(found, "a").max) == (
        "date",
        "2024-03-14T00:05:00",
        "2024-12-31T13:30:00",
    )
    assert column(dates(write, "12/30/1899 12:00:00 AM"), "a").reason.code == "constant"


def copies(found):
    return [
        (each.level, each.message.values["count"]) for each in found.notices if each.message.code == "duplicate_rows"
    ]


@pytest.mark.parametrize("extra", [[], ["n/k,x,2024-01-31"]])
def test_exact_copies_are_counted_and_told(write, extra):
    """Rows that equal another in every cell are counted, in columns of any kind; a row that differs in one is none."""
    lines = ["a,b,c", *extra, *[f"{row / 8},v{row % 7},2024-01-{row % 28 + 1:02}" for row in range(ROWS)]]
    assert copies(read(write(lines))[1]) == []
    assert copies(read(write([*lines, lines[-1], lines[-2], lines[-1]]))[1]) == [("warning", 3)]
    assert copies(read(write([*lines, lines[-1].replace("v", "w")]))[1]) == []


def test_words_among_numbers_are_no_copies_of_one_another(write):
    """Cells that are no numbers differ, although all of them would be missing as numbers."""
    assert copies(read(write(["a,b", *[f"w{row},1" for row in range(ROWS)]]))[1]) == []
    assert copies(read(write(["a,b", *[f"{row % 50},1" if row % 30 else f"w{row},1" for row in range(50)]]))[1]) == []


def test_copies_of_a_large_file_are_told_once_all_of_it_was_read(write, home, monkeypatch):
    """The first part of a file says nothing of copies; the upload step counts them and the dataset then tells."""
    from jobs.verbs import datasets as verbs

    monkeypatch.setattr(verbs, "PROFILED_WHOLE", 500)
    lines = ["a,b,c", *[f"{row / 8},v{row % 7},{'yn'[row % 2]}" for row in range(2_000)]]
    dataset = datasets.add(write([*lines, lines[1], lines[2]]), "large.csv")
    assert not dataset.exact and not any(each["code"] == "duplicate_rows" for each in dataset.notices)
    ended = tables.run(dataset, "c", "LR", until="upload")
    told = [each for each in stored.get(dataset.id).notices if each["code"] == "duplicate_rows"]
    assert [(each["level"], each["values"]["count"]) for each in told] == [("info", 2)]
    assert told[0] in ended["upload"].result["notices"]
