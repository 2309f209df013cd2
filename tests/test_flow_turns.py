"""Turns of a flow in the database: what is written when it waits, and what makes it go on."""

import pytest
from helpers import authored, flowcast

from jobs.engine.runner import run_step
from jobs.language import sentence
from jobs.verbs import questions
from jobs.verbs import workflows as verbs
from store import attempts, steps, workflows
from store.errors import ConflictError
from store.steps import Fenced, turns
from store.steps.turns import Park
from store.tables import Status

pytestmark = pytest.mark.usefixtures("home", "no_loop")


def row(key, needs=(), ended=()):
    return {
        "name": key,
        "key": key,
        "needs": needs,
        "ended": ended,
        "params": {},
        "max_attempts": 1,
        "timeout": 60,
        "fresh": True,
        "source": "helpers.flowcast:double",
    }


@pytest.fixture
def driver():
    """The claim of a flow's driver in its first turn."""
    number = authored.start(flowcast.looks)
    claim = steps.claim(steps.of_workflow(number)[0].id, 1, "worker")
    assert claim
    return claim


def by_key(claim):
    return {each.key: each for each in steps.of_workflow(claim.step.workflow_id)}


def end(claim, key, status):
    step = by_key(claim)[key]
    taken = steps.claim(step.id, step.attempt, "worker")
    if status is Status.completed:
        return steps.complete(taken, "", steps.Outcome({}))
    return steps.fail(taken, authored.a_message(), "", again=False)


def test_a_driver_that_waits_is_ready_once_all_that_it_waits_for_ended(driver):
    """In whatever way; it keeps its attempt, and the next turn has its own job."""
    turns.park(driver, Park((row("a"), row("b")), ("a", "b")))
    waits = by_key(driver)["looks"]
    assert (waits.status, waits.turn, waits.attempt, waits.ready_at) == (Status.pending, 1, 1, None)
    assert waits.job_id == f"s{waits.id}-a1t1"
    assert end(driver, "a", Status.completed) == []
    assert end(driver, "b", Status.failed) == [waits.id]
    assert by_key(driver)["looks"].ready_at
    assert steps.claim(waits.id, 1, "worker") is None  # a late delivery of the turn before
    assert steps.claim(waits.id, 1, "worker", 1)
    assert [each.number for each in attempts.of_steps([waits.id])[waits.id]] == [1]


def test_what_needs_an_end_runs_after_a_failure_and_what_needs_more_is_skipped(driver):
    """`allow_failure` is a need of its own kind."""
    turns.grow(driver, [row("a"), row("strict", ("a",)), row("lenient", ("a",), ("a",)), row("below", ("strict",))])
    ready = end(driver, "a", Status.failed)
    found = by_key(driver)
    assert (found["strict"].status, found["below"].status) == (Status.skipped, Status.skipped)
    assert ready == [found["lenient"].id] and found["lenient"].ready_at


def test_a_driver_that_lost_its_claim_writes_nothing(driver):
    """Neither steps nor waits: two drivers can never go on side by side."""
    assert steps.lose(driver.step, authored.a_message())
    with pytest.raises(Fenced):
        turns.grow(driver, [row("a")])
    with pytest.raises(Fenced):
        turns.park(driver, Park((row("a"),), ("a",)))
    assert list(by_key(driver)) == ["looks"]


def test_who_came_so_far_has_all_attempts_again(driver):
    """Lost workers of many turns do not add up."""
    steps.lose(driver.step, authored.a_message())
    step = by_key(driver)["looks"]
    again = steps.claim(step.id, 2, "worker")
    turns.park(again, Park((row("a"),), ("a",)))
    assert by_key(driver)["looks"].max_attempts == 4


def test_the_workflow_is_as_its_driver_ended():
    """A failure that was handled does not count; while anything is open, it is running."""
    run = authored.run(flowcast.catches)
    assert run.status is Status.completed
    number = authored.start(flowcast.maps, numbers=[1])
    driver = steps.of_workflow(number)[0]
    run_step(driver.id, 1)
    assert workflows.get(number).status is Status.running


def test_a_question_is_answered_once():
    """The second answer is refused in a sentence."""
    number = authored.start(flowcast.asks_kind)
    authored.work_off(number)
    asked = turns.question(number)
    assert turns.answer(asked, "red", None, "page") == [steps.of_workflow(number)[0].id]
    with pytest.raises(ConflictError) as refused:
        turns.answer(asked, "blue", None, "page")
    assert "answered before" in sentence(refused.value.message)
    assert questions.questions(number)[0].answer == "red"


def test_retry_leaves_what_the_flow_handled():
    """A replay would go another way."""
    run = authored.run(flowcast.mixes)
    assert run.status is Status.failed
    verbs.retry(run.id)
    found = {each.key: (each.status, each.attempt) for each in steps.of_workflow(run.id)}
    assert found["refuse"] == (Status.failed, 1) and found["refuse_2"] == (Status.pending, 2)


@pytest.mark.parametrize("flow", [flowcast.outer, flowcast.allows, flowcast.passes_frames, flowcast.in_chunks])
def test_flows_complete_on_every_database(flow):
    """Subflows, failures that are passed on, files that are given, and chunks."""
    assert authored.run(flow).status is Status.completed
