"""Pages of flows: an open question is noticed, a failure that was handled stops nothing, the graph shows the driver."""

import json
from contextlib import suppress

import pytest
from helpers import authored, flowcast
from helpers.visitors import APP, checked, press, text
from streamlit.testing.v1 import AppTest

from jobs.engine.runner import StepFailedError, run_step
from jobs.verbs import answer_links, answering, questions
from pages.parts import graph
from pages.parts.workflow import folds, notebook
from store import actors, steps
from store.tables import Status

pytestmark = pytest.mark.usefixtures("home", "cheap")


def opened(page="workflow.py", **asked):
    seen = AppTest.from_file(APP, default_timeout=30).switch_page(page)
    for name, value in asked.items():
        seen.query_params[name] = str(value)
    return checked(seen.run())


def waiting(flow, **params):
    number = authored.start(flow, **params)
    authored.work_off(number)
    return number


def test_an_open_question_is_at_the_top_and_counted():
    """The page says that it needs an answer; the driver says to what; the cell points up; the side bar counts."""
    number = waiting(flowcast.asks)
    seen = opened(id=number)
    assert "violet-badge[:material/contact_support: Needs an answer]" in text(seen)
    assert "Waiting for an answer to “Release it?”" in text(seen) and "Answer it at the top" in text(seen)
    assert "1 question to answer" in text(seen)
    (notice,) = [json.loads(each.proto.json) for each in seen.get("bidi_component")]
    assert notice["asks"] == "Release it?" and not notice["ended"]
    press(seen, f"answer-{steps.of_workflow(number)[1].id}-yes")
    assert questions.questions(number)[0].answer is True


def test_a_question_with_several_fields_waits_for_what_must_be_given():
    """Answer can be pressed once the version is there."""
    number = waiting(flowcast.asks)
    with actors.acting(actors.operator()):
        answering.answer(number, True)
    authored.work_off(number)
    key = f"answer-{steps.of_workflow(number)[2].id}-answer"
    seen = opened(id=number)
    assert seen.button(key=key).disabled and "Yes, answered" in text(seen)
    seen = checked(next(each for each in seen.text_input if each.label == "Version *").set_value("1.2").run())
    press(seen, key)
    assert questions.questions(number)[1].answer == {"version": "1.2", "share": 0.5}


def test_the_list_names_what_is_asked():
    """A box above the list leads to each question, and its row says that it needs an answer."""
    waiting(flowcast.asks), waiting(flowcast.asks_kind)
    seen = opened("workflows.py")
    assert "2 questions to answer" in text(seen) and "Which colour?" in text(seen)
    assert list(seen.dataframe[0].value["status"]) == [["Needs an answer"]] * 2


def test_an_answer_by_link_says_so_in_its_cell():
    """Not by whom, which nobody knows."""
    number = waiting(flowcast.asks)
    with actors.acting(actors.operator()):
        token = answer_links.path_of(questions.questions(number)[0]).rpartition("/")[2]
    answer_links.answer(token, {"answer": "no"}, "203.0.113.1")
    assert "No, answered by link" in text(opened(id=number))


def test_a_handled_failure_stops_nothing():
    """It is marked as handled, its log stays closed, and no Retry is offered."""
    run = authored.run(flowcast.catches)
    seen = opened(id=run.id)
    assert "Handled]" in text(seen) and "Stopped at" not in text(seen)
    assert not [button.key for button in seen.button if button.key and button.key.startswith("retry")]
    rows = steps.of_workflow(run.id)
    assert folds.counted(rows) == "1 completed, 1 failed and handled"
    assert [fold.status for fold in folds.of(rows)] == [Status.completed, Status.failed]


def test_a_failed_driver_points_to_the_step_that_failed():
    """Its own cell has no buttons: they are in the cell of that step."""
    run = authored.run(flowcast.fails)
    seen = opened(id=run.id)
    assert "Its cell is below" in text(seen)
    retries = [button.key for button in seen.button if button.key and button.key.startswith("retry-")]
    assert retries and all(str(authored.rows(run)["fails"].id) != key.rpartition("-")[2] for key in retries)


def test_the_graph_shows_what_a_driver_asks_for():
    """Dotted arrows from it to what needs nothing else; none back while it waits."""
    number = waiting(flowcast.asks)
    rows = steps.of_workflow(number)
    drawn = graph.mermaid(rows, steps.needs_of(number), {})
    assert "n0 -.-> n1" in drawn and "n1 --> n0" not in drawn
    run = authored.run(flowcast.maps, numbers=[1, 2])
    drawn = graph.mermaid(steps.of_workflow(run.id), steps.needs_of(run.id), {})
    assert [arrow in drawn for arrow in ("n0 -.-> n1", "n0 -.-> n2", "n1 --> n3", "n2 --> n3", "n0 -.-> n3")] == [
        *(True,) * 4,
        False,
    ]


def test_steps_in_flows_are_named_by_their_group():
    """Inner 2: Add, rather than Inner 2/add."""
    run = authored.run(flowcast.outer)
    book = notebook.read(run.id)
    assert [book.title(step) for step in book.steps][-1] == "Inner 2: Add"


def test_a_driver_says_how_many_it_waits_for():
    """Steps that are alike are counted together."""
    run = authored.run(flowcast.maps, numbers=list(range(5)))
    assert notebook._needs_words(steps.of_workflow(run.id)[1:], {}) == "waiting for Double × 5 and Add"


def test_a_value_that_is_kept_is_said_once():
    """In words, and not as a result beside them."""
    run = authored.run(flowcast.remembers)
    said = text(opened(id=run.id))
    assert said.count("Kept for the whole run: ") == 2 and "Value:" not in said


def test_what_no_process_did_has_neither_a_log_nor_a_duration():
    """An answered question is its text and its answer."""
    number = waiting(flowcast.asks)
    with actors.acting(actors.operator()):
        answering.answer(number, False)
    authored.work_off(number)
    seen = opened(id=number)
    assert [pills.label for pills in seen.button_group if pills.label.startswith("Show of")] == ["Show of Asks"]
    assert "No, answered" in text(seen)


def test_a_flow_that_runs_has_not_stopped_at_a_failure():
    """It may yet handle it."""
    number = authored.start(flowcast.states)
    driver = steps.of_workflow(number)[0]
    run_step(driver.id, driver.attempt, driver.turn)
    for row in steps.of_workflow(number)[1:]:
        with suppress(StepFailedError):
            run_step(row.id, row.attempt, row.turn)
    assert Status.failed in {row.status for row in steps.of_workflow(number)}
    assert "Stopped at" not in text(opened(id=number))


def test_new_says_that_the_steps_of_a_flow_are_not_known():
    """Rather than that it has one."""
    authored.start(flowcast.looks)  # which makes it known here
    seen = opened("new.py", pipeline="looks")
    assert "its steps are known when it runs" in text(seen) and "1 step" not in text(seen)
