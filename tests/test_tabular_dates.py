"""Dates with their hours, and times of the day: what is in the cells reaches the model."""

import io

import joblib
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from helpers import tables
from sqlalchemy import update

from jobs.language import sentence_of
from jobs.tabular.column import Column
from jobs.tabular.prepare import encoder
from jobs.tabular.prepare.pack import Packer
from jobs.verbs import datasets, predictions
from store import datasets as stored
from store import db
from store.tables import Status
from store.tables import datasets as dataset_table


def add(frame):
    return datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "t.csv")


def hourly(form, rows=1_500):
    """A count that follows the hour of the day, and nothing else."""
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.random.default_rng(0).integers(0, 60 * 24 * 200, rows), "min")
    busy = np.where((at.hour > 7) & (at.hour < 20), 100.0, 10.0)
    count = (busy + np.random.default_rng(1).normal(0, 3, rows)).round(2)
    return pd.DataFrame({"at": at.strftime(form), "count": count})


FORMS = ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%H:%M"]


@pytest.mark.parametrize("form", FORMS)
def test_the_hour_reaches_the_model(home, form):
    """What depends on the hour is predicted from a date with its time, or from the time alone, also of raw rows."""
    frame = hourly(form)
    ended = tables.run(add(frame), "count", "hist_gradient_boosting_regressor")
    assert all(step.status is Status.completed for step in ended.values()), [step.error for step in ended.values()]
    assert ended["evaluate"].result["scores"]["r2"] > 0.95
    model = joblib.load(tables.file_of(ended["train"], "model"))
    raw = pd.read_csv(io.BytesIO(frame.to_csv(index=False).encode()))
    assert np.corrcoef(model.predict(raw), frame["count"])[0, 1] > 0.97


def rides(rows=6_000):
    """An hourly count of rides: more at noon and in summer, and on workdays when people go to work and back."""
    at = pd.date_range("2023-01-01", periods=rows, freq="h")
    season = 1 + 0.5 * np.sin(2 * np.pi * (at.day_of_year - 100) / 365)
    noon = np.exp(-(((at.hour - 14) / 4.0) ** 2))
    commuting = np.exp(-(((at.hour - 8) / 1.2) ** 2)) + np.exp(-(((at.hour - 18) / 1.5) ** 2))
    busy = 20 + season * (150 * noon + 300 * commuting * (at.day_of_week < 5))
    return pd.DataFrame({"at": at, "rides": np.random.default_rng(2).normal(busy, 15).round(1)})


def test_an_hourly_count_is_explained(home):
    """An hourly count is explained by its date-times; the same count by the day alone is not."""
    frame = rides()
    days = frame.assign(at=frame["at"].dt.strftime("%Y-%m-%d"))
    scores = {}
    for name, table in (("hours", frame), ("days", days)):
        ended = tables.run(add(table), "rides", "hist_gradient_boosting_regressor", epochs=10)
        scores[name] = ended["evaluate"].result["scores"]["r2"]
    assert scores["hours"] > 0.9 and scores["days"] < 0.5, scores


def test_a_date_without_times_has_no_hours(home):
    """The parts that a column has are told."""
    ended = tables.run(add(hourly("%Y-%m-%d")), "count", "sgd_regressor", until="preprocess")
    [entry] = ended["preprocess"].result["columns"]
    assert "days, month, weekday, day, day of year" in sentence_of(entry["did"])


@pytest.mark.parametrize(("form", "kind"), [("%d.%m.%Y %H:%M", "datetime"), ("%H:%M", "time")])
def test_one_row_is_asked_for_its_time(home, form, kind):
    """The form for one row asks for a day, a moment or a time; values as requests write them are read."""
    frame = hourly(form)
    ended = tables.run(add(frame), "count", "hist_gradient_boosting_regressor")
    number = ended["train"].workflow_id
    column = predictions.needed(number).columns[0]
    assert (column.name, column.kind) == ("at", kind)
    written = ["2024-03-05T03:30:00", "2024-03-05T12:30:00"] if kind == "datetime" else ["03:30:00", "12:30:00"]
    answer = predictions.predict_rows(number, [{"at": at} for at in written], explain=True)
    night, noon = answer.predictions
    assert night < 40 < noon
    usual = answer.reasons[0].effects[0].usual
    assert usual and pd.notna(pd.to_datetime(usual, format=form))


@pytest.mark.parametrize("form", ["ISO8601", "%H:%M"])
@pytest.mark.parametrize("scaling", ["standard", "none"])
def test_parts_of_dates_are_packed_exactly(form, scaling):
    """Most parts of a date have few values, so each takes a byte; unpacked, they are what the encoder makes of them to
    the last bit, gaps included."""
    random = np.random.default_rng(0)
    at = pd.Series(pd.Timestamp("1987-02-28") + pd.to_timedelta(random.integers(0, 60 * 24 * 20_000, 3_000), "min"))
    frame = pd.DataFrame({"at": at.mask(random.random(3_000) < 0.1)})
    choices = encoder.Choices("median", "most_frequent", scaling, 50, ".", "")
    way = encoder.build([Column("at", "date", format=form, timed=True)], {}, choices)
    encoder.fit(way, frame[:2_000])
    table, packer = pa.Table.from_pandas(frame, preserve_index=False), Packer(way)
    packed = np.concatenate([packer.pack(table.slice(start, 900)) for start in range(0, 3_000, 900)])
    assert packed.itemsize == (2 if form == "%H:%M" else 2 * 4 + 5)
    assert packer.form.unpacked(packed).tobytes() == np.ascontiguousarray(way.transform(frame)).tobytes()


def trained_on(form, name="at"):
    ended = tables.run(add(hourly(form, rows=400).rename(columns={"at": name})), "count", "sgd_regressor", epochs=2)
    assert ended["evaluate"].status is Status.completed, ended["evaluate"].error
    return ended["train"].workflow_id


@pytest.mark.parametrize("given", ["08:30", "08:30:15"])
def test_a_time_of_the_day_is_no_date(home, given):
    """Where dates were learned, a time without its day is unreadable, in rows and in files, and no day of 1900."""
    number = trained_on("%d.%m.%Y %H:%M")
    rows = predictions.predict_rows(number, [{"at": given}])
    assert [notice.message.code for notice in rows.notices] == ["predict_unreadable_dates"]
    file = ("at\n" + f"{given}\n" * 5).encode()
    assert "unreadable" in predictions.predict_rows(number, [{"at": given.replace(":", "")}]).notices[0].message.code
    made = predictions.predict_file(number, io.BytesIO(file), "t.csv")
    assert [notice.message.code for notice in made.about.notices] == ["predict_unreadable_dates"]
    assert "1900" not in made.read().decode()


def test_a_day_is_no_time_of_the_day(home):
    """Where times of the day were learned, these can be written in more ways, with their day or without, and a day
    alone is unreadable and no midnight."""
    number = trained_on("%H:%M")
    usual = predictions.predict_rows(number, [{"at": "20:30"}]).predictions
    for given in ("2030", "20:30:00", "2026-01-05T20:30:00"):
        rows = predictions.predict_rows(number, [{"at": given}])
        assert (rows.predictions, list(rows.notices)) == (usual, [])
    assert (
        predictions.predict_rows(number, [{"at": "2026-01-05"}]).notices[0].message.code == "predict_unreadable_dates"
    )
    for given, unread in (("2026-01-05", True), ("2026-01-05 20:30", False), ("05.01.2026", True), ("20:30:00", False)):
        made = predictions.predict_file(number, io.BytesIO(("at\n" + f"{given}\n" * 5).encode()), "t.csv")
        assert ("predict_unreadable_dates" in str(made.about.notices)) is unread, given


@pytest.mark.parametrize(("form", "shown", "cell"), [("%H:%M", "hh:mm", "08:30"), ("%H:%M:%S", "hh:mm:ss", "08:30:15")])
def test_times_of_the_day_are_times_in_excel(home, form, shown, cell):
    """As Excel, a time of the day is shown as one and has no day."""
    number = trained_on(form)
    rows = ("at\n" + f"{cell}\n00:00{':00' * (form.count('S'))}\n").encode()
    made = predictions.predict_file(number, io.BytesIO(rows), "t.csv", as_excel=True)
    sheet = openpyxl.load_workbook(io.BytesIO(made.read())).active
    assert [(str(sheet.cell(row, 1).value), sheet.cell(row, 1).number_format) for row in (2, 3)] == [
        (cell if form.count("S") else f"{cell}:00", shown),
        ("00:00:00", shown),
    ]


def test_a_profile_of_an_older_release_is_made_anew(home):
    """What an older release noted of a table, without its times of the day, stands neither for the same bytes that are
    uploaded again nor for the step that reads them."""
    frame = hourly("%Y-%m-%d %H:%M:%S", rows=400)
    first = add(frame)
    older = [
        {name: value for name, value in each.items() if name not in ("timed", "profiler")} for each in first.columns
    ]
    with db.writing() as connection:
        connection.execute(update(dataset_table).where(dataset_table.c.id == first.id).values(columns=older))
    ended = tables.run(stored.get(first.id), "count", "sgd_regressor", until="upload")
    assert ended["upload"].result["columns_profile"][0]["timed"] and stored.get(first.id).columns[0]["timed"]
    with db.writing() as connection:
        connection.execute(update(dataset_table).where(dataset_table.c.id == first.id).values(columns=older))
    again = datasets.add(io.BytesIO(frame.to_csv(index=False).encode()), "again.csv")
    assert again.id != first.id and again.columns[0]["timed"]
