"""Flows: programs whose steps are rows. Each is done three ways: in turns in this process, by workers with a turn for
each wait, and by workers with a driver that lingers."""

import time
from contextlib import ExitStack

import pytest
from conftest import forget
from helpers import authored, flowcast
from helpers.running import finish
from helpers.waiting import until

from jobs.language import sentence
from jobs.services import presence
from jobs.verbs import answering, questions
from jobs.verbs import workflows as verbs
from store import actors, logs, schema, steps, workflows
from store.settings import settings
from store.steps import turns
from store.tables import Status

pytestmark = pytest.mark.usefixtures("no_loop")


class Here:
    """Turns in this process."""

    def start(self, flow, **params):
        return authored.start(flow, **params)

    def done(self, number):
        return authored.work_off(number)

    def answered(self, number, value, step=None):
        self.done(number)
        return self._answer(number, value, step)

    def _answer(self, number, value, step):
        with actors.acting(actors.operator()):
            return answering.answer(number, value, step)

    def out_of_time(self, number):
        """Let the time of what it waits for pass; where workers are, the tick does that."""
        self.done(number)
        until(turns.overdue)
        for each in turns.overdue():
            turns.give_up(each)

    def run(self, flow, **params):
        return self.done(self.start(flow, **params))


class Crew(Here):
    """Workers."""

    def start(self, flow, **params):
        return verbs.start(flow.name, params).id

    def out_of_time(self, number):
        pass

    def done(self, number):
        finish(number, 60)
        return workflows.get(number)

    def answered(self, number, value, step=None):
        until(lambda: any(each.is_open for each in questions.questions(number)), 30)
        return self._answer(number, value, step)


@pytest.fixture(scope="module", params=["here", pytest.param("parked", marks=pytest.mark.live), "lingering"])
def way(request, tmp_path_factory):
    with ExitStack() as rooms:
        patch = rooms.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("TRAINYARD_HOME", str(tmp_path_factory.mktemp("flows")))
        patch.setenv("TRAINYARD_PIPELINES", "helpers.cast,helpers.flowcast")
        patch.setenv("TRAINYARD_WORKERS", "2")
        patch.setenv("TRAINYARD_LINGER_SECONDS", "60" if request.param == "lingering" else "0")
        forget()
        schema.prepare()
        if request.param != "here":
            use = rooms.enter_context(presence.using())
            rooms.enter_context(actors.acting(actors.operator()))
            use.wait_until_ready()
        yield Here() if request.param == "here" else Crew()
    forget()


def value(run):
    (left,) = [each for (step, _), each in authored.left(run).items() if step == run.pipeline]
    return left


def errors(run):
    return [(row.key, sentence(row.error)) for row in steps.of_workflow(run.id) if row.error]


def keys(run):
    return [row.key for row in steps.of_workflow(run.id)]


CASES = [
    (flowcast.looks, {"first": 3}, 24, ["double", "double_2", "double_3"]),
    (flowcast.maps, {"numbers": [1, 2, 3]}, 12, ["double[0]", "double[1]", "double[2]", "add"]),
    (flowcast.names_copies, {}, [7, 14], ["scale[n1]", "scale[n2]"]),
    (flowcast.crosses, {}, [1, 10, 2, 20], ["scale[0]", "scale[1]", "scale[2]", "scale[3]"]),
    (flowcast.empty_map, {}, 0, ["add"]),
    (flowcast.states, {}, ["COMPLETED", "FAILED", "Completed"], ["double", "refuse", "double_2"]),
    (flowcast.allows, {}, "TaskFailed: broken", ["refuse", "explain"]),
    (flowcast.skips, {}, "skipped", ["refuse", "double"]),
    (flowcast.orders, {}, ["double_2", "4"], ["double", "double_2"]),
    (
        flowcast.outer,
        {},
        12,
        ["inner/double[0]", "inner/double[1]", "inner/add", "inner_2/double[0]", "inner_2/add"],
    ),
    (flowcast.gathers, {}, [2, 3, 3], ["later", "later_2", "later_3"]),
    (flowcast.outer_async, {}, [3, 12], None),
    (flowcast.changes_settings, {}, [0.1, 0.2, 0.3], ["rate_of", "rate_of_2", "rate_of_3"]),
    (flowcast.task_group, {}, [2, 3], ["later", "later_2"]),
    (flowcast.swaps, {}, ["a", "b"], None),
    (flowcast.maps_a_set, {}, [20, 40, 60], ["double[0]", "double[1]", "double[2]"]),
    (flowcast.takes_a_future, {}, 9, ["inner_future/double"]),
    (flowcast.passes_frames, {}, 110.0, ["frame", "total"]),
    (flowcast.several, {}, [4, 6, 16], ["both", "both_2", "add"]),
    (flowcast.tries_again, {}, 5, ["once", "flaky"]),
    (flowcast.has_handles, {}, 3, ["load_numbers", "total_of"]),
    (
        flowcast.calls_a_pipeline,
        {},
        16,
        ["sums/load_numbers", "sums/total_of", "sums_2/load_numbers", "sums_2/total_of"],
    ),
    (
        flowcast.gives_wrong,
        {},
        "double: number must be int: input should be a valid integer, unable to parse string as an integer.",
        [],
    ),
]


@pytest.mark.parametrize(("flow", "params", "expected", "asked"), CASES, ids=[case[0].name for case in CASES])
def test_a_flow_does_what_its_function_says(way, flow, params, expected, asked):
    """It completes with the value of its function, and each step that it asked for is a row."""
    run = way.run(flow, **params)
    assert run.status is Status.completed, [
        (row.key, row.error and sentence(row.error)) for row in steps.of_workflow(run.id)
    ]
    assert value(run) == expected
    if asked is not None:
        assert keys(run) == [run.pipeline, *asked]


def test_a_failure_that_the_flow_caught_is_handled(way):
    """It completes, and Retry has nothing to do."""
    run = way.run(flowcast.catches)
    assert run.status is Status.completed and "not today" in value(run)
    failed = authored.rows(run)["refuse"]
    assert failed.status is Status.failed and failed.handled


def test_a_failure_that_is_not_caught_fails_the_flow(way):
    """Its sentence names the step, and Retry revives both."""
    run = way.run(flowcast.fails)
    assert run.status is Status.failed
    assert (
        sentence(authored.rows(run)["fails"].error)
        == "Step refuse did not complete. The step stopped with an error: no"
    )
    with actors.acting(actors.operator()):
        verbs.retry(run.id)
    run = way.done(run.id)
    assert run.status is Status.failed and authored.rows(run)["refuse"].attempt == 2


def test_a_chunk_is_done_by_one_process(way):
    """Each item is a row with its own log, retries and failure; what follows a failed one is done all the same."""
    run = way.run(flowcast.in_chunks)
    assert run.status is Status.completed, errors(run)
    assert value(run) == [number for number in range(20) if number % 10 != 7]
    rows = steps.of_workflow(run.id)[1:]
    assert [row.status for row in rows if row.name == "picky"].count(Status.failed) == 2
    assert {row.attempt for row in rows} == {1, 2, 3}
    if type(way) is Crew:
        said = [logs.tail(row.id, 100) for row in rows]
        where = [next(line.text for line in lines if "process" in line.text) for lines in said]
        assert len({where[0], where[1], where[2]}) == 1 and len(set(where)) <= 14


def test_what_is_drawn_once_is_the_same_in_each_turn(way):
    """once() is a row that is there before the flow goes on."""
    run = way.run(flowcast.remembers)
    first, second = value(run)
    rows = authored.rows(run)
    assert [rows["once"].result["value"], rows["once_2"].result["value"]] == [first, second] and first != second


def test_another_way_is_told_in_one_sentence(way):
    """A replay that asks for something else than is recorded says what and where."""
    run = way.run(flowcast.wanders)
    if authored.rows(run)["wanders"].turn == 0:  # it lingered, and was never replayed
        assert run.status is Status.completed
        return
    said = sentence(authored.rows(run)["wanders"].error)
    assert run.status is Status.failed
    assert said.startswith("At call 1 the flow asks for double(number=") and "once()" in said


def test_a_person_is_asked_and_answers(way):
    """A plain value, then several fields; an answer of the wrong kind is refused with its field."""
    number = way.start(flowcast.asks)
    way.answered(number, "yes")
    with pytest.raises(Exception, match="version"):
        way.answered(number, {"share": 0.1})
    asked = way.answered(number, {"version": "1.2", "share": "0.25"})
    assert asked.answer == {"version": "1.2", "share": 0.25} and not asked.is_open
    run = way.done(number)
    assert run.status is Status.completed and value(run) == "1.2 at 0.25"


def test_a_choice_is_one_of_those_offered(way):
    """Others are refused before the flow sees them; the question waits on."""
    number = way.start(flowcast.asks_kind)
    with pytest.raises(Exception, match="red"):
        way.answered(number, "green")
    way.answered(number, "blue")
    assert value(way.done(number)) == "blue"


def test_undoing_runs_each_time(way):
    """What was undone in one run is undone in the next, too, though all is equal."""
    written = settings().folder / "undone.txt"
    written.unlink(missing_ok=True)
    for number in (1, 2):
        assert value(way.run(flowcast.undoes)) == "flight\n" * number
    written.unlink()


def test_retry_runs_again_what_an_error_came_from(way):
    """Also where the flow raised another one because of it."""
    (settings().folder / "broken").touch()
    run = way.run(flowcast.wraps)
    assert run.status is Status.failed
    (settings().folder / "broken").unlink()
    with actors.acting(actors.operator()):
        verbs.retry(run.id)
    run = way.done(run.id)
    assert run.status is Status.completed and value(run) == 1


def test_what_fails_in_a_task_group_fails_the_flow(way):
    """And is no failure that the flow handled: Retry runs it again."""
    run = way.run(flowcast.group_fails)
    assert run.status is Status.failed and not authored.rows(run)["refuse_later"].handled


def test_a_replay_that_asks_for_less_is_told(way):
    """What is recorded and not asked for again would be lost without a word."""
    run = way.run(flowcast.asks_for_fewer)
    if authored.rows(run)["asks_for_fewer"].turn:
        assert authored.rows(run)["asks_for_fewer"].error.code == "another_end"


def test_a_default_is_of_the_type_that_is_asked_for(way):
    """A model, as well as a plain value."""
    number = way.start(flowcast.asks_with_a_default)
    way.out_of_time(number)
    assert value(way.done(number)) == "1.0"


def test_nobody_answers_in_time(way):
    """The flow gets TimeoutError, or the default of the question."""
    number = way.start(flowcast.asks_briefly)
    for _ in range(2):
        way.out_of_time(number)
    run = way.done(number)
    assert value(run) == "nobody; 7"


def test_a_flow_may_take_so_long_in_all(way):
    """Its time limit counts while it waits, too."""
    number = way.start(flowcast.asks_slowly)
    way.out_of_time(number)
    run = way.done(number)
    assert run.status is Status.failed and authored.rows(run)["asks_slowly"].error.code == "flow_overdue"


def test_threads_of_a_flow_are_refused(way):
    """What they ask for would come in another order each time."""
    run = way.run(flowcast.from_a_thread)
    assert "in another thread" in sentence(authored.rows(run)["from_a_thread"].error)


def test_a_runaway_loop_is_ended(way):
    """At the limit of the flow, with a sentence."""
    run = way.run(flowcast.runs_away)
    assert run.status is Status.failed and len(keys(run)) <= 7
    assert authored.rows(run)["runs_away"].error.code in ("too_many_steps", "too_many_turns")


def test_a_replay_says_nothing_twice(way):
    """The log of the driver has each line once, in order."""
    if type(way) is Here:
        return  # what is printed is captured where a step has a process of its own
    run = way.run(flowcast.talks)
    said = [line.text for line in logs.tail(authored.rows(run)["talks"].id, 100) if line.text]
    assert said == ["before", "between", "a line", "after"]


def test_steps_begin_while_the_flow_computes(way):
    """What was submitted is written after a moment, though the flow asks for nothing."""
    if type(way) is Here:
        return
    run = way.run(flowcast.computes_meanwhile)
    if authored.rows(run)["computes_meanwhile"].turn == 0:
        assert value(run) is True


def test_a_restart_takes_over_steps_and_runs_tasks_again(way):
    """Steps are reused across runs; run from here reuses all above, and runs the chosen one."""
    first = way.run(flowcast.reuses, count=int(time.time()) % 1000 + 5)
    with actors.acting(actors.operator()):
        again = verbs.restart(first.id).id
    again = way.done(again)
    reused = {row.key: row.reused_from is not None for row in steps.of_workflow(again.id)}
    assert reused == {"reuses": False, "load_numbers": True, "total_of": True} and value(again) == value(first)
    with actors.acting(actors.operator()):
        third = verbs.rerun_from(again.id, "total_of", {}).id
    third = way.done(third)
    reused = {row.key: row.reused_from is not None for row in steps.of_workflow(third.id)}
    assert reused == {"reuses": False, "load_numbers": True, "total_of": False}
    with actors.acting(actors.operator()):
        fourth = way.done(verbs.restart(third.id).id)
    assert {row.key: row.reused_from is not None for row in steps.of_workflow(fourth.id)}["total_of"]


def test_run_from_here_takes_over_what_its_own_run_left(way):
    """Of equal steps each has the result of its like, and a value that was worked out once stays."""
    first = way.run(flowcast.polls)
    with actors.acting(actors.operator()):
        again = way.done(verbs.rerun_from(first.id, "show", {}).id)
    assert value(again) == value(first)
    assert [row.reused_from is not None for row in steps.of_workflow(again.id) if row.name == "poll"] == [True] * 3


def test_cancel_ends_a_flow_that_waits(way):
    """Its question, too."""
    number = way.start(flowcast.asks)
    if type(way) is Here:
        way.done(number)
    until(lambda: any(each.is_open for each in questions.questions(number)), 30)
    with actors.acting(actors.operator()):
        verbs.cancel(number)
    assert {row.status for row in steps.of_workflow(number)} == {Status.cancelled}
    with actors.acting(actors.operator()):
        verbs.retry(number)
    way.answered(number, "no")
    assert value(way.done(number)) == "kept"
