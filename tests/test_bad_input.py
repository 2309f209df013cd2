"""Bad input: every strange file is refused with a sentence, or read with everything that was done to it told.

Each table below is a list of files and what must come of them; nothing of a file may be lost in silence, and no file
may leave a traceback, a fault or a dead worker behind.
"""

import gzip
import json
import zipfile
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables
from helpers.tiers import seldom
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from jobs.language import sentence as made_sentence
from jobs.language import sentence_of
from jobs.tabular import limits
from jobs.tabular.column import columns_of
from jobs.verbs import datasets, workflows
from store import datasets as stored
from store.errors import RequestError
from store.settings import settings

APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")
ROWS = 40


def table(*extra, header="a,b", row="1,2", rows=ROWS):
    """A small table, and lines after it."""
    return ("\n".join([header, *[row] * rows, *extra]) + "\n").encode()


def column(*cells, fill="7", rows=ROWS):
    """A table whose first column has these cells and then others; the second tells rows apart."""
    whole = [*cells, *[fill] * (rows - len(cells))]
    quoted = ['"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\n\r') else cell for cell in whole]
    return ("a,b\n" + "".join(f"{cell},{n % 7}\n" for n, cell in enumerate(quoted))).encode()


def zipped():
    with zipfile.ZipFile(made := BytesIO(), "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return made.getvalue()


REFUSED = {
    "empty": (b"", "The file is empty."),
    "only line ends": (b"\n\r\n \n\n", "The file is empty."),
    "empty lines first": (b"\n" * 300_000 + table(), "The file begins with very many empty lines; remove them."),
    "only a mark of the byte order": (b"\xef\xbb\xbf\n", "The file is empty."),
    "names only": (b"a,b\n", "The file has no rows below the column names; at least 20 are needed."),
    "one row": (b"a,b\n1,2\n", "The file has only 1 row below the column names; at least 20 are needed."),
    "too many columns": (
        table(header=",".join("x" * 2_001), row=",".join("1" * 2_001)),
        "The file has 2,001 columns; at most 2,000 are allowed.",
    ),
    "a huge field": (
        b"a,b\n1," + b"x" * (20 << 20) + b"\n" + b"1,2\n" * ROWS,
        "Line 2 has a field longer than 1 MB; a quotation mark that opens there may never be closed.",
    ),
    "a long field": (
        table("1," + "x" * (2 << 20), "1,2"),
        "Line 42 has a field longer than 1 MB; a quotation mark that opens there may never be closed.",
    ),
    "a huge line": (
        table(",".join(["z" * 900_000] * 12), header=",".join("abcdefghijkl"), row=",".join("1" * 12)),
        "Line 42 is longer than 4.2 MB; make its texts shorter.",
    ),
    "an open quotation mark": (table('3,"never closed'), "A quotation mark that opens in line 42 is never closed."),
    "zero bytes": (
        table("1,\x00"),
        "The file holds binary data (a zero byte at position 167); it is no CSV, Excel, Parquet or JSON file.",
    ),
    "zero bytes in UTF-16": (
        table("1,\x00").decode().encode("utf-16"),
        "The file holds binary data (a zero byte at position 335); it is no CSV, Excel, Parquet or JSON file.",
    ),
    "a broken letter": (
        table(row="1,ş").replace(b"\n", b"\n", 1) + b"1,\xff\n",
        "Line 42 has bytes that are not utf-8 text (0xff); choose another encoding.",
    ),
    "more fields": (
        table("1,2,3,4,5"),
        "Line 42 has 5 fields, more than the 2 of the first line; a text with a comma "
        "in it must be in quotation marks.",
    ),
    "fewer fields": (table("1"), "Line 42 has 1 field, fewer than the 2 of the first line."),
    "every row longer than the names": (
        table(row="1,2,3"),
        "Line 2 has 3 fields, more than the 2 of the first line; a text with a comma in it must be in quotation marks.",
    ),
    "a comment first": (
        b"# made by hand\n" + table(),
        "Line 2 has 2 fields, more than the 1 of the first line; remove any lines above the column names.",
    ),
    "nothing but gaps": (table(row=","), "Every cell of the file is missing."),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), "This is a picture (PNG), not a table."),
    "an Excel file": (
        zipped(),
        "This Excel workbook or zip file is damaged. Open it in Excel, which may repair it, and save it again.",
    ),
    "a web page": (
        b"<!DOCTYPE html>\n<html><p>Log in",
        "This is a web page, not a table; the link may lead to a login page.",
    ),
    "JSON": (
        json.dumps([{"a": 1}] * 30).encode(),
        "This is one JSON document; save the table as JSON lines, one object a line, or as CSV.",
    ),
    "a gzip bomb": (
        gzip.compress(b"a,b\n" * 999_999),
        "This is a compressed (gzip) file; unpack it first.",
    ),
}


@pytest.fixture
def client(home):
    return TestClient(
        Starlette(routes=[Mount("/api", create())]), base_url="http://localhost", raise_server_exceptions=False
    )


def nothing_is_left():
    return stored.count() == 0 and not [path for path in settings().files.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_the_same_sentence_everywhere(client, command, tmp_path, name):
    """Python, HTTP and the command line refuse a file in the same words, by the same code, and keep nothing of it."""
    content, sentence = REFUSED[name]
    with pytest.raises(RequestError) as refused:
        datasets.add([content], "bad.csv")
    assert made_sentence(refused.value.message) == sentence
    answer = client.post("/api/datasets?name=bad.csv", content=content)
    fact = refused.value.message.as_json()
    assert answer.status_code == 422
    assert answer.json() == {"detail": sentence, "field": refused.value.field, **fact}
    (tmp_path / "bad.csv").write_bytes(content)
    assert command("submit", tmp_path / "bad.csv") == (1, "", f"{sentence}\n")
    code, out, err = command("submit", tmp_path / "bad.csv", "--json")
    assert (code, json.loads(out), err) == (1, {"detail": sentence, **fact}, "")
    assert nothing_is_left()


@pytest.mark.parametrize("name", ["empty", "an open quotation mark", "a picture", "fewer fields"])
def test_the_page_refuses_in_the_same_words(home, name):
    """The page New shows the same sentence, and no fault."""
    content, sentence = REFUSED[name]
    page = AppTest.from_file(APP, default_timeout=30).switch_page("new.py").run()
    page.file_uploader[0].upload("bad.csv", content)
    page.run()
    assert not page.exception and sentence in page.error[0].value.replace("\\", "")
    assert nothing_is_left()


# Files that are read: what is said about them, and what the first column then is.
READ = {
    "a gap in every row": (
        table(row=",2"),
        "a is left out: every cell is missing.",
        {"kind": "empty", "missing": ROWS},
    ),
    "one value": (column(), "a is left out: the same value in every row.", {"distinct": 1, "role": "leave_out"}),
    "two columns of one name": (table(header="x,x"), "There is more than one column x; column 2 is called x.1.", {}),
    "no name": (table(header=",b"), "Column 1 has no name; it is called column_1.", {"name": "column_1"}),
    "a comma after every row": (table(header="a,", row="1,"), "column_2 is left out: every cell is missing.", {}),
    "blanks around names": (
        table(header=" a ,a", row="1,2"),
        "There is more than one column a; column 1 is called a.1.",
        {"name": "a.1"},
    ),
    "only numbers in the first line": (
        table(header="1,2"),
        "The first line holds only numbers, so it was read as data and columns were named column_1, column_2, ... If "
        "it holds names, set First line to Column names in the reading settings.",
        {"name": "column_1"},
    ),
    "Turkish, as Windows writes it": (
        table(header="şehir;b", row="İzmir;ğ").decode().encode("cp1254"),
        "The file is not UTF-8; it was read as Turkish (cp1254). If letters look wrong, choose another encoding.",
        {"name": "şehir", "top": [["İzmir", ROWS]]},
    ),
    "latin-1": (
        table(header="café,b", row="señor,2").decode().encode("latin-1"),
        "The file is not UTF-8; it was read as latin-1. If letters look wrong, choose another encoding.",
        {"name": "café"},
    ),
    "UTF-16": (table(header="şehir\tb", row="İzmir\t2").decode().encode("utf-16"), None, {"name": "şehir"}),
    "two marks of the byte order": (b"\xef\xbb\xbf" * 2 + table(), None, {"name": "a"}),
    "decimal commas": (table(header="x;y", row="1,5;2"), None, {"kind": "number", "min": 1.5}),
    "tabs": (table(header="a\tb", row="1,5\t2"), None, {"kind": "number", "min": 1.5}),
    "a line end in quotation marks": (column("one\ntwo", fill="three, four"), None, {"distinct": 2}),
    "CR alone": (table().replace(b"\n", b"\r"), None, {"kind": "number"}),
    "words among numbers": (
        column("many", "few", rows=100),
        "a: 2 cells without a number counted as missing.",
        {"kind": "number", "unread": 2, "missing": 2},
    ),
    "infinite": (
        column("inf", "-inf", "1e400", "1e308", fill="1.5"),
        "a: 4 cells with an infinite or absurdly large number counted as missing.",
        {"kind": "number", "missing": 4, "max": 1.5},
    ),
    "gigantic": (
        column("123456789012345678901234567890"),
        "a looks like numbers but is kept as text, because they have more digits than a number holds exactly.",
        {"kind": "text"},
    ),
    "exact beyond what numbers hold": (
        column("9007199254740993", ""),
        "a looks like numbers but is kept as text, because they have more digits than a number holds exactly.",
        {"top": [["7", ROWS - 2], ["9007199254740993", 1]], "missing": 1},
    ),
    "leading zeros": (
        column("00123", fill="00456"),
        "a looks like numbers but is kept as text, because some begin with 0.",
        {"kind": "text", "top": [["00456", ROWS - 1], ["00123", 1]]},
    ),
    "leading zeros after blanks": (
        column(" 00123", fill=" 456"),
        "a looks like numbers but is kept as text, because some begin with 0.",
        {"kind": "text"},
    ),
    "words for missing": (
        column("None", "NA", "null", "NA", fill="red"),
        "a: 4 cells with NA or null or None counted "
        "as missing; when this column is predicted, NA or null or None is a value.",
        {"kind": "text", "missing": 4, "distinct": 1},
    ),
    "words for missing among numbers": (
        column("None", "NA", "nan", fill="1"),
        "a: 2 cells with NA or None counted as missing.",
        {"kind": "number", "missing": 3},
    ),
    "dates in several ways": (
        column(*["2024-01-31"] * 9, fill="31.01.2024"),
        "a looks like dates but is kept "
        "as text, because they are not all written in one way; write all of them such as "
        "2024-03-14.",
        {"kind": "text"},
    ),
    "days before months, or after": (
        column("03/04/2024", fill="04/03/2024"),
        "a: dates such as 03/04 were read with the day first.",
        {"kind": "date", "min": "2024-03-04"},
    ),
    "a date that cannot be": (
        column("30.02.2024", fill="28.02.2024"),
        "a: 1 cell without a date counted as missing.",
        {"kind": "date", "missing": 1},
    ),
    "yes and no": (column(*["yes"] * 9, fill="No"), None, {"kind": "yes_no", "distinct": 2}),
    "thousands": (
        column("1,234", "12,345,678", fill="999"),
        "Numbers such as 1,234 were read as 1234; if they have decimals instead, choose another decimal mark.",
        {"kind": "number", "max": 12345678},
    ),
    "formulas": (
        column('=cmd|" /C calc"!A0', "@SUM(1)", fill="+x"),
        None,
        {"top": [["+x", ROWS - 2], ['=cmd|" /C calc"!A0', 1], ["@SUM(1)", 1]]},
    ),
    "another text in every row": (
        column(*[f"customer {n}" for n in range(ROWS)]),
        "a is left out: looks like an id: too many distinct values.",
        {"role": "leave_out"},
    ),
    "empty lines": (table("", "", "1,2", ""), None, {"kind": "number"}),
    "2,000 columns": (
        table(header=",".join(f"c{n}" for n in range(2_000)), row=",".join("1" * 2_000)),
        None,
        {"kind": "number"},
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read_is_told(client, name):
    """What was done to a file is said with counts; what stayed as it was needs no words. HTTP tells the same."""
    content, told, expected = READ[name]
    made = datasets.add([content], "odd.csv")
    said = [sentence_of(entry) for entry in made.notices]
    assert told is None or told in said, said
    first = made.columns[0]
    assert {key: first[key] for key in expected} == expected
    answer = client.post("/api/datasets?name=odd.csv", content=content)
    assert (answer.status_code, answer.json()["id"]) == (201, made.id)
    assert [entry["text"] for entry in answer.json()["notices"]] == said


@pytest.mark.parametrize("name", READ)
def test_what_is_read_can_be_worked_with(home, name):
    """Whatever was read is made ready for training, or a sentence says why it cannot be."""
    made = datasets.add([READ[name][0]], "odd.csv")
    for column in columns_of(made)[-2:]:
        algorithm = "LR" if column.task == "classification" else "HGBR"
        trained(made, column.name, algorithm, until="preprocess")


def labelled(labels, rows=120):
    """A table with a number that says something, a text, and these labels over and over."""
    random = np.random.default_rng(1)
    lines = ["size,kind,label"]
    for n in range(rows):
        label = labels[n] if len(labels) == rows else labels[n % len(labels)]
        lines.append(f"{random.normal(n % len(labels), 0.1):.3f},{'xyz'[n % 3]},{label}")
    return ("\n".join(lines) + "\n").encode()


def trained(dataset, target, algorithm="LR", until="evaluate", **params):
    """What keeps a workflow from being started, the sentence a step ends with, or the steps."""
    for problem in workflows.problems(
        "tabular", {**params, "target": target, "algorithm": algorithm}, {"data": dataset.id}
    ):
        return made_sentence(problem.message)
    ended = tables.run(dataset, target, algorithm, until=until, epochs=2, **params)
    for step in ended.values():
        if step.status == "failed":
            assert "stopped with an error" not in made_sentence(step.error)
            return made_sentence(step.error)
    return ended


NUMBERS_ONLY = ["1.25", "2.5", "3.75"]
REFUSED_LABELS = {
    "one class": (["yes"], "label has only one value; there is nothing to predict."),
    "nothing": ([""], "'label' is a column of empty cells and cannot be predicted; choose another."),
    "mostly missing": (
        ["yes", "", "no", ""] + [""] * 2,
        "label is missing in 80 of 120 rows; more than half, so there is too little to learn from.",
    ),
    "an id": (
        [f"c{n}" for n in range(120)],
        "'label' has 120 different values, too many for classes; choose another target.",
    ),
    "a number of its own in every row": (
        [f"{n * 1.37:.2f}" for n in range(120)],
        "'label' has 120 different values, "
        "too many for classes; choose from sgd_regressor, mlp_regressor, "
        "hist_gradient_boosting_regressor.",
    ),
    "dates": (
        ["2024-01-01", "2024-01-02"],
        "'label' is a column of dates and cannot be predicted; choose another.",
    ),
}


@pytest.mark.parametrize("name", REFUSED_LABELS)
def test_labels_that_cannot_be_learned(home, name):
    """A target that says nothing is refused before training, in one sentence."""
    labels, sentence = REFUSED_LABELS[name]
    assert trained(datasets.add([labelled(labels)], "t.csv"), "label") == sentence


def test_a_continuous_label_needs_a_number_algorithm(home):
    """30 different fractions are a number to predict, not 30 classes."""
    made = datasets.add([labelled([f"{n * 1.37:.2f}" for n in range(30)])], "t.csv")
    assert trained(made, "label") == (
        "label has many different numbers; choose an algorithm that predicts a number, such as boosting (numbers)."
    )
    assert trained(made, "label", "HGBR")["evaluate"].result["task"] == "regression"


LEARNED_LABELS = {
    "some missing": (["yes", "no", "no", ""], "30 rows were dropped because label is missing.", {"no": 60, "yes": 30}),
    "a class with one member": (
        ["yes"] * 60 + ["no"] * 59 + ["rare"],
        "No test row is rare, so the scores say nothing about it.",
        {"no": 59, "rare": 1, "yes": 60},
    ),
    "more classes than rows to test on": (
        [f"k{n}" for n in range(40)],
        "No test row is k1, k11, k12 or 15 other values, so the scores say nothing about them.",
        {f"k{n}": 3 for n in range(40)},
    ),
    "None": (
        ["None", "Insomnia"],
        "label: None is a value of its own, in 60 rows. Where it means that nothing is "
        "known, empty those cells in the file.",
        {"Insomnia": 60, "None": 60},
    ),
    "NA": (
        ["yes", "no", "NA"],
        "label: NA is a value of its own, in 40 rows. Where it means that nothing is known, "
        "empty those cells in the file.",
        {"NA": 40, "no": 40, "yes": 40},
    ),
    "null": (
        ["a", "b", " null "],
        "label: null is a value of its own, in 40 rows. Where it means that nothing is "
        "known, empty those cells in the file.",
        {"a": 40, "b": 40, "null": 40},
    ),
    "nan": (["a", "b", "nan"], "40 rows were dropped because label is missing.", {"a": 40, "b": 40}),
    "whole numbers": (["1", "2", "NA"], "40 rows were dropped because label is missing.", {"1": 40, "2": 40}),
    "leading zeros": (["01", "1"], None, {"01": 60, "1": 60}),
    "true and false": (["True", "False"], None, {"False": 60, "True": 60}),
    "Turkish": (["ılık", "İYİ"], None, {"ılık": 60, "İYİ": 60}),
}


@pytest.mark.parametrize("name", LEARNED_LABELS)
def test_labels_are_kept_as_they_are_written(home, name):
    """Every label is a class or is told to be missing, and the model answers in the words of the file."""
    labels, told, counts = LEARNED_LABELS[name]
    made = datasets.add([labelled(labels)], "t.csv")
    prepared = trained(made, "label")["preprocess"].result
    assert prepared["class_counts"] == counts and prepared["rows_dropped"] == 120 - sum(counts.values())
    assert told is None or told in [sentence_of(entry) for entry in prepared["notices"]]


FEATURES = {
    "gaps": ["", "1.5", "2.5"],
    "words for missing": ["NA", "1.5", "None"],
    "infinite": ["inf", "-inf", *["1.5"] * 50],
    "huge": ["1e99", "-1e99", "1e300", *["2"] * 60],
    "tiny": ["1e-320", "2e-308"],
    "texts with gaps": ["None", "red", "", "NA", " red "],
    "exact": ["9007199254740993", "9007199254740995", ""],
    "codes": ["00123", "00456"],
    "dates and none": ["2024-01-31", "never", *["2024-02-01"] * 30],
    "dates long ago": ["0001-01-01", "9999-12-31"],
    "yes and no and gaps": ["Evet", "Hayır", ""],
    "one value": ["7"],
    "nothing": [""],
    "formulas": ["=1+1", "@x", "-y"],
    "many texts": [f"t{n}" for n in range(60)],
    "long texts": ["x" * 5_000, "y" * 5_000],
    "signs": ["\U0001f4a9", "\u202eabc", "<b>", "a\tb"],
    "mixed": ["1", "two", "3.0", "four"],
}


@pytest.mark.parametrize("algorithm", seldom(["LR", "HGBR"]))
@pytest.mark.parametrize("name", FEATURES)
def test_odd_columns_are_learned_from(home, name, algorithm):
    """Whatever stands in a column, a whole workflow ends with finite scores and a model that predicts the raw rows."""
    cells = FEATURES[name]
    random = np.random.default_rng(2)
    lines = ["odd,size,label,price"]
    for n in range(120):
        lines.append(f"{cells[n % len(cells)]},{random.normal():.3f},{'ab'[n % 2]},{random.normal(n):.2f}")
    content = ("\n".join(lines) + "\n").encode()
    made = datasets.add([content], "t.csv")
    target = "label" if algorithm == "LR" else "price"
    ended = trained(made, target, algorithm, features=["odd", "size"] if name != "nothing" else None)
    assert isinstance(ended, dict), ended
    assert all(np.isfinite(score) for score in ended["evaluate"].result["scores"].values() if score is not None)
    raw = pd.read_csv(BytesIO(content))
    model = joblib.load(tables.file_of(ended["train"], "model"))
    assert len(model.predict(raw)) == 120
    assert list(model.predict(raw[raw.columns[::-1]])) == list(model.predict(raw))


def test_gaps_that_are_filled_are_the_gaps_that_were_told(home):
    """Words and signs for missing are gaps, in the profile as in what was done with the column."""
    cells = ["None", "red", "", "NA", " red ", "-", "blue"]
    lines = [f"{cells[n % 7]},{n},{'ab'[n % 2]}" for n in range(70)]
    made = datasets.add([("odd,row,label\n" + "\n".join(lines)).encode()], "t.csv")
    assert made.columns[0]["missing"] == 40
    [did] = trained(made, "label")["preprocess"].result["columns"]
    assert sentence_of(did["did"]).startswith("40 gaps filled with the most frequent value, red;")


def test_values_the_model_never_saw(home):
    """A category, a word in a number column and a gap that were not in training are answered, not refused."""
    ended = tables.run(datasets.add([labelled(["yes", "no"])], "t.csv"), "label", "LR", until="train", epochs=2)
    model = joblib.load(tables.file_of(ended["train"], "model"))
    rows = pd.DataFrame({"kind": ["never seen", None, "x"], "size": ["many", "0.5", None]})
    assert set(model.predict(rows)) <= {"yes", "no"}


def test_what_counts_as_missing_is_a_superset_of_pandas():
    """Whoever reads the file with pandas finds the same gaps."""
    from pandas._libs.parsers import STR_NA_VALUES

    assert set(limits.MISSING) >= STR_NA_VALUES
    assert not set(limits.MISSING_SIGNS) & set(limits.MISSING_WORDS) and limits.HUGE < 1e308
