"""Curves that many look at: read once, drawn once, and never behind what is in the database."""

import pytest
from helpers import cast
from helpers.visitors import Visitor
from sqlalchemy import event

from jobs.pipelines import Measure
from jobs.verbs import people
from pages.parts.workflow import curves
from store import db, steps
from store.messages import Message
from store.steps import Outcome

LOSS = Measure("loss", better="low")


@pytest.fixture
def claim(home):
    """A step that counts, and is being worked on."""
    own = steps.of_workflow(cast.play())
    steps.complete(steps.claim(own[0].id, 1, "somebody"), "greeted", Outcome({}))
    return steps.claim(own[1].id, 1, "somebody")


@pytest.fixture
def asked(home):
    """Every question to the database."""
    found = []
    event.listen(db.engine(), "before_cursor_execute", lambda *told: found.append((told[2], told[3])))
    return found


def seen(claim):
    shared = curves.of(steps.get(claim.step.id))
    return {name: [tuple(point) for point in points] for name, points in shared.curves.items()}


def test_of_a_growing_curve_only_what_is_new_is_read(claim, asked):
    """A second look asks for what came after the first, and has all of it."""
    steps.beat(claim, [(epoch, "count", epoch / 2) for epoch in range(1, 101)])
    assert len(seen(claim)["count"]) == 100
    steps.beat(claim, [(101, "count", 0.25)])
    asked.clear()
    assert seen(claim)["count"][-2:] == [(100, 50.0), (101, 0.25)]
    [(question, parameters)] = [each for each in asked if "FROM metrics" in each[0]]
    given = parameters.values() if isinstance(parameters, dict) else parameters
    assert "metrics.epoch > " in question and 100 in given


def test_a_name_that_comes_late_is_complete(claim):
    """Numbers of an epoch may come in two parts, and one name may stay behind the others."""
    steps.beat(claim, [(0, "train", 1.0), (1, "train", 0.9), (1, "val", 0.5), (2, "train", 0.8)])
    seen(claim)
    steps.beat(claim, [(2, "val", 0.6), (3, "train", 0.7)])
    assert seen(claim) == {"train": [(0, 1.0), (1, 0.9), (2, 0.8), (3, 0.7)], "val": [(1, 0.5), (2, 0.6)]}


def test_what_has_ended_is_not_asked_for_again(claim, asked):
    """Of a step that is over everything is known after one look."""
    steps.complete(claim, "counted", Outcome({}), [(1, "count", 1.0)])
    assert seen(claim) == {"count": [(1, 1.0)]}
    asked.clear()
    assert seen(claim) == {"count": [(1, 1.0)]}
    assert not [question for question, _ in asked if "FROM metrics" in question]


def test_a_new_attempt_has_a_curve_of_its_own(claim):
    """What an attempt before recorded is not shown of the one that began anew."""
    steps.beat(claim, [(1, "count", 1.0)])
    seen(claim)
    steps.lose(steps.get(claim.step.id), Message("worker_lost", {"text": "It was lost."}))
    again = steps.claim(claim.step.id, 2, "somebody")
    steps.beat(again, [(1, "count", 2.0)])
    assert seen(again) == {"count": [(1, 2.0)]}


def test_a_chart_is_drawn_once_for_all_and_anew_when_it_grows(claim):
    """Two who look get the same figure; a new number makes a new one, which has it."""
    steps.beat(claim, [(1, "val_loss", 1.0)])
    shared = curves.of(steps.get(claim.step.id))
    first = shared.chart(LOSS, 10, None, None)
    assert shared.chart(LOSS, 10, None, None) is first
    steps.beat(claim, [(2, "val_loss", 0.5)])
    assert list(curves.of(steps.get(claim.step.id)).chart(LOSS, 10, None, None).data[0].y) == [1.0, 0.5]


def test_who_looks_is_asked_once_or_twice_for_a_page(home, asked, monkeypatch):
    """However many buttons a page has for those who may, it does not ask for each who it is that looks."""
    number = cast.play()
    people.add("ayse", "admin", None)
    somebody = Visitor(monkeypatch)
    somebody.sign_in("ayse")
    asked.clear()
    somebody.opens("workflow.py", id=number)
    assert 1 <= len([question for question, _ in asked if "JOIN sessions" in question]) <= 4
