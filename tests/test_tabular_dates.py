"""Dates with their hours, and times of the day: what is in the cells reaches the model."""

import io

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import tables

from jobs.language import sentence_of
from jobs.tabular.column import Column
from jobs.tabular.prepare import encoder
from jobs.tabular.prepare.pack import Packer
from jobs.verbs import datasets, predictions
from store.tables import Status


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
