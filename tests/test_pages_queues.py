"""The page Queues: what waits, runs and works, also when the queue cannot be reached."""

import time
from pathlib import Path

from helpers import cast
from helpers.visitors import Visitor, press, said, text
from helpers.written import played
from streamlit.testing.v1 import AppTest

from jobs.engine import handover, queue_view
from jobs.engine.queue_view import WorkerRow
from jobs.verbs import people
from pages.parts.queue import listings, look
from store import steps, workflows
from store.tables import Status, now

APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")


def opened(chosen=()):
    page = AppTest.from_file(APP, default_timeout=30).switch_page("queues.py")
    if chosen:
        page.session_state["queues-jobs-table-chosen"] = list(chosen)
    return page.run()


def click(page, key):
    page.button(key=key).click()
    return page.run()


def numbers(page):
    return [metric.value for metric in page.metric]


def test_a_queue_that_is_down_hides_nothing_that_is_saved(home):
    """A banner says so, and numbers and jobs come from what is saved."""
    played("bad", fails="It broke.")
    look.looks().reached = None  # by a test before this one
    page = opened()
    assert not page.exception
    assert "cannot be reached" in page.error[0].value
    assert numbers(page) == ["0", "0", "1"]
    assert ["Failed"] in [list(status) for status in page.dataframe[0].value["status"]]


def test_before_the_first_step_the_page_says_what_comes_here(home):
    """No jobs yet is a designed state."""
    page = opened()
    assert not page.exception
    assert "No step has run yet" in said(page)


def test_what_runs_is_shown_and_can_be_stopped(services):
    """A step at work is with its worker and in the jobs; Stop asks, then cancels its workflow."""
    workflow_id = cast.play(number=600, pause=0.1)
    handover.hand_over(workflow_id)
    step = step_at_work(workflow_id)
    page = opened([step.id])
    assert not page.exception
    assert numbers(page)[1] == "1"
    workers = page.dataframe[0].value
    assert f"Count of #{workflow_id}" in list(workers["doing"])
    assert "idle" in set(workers["state"])
    page = click(page, "queues-stop")
    assert "stops at once" in said(page)
    assert workflows.get(workflow_id).status is Status.running
    click(page, "queues-sure")
    assert workflows.get(workflow_id).status is Status.cancelled


def test_a_queue_can_be_paused_and_resumed(services):
    """Pause is remembered, shown, and undone by Resume."""
    page = click(opened(), "queues-pause")
    assert not page.exception
    assert queue_view.snapshot().queues[0].paused
    page = click(page, "queues-resume")
    assert not queue_view.snapshot().queues[0].paused
    assert page.button(key="queues-pause")


def test_where_people_sign_in_a_pause_asks_and_is_signed(services, monkeypatch):
    """A pause stops everybody's work: the page asks before it, and says who paused it."""
    people.add("ayşe", "admin", None)
    browser = Visitor(monkeypatch)
    browser.sign_in("ayşe")
    page = press(browser.opens("queues.py"), "queues-pause")
    assert "anyone's workflow" in text(page) and not queue_view.snapshot().queues[0].paused
    page = press(page, "queues-pause-sure")
    assert queue_view.snapshot().queues[0].paused and "Paused by ayşe" in text(page)
    press(page, "queues-resume")
    assert not queue_view.snapshot().queues[0].paused


def test_a_failed_step_can_be_tried_again(home):
    """Retry gives the failed step a new attempt, even while the queue is down."""
    workflow_id = played("bad", fails="It broke.")
    failed = next(step for step in steps.of_workflow(workflow_id) if step.status is Status.failed)
    page = click(opened([failed.id]), "queues-retry")
    assert not page.exception
    assert (steps.get(failed.id).status, steps.get(failed.id).attempt) == (Status.pending, 2)


def test_a_cancelled_step_can_be_tried_again_and_is_not_completed(home):
    """Retry is there for a step that was stopped, and the chart does not count it as completed."""
    workflow_id = cast.play()
    first = steps.of_workflow(workflow_id)[0]
    steps.claim(first.id, 1, "w")
    steps.cancel(workflow_id)
    minutes = steps.history(60)
    assert sum(minute.cancelled for minute in minutes) == 1 and not sum(minute.finished for minute in minutes)
    page = click(opened([first.id]), "queues-retry")
    assert not page.exception and steps.get(first.id).status is Status.pending


def test_history_agrees_with_what_happened(home):
    """What ended is in its minute, and what waits now waits at the end."""
    played("good")
    played("bad", fails="It broke.")
    cast.play()
    minutes = steps.history(60)
    assert len(minutes) == 60
    assert (sum(minute.finished for minute in minutes), sum(minute.failed for minute in minutes)) == (4, 1)
    assert minutes[-1].waiting >= 1
    assert {minute.waiting for minute in minutes[:-2]} == {0}


def test_old_numbers_are_grey_and_say_nothing_of_now():
    """A worker seen before the queue went away is neither busy nor idle: that is not known."""
    worker = WorkerRow("w", "busy", "train", 7, "s21-a1", now(), None, 3, 1, 1)
    assert listings.workers_table([worker], True).data["state"][0] == "busy"
    old = listings.workers_table([worker], False)
    assert old.data["state"][0] == "not known"
    assert listings.GREY.split(": ")[1] in old.to_html()


def step_at_work(workflow_id, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for step in steps.of_workflow(workflow_id):
            if step.name == "count" and step.status is Status.running:
                return step
        time.sleep(0.05)
    raise AssertionError("no step started")
