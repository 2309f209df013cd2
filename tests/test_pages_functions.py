"""Pages of pipelines that are plain functions: their form, their card."""

from typing import Annotated

import pytest
from helpers.visitors import APP, checked, press, text
from streamlit.testing.v1 import AppTest

from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from jobs.pipelines import registry
from store import workflows
from store.workflows import Filter

pytestmark = pytest.mark.usefixtures("home", "cheap")


@step
def measure(city: str, days: int) -> Annotated[int, "measured"]:
    return len(city) * days


@pipeline
def survey(city: str, links: list[str], days: int = 30) -> None:
    """Measures a city *well*.

    In detail."""
    measure(city, days)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    registry.load_built_in()
    others = {
        name: each for name, each in registry._here.items() if not each.is_function
    }  # few cards: it is among them
    monkeypatch.setattr(registry, "_here", {**others, "survey": survey.registered})
    monkeypatch.setattr(registry, "_offered", {})


def new(**asked):
    seen = AppTest.from_file(APP, default_timeout=30).switch_page("new.py")
    for name, value in asked.items():
        seen.query_params[name] = value
    return checked(seen.run())


def test_what_must_be_given_is_said_quietly():
    """Before anything was touched nothing is an error: Start waits, and what is missing stands beside it."""
    seen = new(pipeline="survey")
    assert [each.label for each in (*seen.text_input, *seen.text_area)][1:] == ["City *", "Links *"]
    assert not seen.error and not seen.warning and seen.button(key="new-start").disabled
    assert "To start, fill in city and links." in text(seen) and "Changed" not in text(seen)


def test_what_was_given_is_missing_no_more_until_it_is_emptied():
    """A text that is emptied again is not given; all given, Start starts with it."""
    seen = new(pipeline="survey")
    city = next(each for each in seen.text_input if each.label == "City *")
    seen = checked(city.set_value("Ankara").run())
    assert "To start, fill in links." in text(seen)
    links = next(each for each in seen.text_area if each.label == "Links *")
    seen = checked(links.set_value('["a"]').run())
    assert "fill in" not in text(seen) and not seen.button(key="new-start").disabled
    emptied = checked(next(each for each in seen.text_input if each.label == "City *").set_value("").run())
    assert "To start, fill in city." in text(emptied)


def test_start_hands_over_what_the_form_holds():
    """The workflow has the params as they were typed."""
    seen = new(pipeline="survey", settings='{"city":"Ankara","links":["a","b"]}')
    press(seen, "new-start")
    (workflow,) = workflows.find(Filter(pipelines=("survey",)))
    assert workflow.params == {"city": "Ankara", "links": ["a", "b"], "days": 30}


def test_a_value_of_another_type_is_an_error():
    """What was given and cannot be is said as before."""
    seen = new(pipeline="survey", settings='{"city":"Ankara","links":3}')
    assert seen.error and seen.button(key="new-start").disabled


def test_a_card_says_what_the_pipeline_takes():
    """A pipeline whose steps depend on its params names those, below the first words of its docstring."""
    captions = [each.value for each in new().caption]
    place = next(place for place, text in enumerate(captions) if text.startswith("Measures a city"))
    assert captions[place + 1] == "Takes city, links and days"
