"""Habits that all pages keep: a thing is said in one way, what destroys is red, and no way leads nowhere."""

import io

import pytest
from helpers import cast, tables
from helpers.notebooks import completed, page, tabular, text
from helpers.visitors import APP, checked
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from jobs.engine.queue_view import QueueCounts, Queues, WorkerRow
from jobs.pipelines import Param
from jobs.tabular import algorithms
from jobs.verbs import datasets, short_form
from pages.parts import forms, presentations, press, words
from pages.parts.queue import listings, look
from pages.parts.workflow_list import view
from store import workflows
from store.tables import now

SETTINGS = ":material/tune: Settings"


def opened(file, **asked):
    seen = AppTest.from_file(APP, default_timeout=30).switch_page(file)
    for name, value in asked.items():
        seen.query_params[name] = str(value)
    return checked(seen.run())


@pytest.fixture
def paused(monkeypatch):
    """A queue that nobody has resumed yet."""
    counts = QueueCounts("steps", True, 1, 0, 0, 0, 0, 0)
    worker = WorkerRow("w", "idle", None, None, None, None, None, 0, 0, None)
    monkeypatch.setattr(look, "lately", lambda: Queues(True, now(), 1, 0, 0, [counts], [worker]))


def test_a_paused_queue_is_said_where_work_is_started_and_waits(home, paused):
    """New says it beside Start with a way to the page Queues, and so does the cell of a workflow that waits."""
    given = datasets.add(io.BytesIO(tables.turkish(60)), "t.csv")
    seen = opened("new.py", dataset=given.id, target="abone mi")
    assert "the queue is paused: nothing starts until you resume it" in text(seen)
    assert "Queues" in [link.proto.label for link in seen.get("page_link")]
    waiting = page(id=short_form.start(given.id, "abone mi", "LR").id)
    assert "The queue is paused; resume it on the page Queues" in text(waiting)


def test_what_is_written_is_written_in_one_way():
    """Lists have one and; ranges no exponents; the lines of a note stay."""
    assert words.listed(["upload", "preprocess", "train"]) == "upload, preprocess and train"
    assert forms.range_words(Param("a", "float", 0.1, "A", low=1e-6, high=1)) == "Between 0.000001 and 1."
    assert forms.range_words(Param("a", "int", 1, "A", low=0, high=2**32 - 1)) == "Between 0 and 4,294,967,295."
    assert words.plain_lines("one\ntwo") == "one  \ntwo"
    assert (words.count(1, "step"), words.count(12_400, "row"), words.percent(0.8333)) == (
        "1 step",
        "12,400 rows",
        "83.3 %",
    )


def test_lists_are_sorted_by_what_a_workflow_reaches(home):
    """A baseline and the score of validation rows only say more of another score; nobody sorts by them."""
    completed()
    assert "-accuracy" in view.sorts() and not [each for each in view.sorts() if "baseline" in each or "valid" in each]


def test_a_cell_offers_the_algorithms_that_fit(home):
    """Of a target with classes, none that predicts a number is there to be chosen and then refused."""
    given = datasets.add(io.BytesIO(tables.turkish(60)), "t.csv")
    number = short_form.start(given.id, "abone mi", "LR").id
    seen = page(id=number)
    pills = next(each for each in seen.button_group if str(each.key).startswith("show-") and "Train" in each.label)
    seen = checked(pills.set_value(SETTINGS).run())
    offered = next(each for each in seen.selectbox if each.label == "Algorithm").options
    fitting = [each for each in algorithms.ALGORITHMS.values() if each.task == "classification"]
    assert len(offered) == len(fitting) and "Linear regression" not in offered


def test_what_cannot_be_undone_is_red(home):
    """The button that deletes is red; one that stops what can be continued is not."""

    def script(destroys):
        import streamlit as st

        from pages.parts import press

        press.PageState().confirm("Do", "delete", "Keep", "a", destroys=destroys)
        assert st

    for destroys, label in ((True, ":red[:material/delete: Do]"), (False, "Do")):
        seen = AppTest.from_function(script, kwargs={"destroys": destroys}).run()
        assert [button.label for button in seen.button] == ["Keep", label]
    assert press.DOUBLE_CLICK_SECONDS > 0


def test_queues_speak_the_words_of_the_other_pages(home):
    """Steps wait, run and complete; how RQ calls that stands in a hint."""
    assert [label for label, _help in listings.COUNTS.values()] == [
        "waiting",
        "running",
        "blocked",
        "to retry",
        "completed",
        "failed",
    ]
    cast.play()
    seen = text(opened("queues.py"))
    assert "Last steps" in seen and not [word for word in ("Deferred", "Scheduled", "jobs") if word in seen]


def test_the_target_is_no_input(home):
    """On New the target's own row is not ticked, whatever was proposed, and says why."""
    given = datasets.add(io.BytesIO(tables.turkish(60)), "t.csv")
    seen = opened("new.py", dataset=given.id, target="abone mi", columns='{"abone mi":true}')
    drawing = seen.session_state["new-use-drawing"]
    key = f"new-columns-{given.id}-{drawing}-{forms.mark(['abone mi'])}"
    ticks, _kinds = seen.session_state[f"{key}-first"]
    names = [column["name"] for column in given.columns]
    assert ticks[names.index("abone mi")] is False and ticks[names.index("gelir")] is True


def test_back_from_a_workflow_finds_the_form_that_started_it(home):
    """Streamlit leaves the workflow's number in the address of New; the form takes its dataset, target and settings."""
    given = datasets.add(io.BytesIO(tables.turkish(60)), "t.csv")
    started = short_form.start(given.id, "abone mi", "SVM", {"epochs": 7})
    seen = opened("new.py", id=started.id)
    asked = {name: value if isinstance(value, str) else value[0] for name, value in dict(seen.query_params).items()}
    assert (asked["dataset"], asked["target"], asked["algorithm"]) == (str(given.id), "abone mi", "linear_svm")
    assert "epochs 7" in text(seen) and "id" not in asked
    assert workflows.count(workflows.Filter()) == 1


def test_times_and_numbers_of_invoices_are_no_dates(home):
    """A constant time and numbers of invoices do not look like dates that were written in several ways."""
    rows = "".join(f"{536365 + row // 7},09:00,C{row},{'yes' if row % 3 else 'no'}\n" for row in range(200))
    given = datasets.add(io.BytesIO(f"invoice,opens,code,left\n{rows}".encode()), "sales.csv")
    assert "dates_in_several_formats" not in {notice["code"] for notice in given.notices}


def test_an_algorithm_without_chances_says_so(home):
    """Before it is chosen on New, and where it is the best of a sweep."""
    given = datasets.add(io.BytesIO(tables.turkish(60)), "t.csv")
    said = "It gives no chances"
    assert said in text(opened("new.py", dataset=given.id, target="abone mi", algorithm="linear_svm"))
    assert said not in text(opened("new.py", dataset=given.id, target="abone mi", algorithm="logistic_regression"))
    shown = presentations.of("tabular")
    svm, lr = (short_form.start(given.id, "abone mi", each) for each in ("SVM", "LR"))
    assert shown.to_know(svm).startswith("Linear SVM gives no chances") and shown.to_know(lr) == ""


def test_the_page_of_the_api_leads_back(home):
    """It has a way to the app and shows names as code, not between backticks."""
    written = TestClient(create(), base_url="http://localhost").get("/docs").text
    assert "Back to the app</a>" in written and "<code>" in written
    assert "`" not in written.partition("</style>")[2]


def test_a_workflow_that_waits_says_when_it_was_created(home):
    """Nothing that was not started has a time at which it started."""
    assert "created" in text(page(id=tabular()))
