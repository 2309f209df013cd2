"""The page of a completed workflow predicts a dropped file and one row, also for viewers."""

import io

import joblib
import pandas as pd
import pytest
from helpers import notebooks, tables
from helpers.notebooks import page, text
from helpers.visitors import checked
from sqlalchemy import update

from jobs.pipelines.predictions import Effect, RowReasons, WordEffect
from jobs.verbs import arrivals, datasets, predictions, thresholds
from pages.parts.workflow import predict
from store import db
from store.tables import Status
from store.tables import workflows as workflow_table

PREDICT = ":material/online_prediction: Predict"


@pytest.fixture
def trained(home):
    """A workflow that has really learned, and its model."""
    ended = tables.run(datasets.add(io.BytesIO(tables.turkish()), "müşteri.csv"), "abone mi", "LR", epochs=3)
    return ended["train"].workflow_id, joblib.load(tables.file_of(ended["train"], "model"))


def opened(number):
    seen = page(id=number)
    return checked(seen.button_group(key="workflow-view-predict").set_value(PREDICT).run())


def fields(seen):
    """The fields for numbers of the form for one row."""
    return [each for each in seen.text_input if str(each.key).startswith("predict-")]


def test_a_number_of_the_form_is_no_number(trained):
    """A field that cannot be read is named, and nothing is predicted."""
    seen = opened(trained[0])
    fields(seen)[0].set_value("otuz")
    seen = checked(next(each for each in seen.button if each.label == "Predict").click().run())
    assert "Correct yaş, then predict." in seen.error[0].value and "otuz is no number" in text(seen)
    assert "### abone mi:" not in text(seen)


def test_a_dropped_file_is_shown_and_can_be_taken_away(trained):
    """A file shows its first rows with predictions, what was strange before them, and a button for all of it."""
    number, model = trained
    seen = opened(number)
    assert "Predict abone mi" in text(seen) and "Needs 6 columns: yaş, şehir" in text(seen)
    content = tables.turkish(30, seed=9).replace("Ağrı".encode("cp1254"), b"Paris")
    seen = checked(seen.file_uploader[0].upload("yeni.csv", content).run())
    shown = seen.dataframe[0].value
    frame = pd.read_csv(io.BytesIO(content), sep=";", encoding="cp1254")
    assert shown["prediction"].tolist() == model.predict(frame).tolist()[:20] and "probability" in shown
    assert shown["gelir"].notna().all() and all(cell.endswith("%") for cell in shown["chance of Evet"])
    assert "not seen in training (such as Paris)" in text(seen) and "The first 20 of 30 rows" in text(seen)
    assert any(each.label == "Download 30 rows" for each in seen.get("download_button"))


def test_a_file_that_does_not_fit_is_refused(trained):
    """What keeps a file from being predicted is said with its name."""
    seen = opened(trained[0])
    seen = checked(seen.file_uploader[0].upload("yeni.csv", b"a,b\n1,2\n3,4\n").run())
    assert "6 columns are missing that the model needs" in seen.error[0].value.replace("\\", "")


def test_one_row_is_predicted(trained):
    """The form has a field for each column, with what is usual in it, and shows the prediction with its
    probabilities; an emptied field is a gap."""
    number, model = trained
    seen = opened(number)
    assert [each.label for each in fields(seen)] == ["yaş", "gelir", "puan"]
    assert [each.label for each in seen.selectbox] == ["şehir", "posta kodu"] and seen.date_input[0].value
    fields(seen)[0].set_value("75,0")
    fields(seen)[1].set_value("")
    seen.selectbox[0].set_value("Ağrı")
    seen = checked(next(each for each in seen.button if each.label == "Predict").click().run())
    row = {
        "yaş": 75,
        "gelir": None,
        "puan": float(fields(seen)[2].value),
        "şehir": "Ağrı",
        "posta kodu": seen.selectbox[1].value,
        "kayıt tarihi": seen.date_input[0].value.strftime("%d.%m.%Y"),
    }
    assert "Read as 75" in text(seen)
    assert f"abone mi: {model.predict(pd.DataFrame([row], dtype=object))[0]}" in text(seen)
    assert "gelir: 1 missing value, filled as in training" in text(seen)
    assert len(seen.get("progress")) >= 2


def test_what_is_predicted_stands_first(trained):
    """The form says with what it is filled; the class that is predicted comes first, also where a threshold that was
    moved lets the smaller chance decide; dates and words in the reasons are written as people write them."""
    number, _model = trained
    thresholds.set_threshold(number, 0.01)
    seen = opened(number)
    assert "Filled in with what is usual in training" in text(seen)
    seen = checked(next(each for each in seen.button if each.label == "Predict").click().run())
    assert "abone mi: Evet" in text(seen)
    bars = [each.proto.text for each in seen.get("progress")]
    assert next(bar for bar in bars if "Evet" in bar or "Hayır" in bar).startswith("Evet")
    shown = predict._spoken("2024-12-30T17:01:00", timed=True), predict._spoken("2024-12-30", timed=True)
    assert shown == ("30 Dec 2024 17:01", "30 Dec 2024") and predict._spoken("2024-12-30", timed=False) == "2024-12-30"
    word = Effect("note", "x", None, 0.2, (WordEffect("faturam", 0.14),))
    assert predict._held(RowReasons(False, "probability", (word,), 0.5), word) == '"faturam" +14.0 points'


def test_a_very_big_file_is_predicted_in_the_background(trained):
    """A file that is on the disk already, as Streamlit does not take so big ones, becomes a job at once."""
    content = tables.turkish(30, seed=9)
    ticket = io.BytesIO(arrivals.receive([content], len(content)))
    ticket.name, ticket.file_id, ticket.size = "yeni.csv", "a", len(ticket.getvalue())
    dropped = predict._predicted(trained[0], ticket)
    assert dropped.size == len(content) and dropped.job in {each.id for each in predictions.jobs_of(trained[0])}


def test_only_what_can_predict_offers_it(home):
    """A workflow that has not completed, or that left too little, has no Predict."""
    number = notebooks.tabular()
    assert not [each for each in page(id=number).button_group if each.key == "workflow-view-predict"]
    with db.writing() as connection:
        connection.execute(update(workflow_table).values(status=Status.completed))
    assert not [each for each in page(id=number).button_group if each.key == "workflow-view-predict"]
