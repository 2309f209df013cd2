"""Dates with their hours, and times of the day: what is in the cells reaches the model."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import tables

from jobs.language import sentence_of
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


def test_a_date_without_times_has_no_hours(home):
    """The parts that a column has are told."""
    ended = tables.run(add(hourly("%Y-%m-%d")), "count", "sgd_regressor", until="preprocess")
    [entry] = ended["preprocess"].result["columns"]
    assert "days, month, weekday, day, day_of_year" in sentence_of(entry["did"])


@pytest.mark.parametrize(("form", "kind"), [("%d.%m.%Y %H:%M", "datetime"), ("%H:%M", "time")])
def test_one_row_is_asked_for_its_time(home, form, kind):
    """The form for one row asks for a day, a moment or a time; values as requests write them are read."""
    frame = hourly(form)
    ended = tables.run(add(frame), "count", "hist_gradient_boosting_regressor")
    number = ended["train"].workflow_id
    column = predictions.needed(number).columns[0]
    assert (column.name, column.kind) == ("at", kind)
    written = ["2024-03-05T03:30:00", "2024-03-05T12:30:00"] if kind == "datetime" else ["03:30:00", "12:30:00"]
    night, noon = predictions.predict_rows(number, [{"at": at} for at in written]).predictions
    assert night < 40 < noon
