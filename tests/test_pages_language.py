"""Numbers and dates are written as in the visitor's language; commands and the API stay English."""

from datetime import UTC, datetime

import pandas as pd
import pytest
import streamlit as st
from helpers.notebooks import completed, page, text
from helpers.visitors import APP, checked
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from jobs.language import numbers, sentence
from jobs.pipelines import Measure
from jobs.verbs import schemas, spreadsheet
from pages.parts import chart, charts, tables, visitor, words
from store.messages import Message
from store.metrics import Point

WHEN = datetime(2026, 11, 21, 9, 5, 7, tzinfo=UTC)


@pytest.fixture
def turkish(monkeypatch):
    """Visitors whose browser is Turkish."""
    monkeypatch.setattr(ContextProxy, "locale", property(lambda _self: "tr-TR"))


@pytest.mark.parametrize(
    ("tag", "number", "day"),
    [
        ("tr-TR", "1.234,5", "21 Kas 2026"),
        ("en-US", "1,234.5", "21 Nov 2026"),
        ("de-AT", "1.234,5", "21 Nov. 2026"),
        ("de-CH", "1’234.5", "21 Nov. 2026"),
        ("fr_FR.UTF-8", "1\u202f234,5", "21 nov. 2026"),
        ("ja", "1,234.5", "2026-11-21"),
        ("xx-Klingon", "1,234.5", "21 Nov 2026"),
        (None, "1,234.5", "21 Nov 2026"),
        ("", "1,234.5", "21 Nov 2026"),
    ],
)
def test_a_language_has_its_own_numbers_and_dates(tag, number, day):
    """The separators and the months of the language; of one that is not known, those of English."""
    with numbers.speaking(tag):
        assert numbers.fixed(1234.5, 1) == number and numbers.day(WHEN) == day


def test_every_kind_of_number_is_written_so():
    """Shares, scores, times, sizes, changes and settings."""
    with numbers.speaking("tr"):
        written = [
            words.percent(0.934),
            numbers.score(0.9104, share=False),
            words.number(12345.6),
            words.number(0.00012),
            words.duration(1.25),
            words.size(1_234_567),
            words.count(12400, "row"),
            numbers.change(0.0214, share=True),
            words.value(0.01),
            numbers.moment(WHEN),
        ]
    assert written == [
        "93,4 %",
        "0,910",
        "12.346",
        "0,00012",
        "1,2 s",
        "1,2 MB",
        "12.400 rows",
        "+2,1",
        "0,01",
        "21 Kas 2026 09:05:07",
    ]


def test_sentences_of_messages_hold_such_numbers_and_untouched_names():
    """Numbers in a sentence follow; names with points and ids do not."""
    message = Message("points_over", {"points": 1234, "against": Message("text", {"text": "v1.5"}).as_json()})
    with numbers.speaking("tr"):
        assert sentence(message) == "+1.234 points over v1.5"
        assert sentence(Message("workflow_over", {"workflow": 12345, "status": "failed"})).startswith("Workflow 12345 ")
    assert sentence(message) == "+1,234 points over v1.5"


def test_a_page_speaks_to_its_visitor(home, turkish):
    """Headline, metrics and cells of a workflow."""
    seen = page(id=completed())
    assert "Accuracy 93,4 %" in text(seen) and "12.400 rows" in text(seen)
    assert [each.value for each in seen.metric][:2] == ["90,0 %", "0,910"]


def test_the_api_stays_as_it_is(home, turkish):
    """Answers of programs hold plain numbers, whatever a page in the same process just wrote."""
    number = completed()
    page(id=number)
    assert schemas.workflow(number)["scores"]["accuracy"] == 0.934
    assert words.percent(0.934) == "93.4 %"  # outside of a page


@pytest.mark.parametrize(
    ("language", "first"), [("tr", "1;0,25;'=1+1"), ("de-ch", "1,0.25,'=1+1"), (None, "1,0.25,'=1+1")]
)
def test_downloaded_tables_are_read_by_the_visitors_spreadsheet(language, first):
    """A spreadsheet of a language with decimal commas splits columns at semicolons."""
    written = spreadsheet.to_csv(["epoch", "loss", "note"], [[1, 0.25, "=1+1"]], language).decode("utf-8-sig")
    assert written.splitlines()[1] == first


def test_lists_and_metrics_are_written_so(home, turkish, monkeypatch):
    """Both downloads of numbers, as a Turkish browser gets them; they are made in another thread."""
    number, made = completed(), {}
    monkeypatch.setattr(st, "download_button", lambda label, data, *_how, **_more: made.setdefault(label, data))
    page(id=number)
    checked(AppTest.from_file(APP, default_timeout=20).switch_page("workflows.py").run())
    with numbers.speaking("en"):
        metrics, rows = (made[name]().decode("utf-8-sig").splitlines() for name in ("Download metrics", "Download"))
    assert metrics[0].startswith("epoch;") and metrics[1].split(";")[1] == "0,02"
    assert rows[0].startswith("id;name;") and "0,934" in rows[1].split(";")


def test_charts_follow_through_their_locale():
    """A figure is the same for all; how it writes numbers goes with each visitor."""
    with numbers.speaking("tr"):
        form = chart.config("churn")["locales"][chart.LOCALE]["format"]
    assert (form["decimal"], form["thousands"], form["shortMonths"][10]) == (",", ".", "Kas")
    assert chart.config("churn")["locales"][chart.LOCALE]["format"]["decimal"] == "."


def test_tables_of_parts_follow_and_years_stay():
    """Columns with parts of numbers are written by the browser's language; whole numbers may be years."""
    frame = pd.DataFrame({"year": [2024], "price": [1234.5], "tiny": [1e-7]})
    with numbers.speaking("tr"):
        assert list(tables.local_numbers(frame)) == ["price"] and tables.one_digit() == {
            "format": "localized",
            "step": 0.1,
        }
    assert tables.local_numbers(frame) == {} and tables.one_digit() == {"format": "%.1f %%"}


def test_a_chart_is_saved_under_the_name_of_what_it_shows():
    """The one button of a chart saves a picture of twice its size, named after the workflow and the chart."""
    with chart.pictures_of("müşteri/kaybı: v2"):
        name = chart.picture_name("Accuracy by epoch")
    assert name == "müşteri kaybı v2, Accuracy by epoch"
    made = chart.config(name)
    assert made["modeBarButtons"] == [["toImage"]]
    assert made["toImageButtonOptions"] == {"format": "png", "scale": 2, "filename": name}
    assert chart.picture_name("../..") == "chart"
    figure = charts.learning({"val_a": [Point(1, 0.5), Point(2, 0.6)]}, Measure("a"))
    assert figure.layout.paper_bgcolor is None  # that of the page, so that a saved picture can be read


def test_times_are_by_the_visitors_clock(monkeypatch):
    """Day and month are in the visitor's language, the hour is that of the visitor's clock."""
    monkeypatch.setattr(visitor, "zone", lambda: None)
    with numbers.speaking("tr"):
        assert visitor.clock(WHEN).startswith("09:05 on 21 Kas") and visitor.exactly(WHEN) == "21 Kas 2026 09:05:07 UTC"
