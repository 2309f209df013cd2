"""Excel, Parquet and JSON lines: read as tables like CSV, refused in a sentence, predicted on as pandas reads them."""

import datetime
import io
import json
import zipfile

import joblib
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from helpers import tables

from jobs.language import sentence
from jobs.tabular import reader
from jobs.tabular.formats import excel
from jobs.tabular.profile import profiler
from jobs.verbs import datasets
from store import files
from store.errors import RequestError
from store.tables import Status

ROWS = 60
CITIES = ("İstanbul", "Iğdır", "Şırnak")


def read(path, **settings):
    source = reader.inspect(path, settings)
    found = profiler.profile_of(source, source.batches(), path.stat().st_size)
    again = reader.reopen(path, source.dialect.as_dict())
    assert (again.names, again.written_names) == (source.names, source.written_names)
    assert list(again.batches()) == list(source.batches())
    return source, found


def cells(source):
    return pa.Table.from_batches(source.batches()).rename_columns(source.names).to_pylist()


def kinds(found):
    return {column.name: column.kind for column in found.columns}


def codes(source):
    return [notice.message.code for notice in source.notices]


def refusal(path, **settings):
    with pytest.raises(RequestError) as refused:
        read(path, **settings)
    assert "{" not in sentence(refused.value.message)
    return refused.value.message.code


def table(count=ROWS):
    """Rows of every kind of value, the last column a label."""
    start = datetime.datetime(2024, 3, 1, 8, 30)
    for row in range(count):
        yield {
            "Müşteri No": 10_000_000 + row,
            "şehir": CITIES[row % 3],
            "gelir": None if row % 10 == 3 else row * 1.5 + 0.25,
            "adet": float(row % 7),
            "üye": row % 2 == 0,
            "kayıt": start + datetime.timedelta(hours=13 * row),
            "gün": datetime.datetime(2024, 1, 1) + datetime.timedelta(days=row),
            "ayrıldı mı": "Evet" if row % 3 == 0 else "Hayır",
        }


@pytest.fixture
def workbook(tmp_path):
    """Makes a workbook as people have them: titles, merged cells, empty rows, a second sheet."""

    def make(title=True, name="liste.xlsx"):
        path = tmp_path / name
        book = xlsxwriter.Workbook(path)
        sheet = book.add_worksheet("Müşteriler")
        day, time = book.add_format({"num_format": "dd.mm.yyyy"}), book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        top = 4 if title else 0
        if title:
            sheet.merge_range(0, 0, 0, 5, "Müşteri raporu, 2024")
            sheet.write(1, 0, "Hazırlayan: Ayşe")
        for number, row in enumerate(table()):
            for place, (key, value) in enumerate(row.items()):
                sheet.write(top, place, key)
                if isinstance(value, datetime.datetime):
                    sheet.write_datetime(top + 1 + number, place, value, day if key == "gün" else time)
                elif value is not None:
                    sheet.write(top + 1 + number, place, value)
        other = book.add_worksheet("Özet")
        other.write_row(0, 0, ["a", "b"])
        for number in range(ROWS):
            other.write_row(number + 1, 0, [number, number % 2])
        book.close()
        return path

    return make


def test_a_workbook_is_read_as_people_have_it(workbook):
    """Titles and empty rows above the table are skipped, and told; what Excel calls a number or a date stays one."""
    source, found = read(workbook())
    assert source.names == tuple(next(table()))
    assert (found.rows, codes(source)) == (ROWS, ["other_sheets", "rows_above_table"])
    assert source.dialect.words == "Excel, sheet Müşteriler"
    assert kinds(found) == {
        "Müşteri No": "number",
        "şehir": "text",
        "gelir": "number",
        "adet": "number",
        "üye": "yes_no",
        "kayıt": "date",
        "gün": "date",
        "ayrıldı mı": "yes_no",
    }
    assert cells(source)[3] == {
        "Müşteri No": "10000003",
        "şehir": "İstanbul",
        "gelir": None,
        "adet": "3",
        "üye": "false",
        "kayıt": "2024-03-02 23:30:00",
        "gün": "2024-01-04",
        "ayrıldı mı": "Evet",
    }


def test_both_libraries_read_a_workbook_alike(workbook, monkeypatch):
    """A sheet too large to hold is read row by row, to the same cells."""
    path = workbook()
    held = cells(read(path)[0])
    monkeypatch.setattr(excel, "MOST_HELD", 0)
    assert cells(read(path)[0]) == held


@pytest.mark.parametrize("held", [True, False])
def test_values_of_formulas_errors_percents_and_long_numbers(tmp_path, monkeypatch, held):
    """Formulas count as their saved values, errors as gaps, percents as shares; long whole numbers keep all digits."""
    if not held:
        monkeypatch.setattr(excel, "MOST_HELD", 0)
    path = tmp_path / "t.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet, percent = book.add_worksheet(), book.add_format({"num_format": "0%"})
    hours = book.add_format({"num_format": "[h]:mm"})
    sheet.write_row(1, 2, ["formül", "hata", "oran", "uzun", "süre", "saat", "not"])
    for row in range(2, ROWS):
        sheet.write_formula(row, 2, "=1+1", None, 2.5)
        sheet.write_formula(row, 3, "=1/0", None, "#DIV/0!")
        sheet.write(row, 4, 0.25, percent)
        sheet.write_number(row, 5, 123456789012345)
        sheet.write(row, 6, 1.5, hours)
        sheet.write_datetime(row, 7, datetime.time(9, 5), book.add_format({"num_format": "hh:mm"}))
        if row % 2:
            sheet.write_string(row, 8, " NA ")
    book.close()
    source, _found = read(path)
    assert cells(source)[0] == {
        "formül": "2.5",
        "hata": None,
        "oran": "0.25",
        "uzun": "123456789012345",
        "süre": "36:00:00",
        "saat": "09:05:00",
        "not": None,
    }


def test_the_sheet_is_a_choice(workbook, home):
    """Another sheet is read by its name or place, at once or later as a new version; an unknown one is refused."""
    path = workbook()
    for wanted in ("Özet", "özet", "2"):
        assert read(path, sheet=wanted)[0].names == ("a", "b")
    assert refusal(path, sheet="Ocak") == "no_such_sheet"
    first = datasets.add(path, path.name)
    assert first.dialect["sheet"] == "Müşteriler"
    second = datasets.redescribe(first.id, {"sheet": "Özet"})
    assert (second.name, second.version, second.rows) == ("liste", 2, ROWS)
    assert [column["name"] for column in second.columns] == ["a", "b"]
    assert datasets.add(path, path.name).id == first.id


def test_a_file_is_known_by_its_bytes(workbook, tmp_path):
    """The name of a file plays no part; a format that was chosen wrongly is refused."""
    path = workbook(name="liste.csv")
    assert read(path)[0].dialect.as_dict()["format"] == "excel"
    assert refusal(path, format="csv") == "file_is_excel"
    assert refusal(path, format="parquet") == "parquet_broken"
    assert refusal(path, delimiter=";") == "setting_of_text_files"
    assert refusal(path, format="pdf") == "format_unknown"
    plain = tmp_path / "plain.xlsx"
    plain.write_text("a,b\n" + "1,2\n" * ROWS)
    assert "format" not in read(plain)[0].dialect.as_dict()
    assert refusal(plain, sheet="a") == "sheet_of_no_workbook"
    assert refusal(plain, format="xlsx") == "workbook_broken"


def zipped(tmp_path, **parts):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return path


def test_what_is_no_workbook_is_refused_in_a_sentence(workbook, tmp_path):
    """Archives, other programs' files, protected, damaged and empty workbooks each have their own sentence."""
    assert refusal(zipped(tmp_path, a_csv="a,b")) == "file_is_zip"
    assert refusal(zipped(tmp_path, content_xml="<a/>")) == "file_is_open_document"
    assert refusal(zipped(tmp_path, xl__workbook_bin="")) == "file_is_binary_excel"
    assert refusal(zipped(tmp_path, xl__workbook_xml="<workbook/>")) == "workbook_broken"
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(workbook().read_bytes()[:3_000])
    assert refusal(cut) == "workbook_broken"
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2_000)
    assert refusal(old) == "file_is_old_excel"
    old.write_bytes(old.read_bytes() + "EncryptedPackage".encode("utf-16-le"))
    assert refusal(old) == "file_has_password"
    empty = tmp_path / "empty.xlsx"
    book = openpyxl.Workbook()
    book.save(empty)
    assert refusal(empty) == "workbook_without_sheet"  # there is no other one to choose
    book.create_sheet().append(["a"])
    book.save(empty)
    assert refusal(empty, sheet="1") == "sheet_empty"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(workbook, monkeypatch):
    """A workbook that would unpack to far more than its size is refused by its directory."""
    monkeypatch.setattr(excel, "BOMB_BYTES", 1_000)
    monkeypatch.setattr(excel, "BOMB_RATIO", 1)
    assert refusal(workbook()) == "workbook_bomb"


def test_parquet_columns_keep_their_types(tmp_path):
    """Numbers, dates, times, categories, decimals and nested values of Parquet become the texts that people expect."""
    frame = pd.DataFrame(table())
    frame["tür"] = frame["şehir"].astype("category")
    frame["az"] = np.arange(ROWS, dtype="float32") / 8
    frame.index = [f"r{number}" for number in range(ROWS)]
    made = pa.Table.from_pandas(frame).append_column("liste", pa.array([[1, None]] * ROWS))
    made = made.append_column(
        "anda", pa.array([datetime.datetime(2024, 1, 1, 9)] * ROWS, pa.timestamp("ns", "Asia/Tokyo"))
    )
    made = made.append_column("ham", pa.array([b"\xff\x00"] * ROWS))
    path = tmp_path / "t.parquet"
    pq.write_table(made, path, row_group_size=17)
    source, found = read(path)
    assert "__index_level_0__" not in source.names and found.rows == ROWS
    third = cells(source)[3]
    assert third["gelir"] is None and third["adet"] == "3" and third["üye"] == "false" and third["az"] == "0.375"
    assert (third["kayıt"], third["gün"][:10]) == ("2024-03-02 23:30:00", "2024-01-04")
    assert (third["tür"], third["liste"], third["ham"]) == ("İstanbul", "[1, null]", None)
    assert codes(source) == ["nested_values", "bytes_as_text"]
    assert kinds(found)["kayıt"] == kinds(found)["anda"] == "date"
    path.write_bytes(path.read_bytes()[:-200])
    assert refusal(path) == "parquet_broken"


def test_json_lines_may_bring_new_keys_later(tmp_path):
    """Keys of later rows are columns too, absent ones gaps; nested values are text; blank lines do not count."""
    path = tmp_path / "t.jsonl"
    rows = [{"ad": f"Ayşe {row}", "yaş": row, "üye": row % 2 == 0, "oran": row / 4} for row in range(ROWS)]
    rows[40] |= {"ek": {"ilçe": "Şişli"}, "ad": None}
    text = "\ufeff" + "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(text)
    source, found = read(path)
    assert source.names == ("ad", "yaş", "üye", "oran", "ek") and found.rows == ROWS
    assert cells(source)[40] == {"ad": None, "yaş": "40", "üye": "true", "oran": "10", "ek": '{"ilçe": "Şişli"}'}
    assert codes(source) == ["nested_values"]
    for broken, code in (('{"a": 1', "line_not_json"), ("[1]", "line_not_object"), ("[" * 9_000, "line_not_json")):
        path.write_text(f"{text}\n{broken}\n")
        assert refusal(path) == code
    path.write_text(json.dumps(rows))
    assert refusal(path) == "file_is_json"


def saved_as(form, tmp_path, workbook):
    frame = pd.DataFrame(table())
    if form == "xlsx":
        path = workbook(title=False)
        return path, pd.read_excel(path, engine="calamine")
    path = tmp_path / f"t.{form}"
    if form == "parquet":
        frame.to_parquet(path)
        return path, pd.read_parquet(path)
    frame.to_json(path, orient="records", lines=True, date_format="iso")
    return path, pd.read_json(path, lines=True)


@pytest.mark.parametrize("form", ["xlsx", "parquet", "jsonl"])
def test_a_model_predicts_what_pandas_reads(home, tmp_path, workbook, form):
    """A model trained on a file makes the same numbers of the rows that pandas reads from it."""
    path, frame = saved_as(form, tmp_path, workbook)
    features = [name for name in frame.columns if name != "ayrıldı mı"]
    dataset = datasets.add(path, path.name)
    ended = tables.run(dataset, "ayrıldı mı", "LR", epochs=2, features=features)
    assert all(step.status is Status.completed for step in ended.values()), [
        sentence(step.error) for step in ended.values() if step.error
    ]
    model = joblib.load(tables.file_of(ended["train"], "model"))
    found, tested = model[:-1].transform(frame), tables.matrix_of(ended, "val_X")
    assert all(np.isclose(found, row, atol=1e-5).all(axis=1).any() for row in tested)
    assert set(model.predict(frame)) <= {"Evet", "Hayır"}


def test_a_file_comes_back_as_it_was(home, workbook):
    """The stored bytes are those that were uploaded, under the dataset's name with the extension of its format."""
    path = workbook()
    dataset = datasets.add(io.BytesIO(path.read_bytes()), "Müşteri listesi.XLSX")
    assert datasets.file_name(dataset) == "Müşteri listesi.xlsx"
    assert files.verified(dataset.file).read_bytes() == path.read_bytes()
