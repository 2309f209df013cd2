"""Open pages redraw themselves often while few look, and no more often than a server can bear while many do."""

import json

import pytest
from helpers.notebooks import claim, done, page, tabular, text

from jobs.pipelines import Measure
from pages.parts import charts, crowd
from pages.parts.crowd import Crowd
from store.metrics import Point


class Clock:
    """A time that passes when it is told to."""

    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


def gathered(clock, number):
    """So many pages, which have been drawn within the last second."""
    found = Crowd(clock)
    for each in range(number):
        clock.at += 1 / number
        found.pace(f"page {each}")
    return found


@pytest.mark.parametrize(("number", "seconds"), [(1, 2), (20, 2), (21, 3), (30, 3), (100, 10)])
def test_many_pages_are_drawn_no_more_often_than_a_server_bears(clock, number, seconds):
    """Ten a second, whoever looks; a few are drawn every two seconds."""
    assert gathered(clock, number).pace("page 0") == seconds


def test_one_page_counts_once(clock):
    """Whatever is live on it, and however often it is drawn."""
    found = gathered(clock, 1)
    assert {found.pace("page 0") for _ in range(100)} == {2}


def test_those_who_left_do_not_count(clock):
    """A page that was closed misses its turns; the others are drawn more often again."""
    found = gathered(clock, 30)
    clock.at += crowd.MISSED * 3
    found.pace("page 0")
    assert found.pace("page 0") == 2


def test_one_who_comes_and_goes_changes_it_once(clock):
    """A change redraws the whole page of everybody."""
    found = gathered(clock, 21)
    for turn in range(10):
        clock.at += 3
        paces = {found.pace(f"page {each}") for each in range(20 + turn % 2)}
        assert paces == {3}


def test_a_page_says_how_often_it_is_drawn(home, monkeypatch):
    """The footer of a running workflow says what is true while many look."""
    full = gathered(Clock(), 30)
    monkeypatch.setattr(crowd, "here", lambda: full)
    number = tabular()
    done(number, "upload")
    claim(number, "preprocess")
    assert "Live · every 4 s" in text(page(id=number))


def test_a_chart_is_prepared_for_sending_once():
    """Many look at the curves of one workflow."""
    points = {"val_accuracy": [Point(epoch, 0.5) for epoch in range(1, 100)]}
    figure = charts.learning(points, Measure("accuracy"))
    assert figure.to_dict() is figure.to_dict()
    assert json.loads(figure.to_json())["data"][0]["type"] == "scatter"
    assert charts.without_drag(figure).to_dict()["layout"]["dragmode"] is False
    assert "dragmode" not in figure.to_dict()["layout"]
