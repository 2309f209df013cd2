"""Sweeps: groups of workflows that differ in what is tried; what is shared is done once, and no kill loses a trial."""

from datetime import timedelta

import pytest
from helpers import cast
from helpers.refusals import refuses
from sqlalchemy import update

from jobs.engine import runner
from jobs.language import sentence
from jobs.pipelines import registry
from jobs.verbs import leaderboard, shares, sweeps
from jobs.verbs import workflows as verbs
from jobs.verbs.sweeps import Budget
from store import actors, audit, db, logs, people, steps, workflows
from store import sweeps as stored
from store.actors import Actor, Role
from store.errors import ConflictError, InvalidError, NotFoundError, RequestError, UnavailableError
from store.messages import Message
from store.tables import Priority, Status, now
from store.tables import steps as step_table
from store.tables import sweeps as table
from store.workflows import Filter


@pytest.fixture
def data(home, monkeypatch):
    """A dataset; there is no queue, and steps are run here."""
    monkeypatch.setattr("jobs.engine.handover.hand_over", lambda _workflow_id: [])
    monkeypatch.setattr(sweeps, "_failing", {})
    return {"data": cast.dataset().id}


def begin(data, values=None, **more):
    return sweeps.start("choir", more.pop("params", None), data, values, **more)


def waiting():
    """The steps that may begin now, as workflow and key."""
    return [(step.workflow_id, step.key) for step in steps.waiting()]


def work(*only):
    """Be a worker: do what may begin, until nothing may; returns what was done."""
    done = []
    while ready := [step for step in steps.waiting() if not only or step.key in only]:
        for step in ready:
            done.append((step.workflow_id, step.key))
            try:
                runner.run_step(step.id, step.attempt)
            except runner.StepFailedError:
                continue
    return done


def finish():
    """Be workers and the tick, until every sweep is over."""
    while sweeps.go_on():
        work()


def ran(key):
    """How often a step was really done, and not reused."""
    with db.reading() as connection:
        ids = list(connection.scalars(step_table.select().with_only_columns(step_table.c.id)))
    found = [steps.get(each) for each in ids]
    return sum(step.key == key and step.status is Status.completed and not step.reused_from for step in found)


def members(sweep):
    return workflows.get_many(stored.members([sweep.id])[sweep.id])


def test_every_choice_becomes_a_workflow(data):
    """Without further words all choices of the param that is marked are tried, as workflows behind people's work."""
    sweep = begin(data)
    own = members(sweep)
    assert [each.params["voice"] for each in own] == list(cast.VOICES)
    assert {(each.priority, each.origin, each.sweep_id) for each in own} == {(Priority.sweep, "sweep", sweep.id)}
    assert [each.trial for each in own] == [0, 1, 2, 3] and sweep.started == 4
    assert len({each.name for each in own}) == 4, "their names tell them apart"
    assert sweep.name == "tiny, 4 choices of voice"


def test_what_is_shared_is_done_once(data):
    """The first trial goes ahead alone; the others begin when it has done what they share, and reuse it."""
    sweep = begin(data)
    first = members(sweep)[0].id
    assert waiting() == [(first, "tune")]
    sweeps.go_on()
    assert waiting() == [(first, "tune")], "also at the next look"
    assert work("tune") == [(first, "tune")]
    assert waiting() == [(first, "sing")]
    sweeps.go_on()
    assert len(waiting()) == 4
    finish()
    assert (ran("tune"), ran("sing")) == (1, 4)
    assert sum(line.text == "tuned" for step in every("tune") for line in logs.tail(step.id)) == 1
    assert leaderboard.of(sweep.id).status is Status.completed


def every(key):
    return [step for each in workflows.find(Filter(), 100) for step in steps.of_workflow(each.id) if step.key == key]


def test_each_group_that_shares_has_one_that_goes_ahead(data):
    """A grid over a shared step and one below it: one trial a value of the first goes ahead, side by side."""
    sweep = begin(data, {"pitch": [440, 442], "voice": ["alto", "bass"]}, method="grid")
    own = members(sweep)
    assert [(each.params["pitch"], each.params["voice"]) for each in own] == [
        (440, "alto"),
        (440, "bass"),
        (442, "alto"),
        (442, "bass"),
    ]
    assert [workflow_id for workflow_id, _ in waiting()] == [own[0].id, own[2].id]
    finish()
    assert (ran("tune"), ran("sing")) == (2, 4)


@pytest.mark.parametrize("end", ["fails", "is cancelled", "is deleted"])
def test_when_the_first_ends_early_the_next_goes_ahead(data, end):
    """Nobody waits for a trial that will never do what is shared."""
    sweep = begin(data)
    first, second = (each.id for each in members(sweep)[:2])
    if end == "fails":
        step = steps.of_workflow(first)[0]
        claim = steps.claim(step.id, 1, "somebody")
        steps.fail(claim, cast.StepError("It broke.").message, "", again=False)
    else:
        verbs.cancel(first)
    if end == "is deleted":
        verbs.remove([first])
    sweeps.go_on()
    assert waiting() == [(second, "tune")]
    finish()
    assert ran("tune") == 1 and leaderboard.of(sweep.id).status is Status.completed


def test_a_sweep_that_was_half_written_is_finished(data, monkeypatch):
    """A process is killed after two of four trials: the tick starts the others, once, as the person who began."""
    started = verbs.start

    def dies(*given, **more):
        if more["trial"][1] == 2:
            raise KeyboardInterrupt
        return started(*given, **more)

    monkeypatch.setattr(sweeps.workflows, "start", dies)
    with actors.acting(Actor("ayse", Role.analyst, "page")), pytest.raises(KeyboardInterrupt):
        begin(data)
    monkeypatch.setattr(sweeps.workflows, "start", started)
    (sweep,) = stored.find()
    assert sweep.started == 2 and len(members(sweep)) == 2
    with actors.acting(actors.TICK):
        sweeps.go_on()
        sweeps.go_on()
    assert [(each.trial, each.created_by) for each in members(sweep)] == [(each, "ayse") for each in range(4)]
    finish()
    assert (ran("tune"), ran("sing")) == (1, 4)


def test_two_that_go_on_at_once_start_a_trial_once(data):
    """A trial is counted in the transaction that writes it: who comes second is refused."""
    sweep = begin(data)
    with refuses(ConflictError, match="Another process has started this trial"):
        verbs.start("choir", {"voice": "bass"}, data, trial=(sweep.id, 1))
    assert len(members(sweep)) == 4


def test_a_deleted_trial_is_not_started_again(data):
    """Somebody deletes a trial that has ended: it stays away, and the others are ranked."""
    sweep = begin(data)
    finish()
    verbs.remove([members(sweep)[1].id])
    sweeps.go_on()
    assert [row.values["voice"] for row in leaderboard.of(sweep.id).rows] == ["tenor", "soprano", "bass"]


def test_the_same_request_starts_one_sweep(data):
    """A double click is one sweep."""
    assert begin(data, request="click").id == begin(data, request="click").id
    assert stored.count() == 1 and workflows.count(Filter()) == 4


def test_stop_cancels_what_is_open(data):
    """What has completed stays, everything else is cancelled, and nothing further starts."""
    sweep = begin(data)
    work("tune")
    work("sing")
    stopped = sweeps.stop(sweep.id)
    assert stopped.ended_at is not None
    assert [each.status for each in members(sweep)] == [Status.completed, *[Status.cancelled] * 3]
    board = leaderboard.of(sweep.id)
    assert board.status is Status.cancelled and board.best.values == {"voice": "soprano"}
    assert sweeps.go_on() == 0 and waiting() == []
    with refuses(ConflictError, match="already over"):
        sweeps.stop(sweep.id)
    assert audit.find()[0].about == f"sweep {sweep.id}"


def test_a_stop_that_was_cut_off_is_finished(data, monkeypatch):
    """A process is killed while it cancels: the tick cancels the rest."""
    sweep = begin(data)
    cancel = verbs.cancel

    def dies(workflow_id):
        cancel(workflow_id)
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeps.workflows, "cancel", dies)
    with pytest.raises(KeyboardInterrupt):
        sweeps.stop(sweep.id)
    monkeypatch.setattr(sweeps.workflows, "cancel", cancel)
    with actors.acting(actors.TICK):
        sweeps.go_on()
    assert {each.status for each in members(sweep)} == {Status.cancelled}
    assert stored.get(sweep.id).ended_at is not None


def test_a_retry_after_the_end_is_left_alone(data):
    """A trial that somebody retries after the sweep was stopped runs like any workflow."""
    sweep = begin(data)
    sweeps.stop(sweep.id)
    again = members(sweep)[2].id
    verbs.retry(again)
    sweeps.go_on()
    assert work() == [(again, "tune"), (again, "sing")]
    assert workflows.get(again).status is Status.completed


def test_a_budget_of_trials(data):
    """Only the first so many are tried."""
    sweep = begin(data, budget=Budget(trials=2))
    assert [each.params["voice"] for each in members(sweep)] == ["soprano", "alto"]


def test_a_budget_of_minutes(data):
    """When the minutes are over, what is open is cancelled, and what has completed counts."""
    sweep = begin(data, budget=Budget(minutes=5))
    work("tune")
    work("sing")
    sweeps.go_on()
    assert stored.get(sweep.id).ended_at is None
    with db.writing() as connection:
        connection.execute(update(table).values(created_at=now() - timedelta(minutes=6)))
    sweeps.go_on()
    board = leaderboard.of(sweep.id)
    assert (board.status, board.sweep.stopped.code) == (Status.completed, "sweep_out_of_time")
    assert sorted(row.status for row in board.rows) == ["cancelled", "cancelled", "cancelled", "completed"]


def test_a_budget_of_ages_that_was_stored_harms_nothing(data):
    """A sweep of an older release, whose minutes no calendar holds, goes on."""
    sweep = begin(data)
    with db.writing() as connection:
        connection.execute(update(table).values(most_minutes=1e300))
    finish()
    assert leaderboard.of(sweep.id).status is Status.completed


def test_a_budget_takes_the_first_of_a_large_grid(data):
    """A grid of more trials than a sweep may have is tried up to the budget, and the name says so."""
    values = {"pitch": list(range(100)), "voice": list(cast.VOICES)}
    with refuses(InvalidError, match="400 trials.*budget.trials"):
        begin(data, values, method="grid")
    sweep = begin(data, values, method="grid", budget=Budget(trials=3))
    assert [each.params["voice"] for each in members(sweep)] == ["soprano", "alto", "tenor"]
    assert sweep.name == "tiny, 3 of 400 choices of pitch and voice"


def test_so_many_are_open_at_once(data, monkeypatch):
    """Of a large sweep some trials are open, and as they end the tick starts others."""
    monkeypatch.setattr(sweeps, "AT_ONCE", 2)
    sweep = begin(data)
    assert len(members(sweep)) == 2 and leaderboard.of(sweep.id).rows[-1].workflow is None
    work("tune")
    work("sing")
    sweeps.go_on()
    assert len(members(sweep)) == 3
    finish()
    assert len(members(sweep)) == 4 and ran("tune") == 1


def test_what_cannot_be_started_any_more_ends_the_sweep(data, monkeypatch):
    """The code of the pipeline is gone before the last trial was started: the sweep says so and ends."""
    monkeypatch.setattr(sweeps, "AT_ONCE", 1)
    sweep = begin(data)
    work("tune")
    work("sing")
    with db.writing() as connection:
        connection.execute(update(table).values(pipeline="gone"))
    sweeps.go_on()
    board = leaderboard.of(sweep.id)
    assert board.sweep.stopped.code == "sweep_refused" and board.status is Status.completed
    assert [row.status for row in board.rows] == [Status.completed, *[Status.cancelled] * 3]


def test_a_refused_trial_leaves_the_others_alone(data, monkeypatch):
    """What has started runs to its end, also what still waits for what another one shares with it."""
    monkeypatch.setattr(sweeps, "AT_ONCE", 2)
    sweep = begin(data)
    with db.writing() as connection:
        connection.execute(update(table).values(pipeline="gone", started=1))
    verbs.cancel(members(sweep)[0].id)
    sweeps.go_on()
    assert stored.get(sweep.id).stopped.code == "sweep_refused"
    finish()
    assert [each.status for each in members(sweep)] == [Status.cancelled, Status.completed]
    assert stored.get(sweep.id).ended_at is not None


AWAY = [
    UnavailableError(Message("own_pipelines_too_slow", {"seconds": 30})),
    NotFoundError(Message(registry.UNKNOWN_BESIDE_FAULTS, {"given": "choir", "known": [], "faults": []})),
]


@pytest.mark.parametrize("away", AWAY)
def test_what_may_pass_is_tried_again(data, monkeypatch, away):
    """While a pipeline's file is being edited no trial can start: the sweep goes on when it is whole again."""
    monkeypatch.setattr(sweeps, "AT_ONCE", 1)
    sweep = begin(data)
    work()
    with monkeypatch.context() as editing:
        editing.setattr(sweeps.workflows, "start", raises(away))
        sweeps.go_on()
        sweeps.go_on()
    assert stored.get(sweep.id).stopped is None
    finish()
    assert {each.status for each in members(sweep)} == {Status.completed} and len(members(sweep)) == 4


def test_a_sweep_that_is_written_is_started(data, monkeypatch):
    """When no trial can start at this moment, the sweep is there all the same, and the tick goes on with it."""
    with monkeypatch.context() as editing:
        editing.setattr(sweeps.workflows, "start", raises(AWAY[0]))
        sweep = begin(data)
    sweeps.go_on()
    assert len(members(sweep)) == 4


def test_what_does_not_pass_ends_the_sweep(data, monkeypatch):
    """A sweep that nothing can be started for, for very long, says why; what has started runs on."""
    monkeypatch.setattr(sweeps, "AT_ONCE", 2)
    sweep = begin(data)
    work("tune")
    work("sing")
    monkeypatch.setattr(sweeps, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(sweeps.workflows, "start", raises(AWAY[0]))
    sweeps.go_on()
    sweeps.go_on()
    why = stored.get(sweep.id).stopped
    assert why.code == "sweep_refused" and "took longer than 30 s" in sentence(why)
    finish()
    assert [each.status for each in members(sweep)] == [Status.completed] * 2


def test_a_sweep_that_always_fails_is_stopped(data, monkeypatch, caplog):
    """A fault of ours is logged once, not twice a second, and ends the sweep in the end."""
    sweep = begin(data)
    monkeypatch.setattr(sweeps, "_go_on", raises(ZeroDivisionError()))
    for _ in range(3):
        sweeps.go_on()
    assert len(caplog.records) == 1 and stored.get(sweep.id).stopped is None
    monkeypatch.setattr(sweeps, "PATIENCE_SECONDS", 0.0)
    assert sweeps.go_on() == 1 and sweeps.go_on() == 0
    assert stored.get(sweep.id).stopped.code == "sweep_failed"
    assert {each.status for each in members(sweep)} == {Status.cancelled}


def raises(error):
    def always(*_given, **_more):
        raise error

    return always


@pytest.fixture
def ayse(data):
    """An analyst with an account, and what she acts as."""
    person = people.add("ayse", Role.analyst, None)
    return Actor("ayse", Role.analyst, "page", person_id=person.id)


@pytest.mark.parametrize(("end", "code"), [("removed", "sweep_of_removed_person"), ("viewer", "sweep_of_viewer")])
def test_nothing_starts_for_someone_who_may_not_start(data, monkeypatch, ayse, end, code):
    """The account is removed or becomes a viewer's: no further trial starts, and the one that runs goes on."""
    monkeypatch.setattr(sweeps, "AT_ONCE", 1)
    with actors.acting(ayse):
        sweep = begin(data)
    with actors.acting(actors.TICK):
        work()
        sweeps.go_on()
        assert len(members(sweep)) == 2
        people.remove(ayse.person_id) if end == "removed" else people.change(ayse.person_id, role=Role.viewer)
        work("tune")
        finish()
    assert [each.status for each in members(sweep)] == [Status.completed] * 2
    assert stored.get(sweep.id).stopped.code == code and stored.get(sweep.id).ended_at is not None


def test_a_command_needs_no_account(data, monkeypatch, ayse):
    """A sweep that a command on the machine has started goes on, although its account is none of the app's."""
    monkeypatch.setattr(sweeps, "AT_ONCE", 1)
    with actors.acting(Actor("root", Role.admin, "command")):
        sweep = begin(data)
    with actors.acting(actors.TICK):
        finish()
    assert len(members(sweep)) == 4


def test_one_bad_sweep_does_not_stop_the_others(data, monkeypatch):
    """The tick goes on with every other sweep."""
    bad, good = begin(data), begin(data)
    go_on = sweeps._go_on
    monkeypatch.setattr(sweeps, "_go_on", lambda sweep_id: go_on(sweep_id) if sweep_id != bad.id else 1 / 0)
    work()
    sweeps.go_on()
    assert len([each for each in waiting() if each[0] in stored.members([good.id])[good.id]]) == 3


def test_a_person_with_a_full_share_waits(data, monkeypatch, ayse):
    """Where people sign in, a sweep is refused as a workflow is; one that began goes on by the tick."""
    monkeypatch.setattr(shares, "MOST_WAITING", 3)
    with actors.acting(ayse):
        sweep = begin(data)
        assert len(members(sweep)) == 3
        with refuses(RequestError, match="waiting"):
            begin(data)
    with actors.acting(actors.TICK):
        sweeps.go_on()
    assert len(members(sweep)) == 4


# The leaderboard


def test_the_leaderboard_has_the_best_first(data):
    """Ranked by the main measure; those that failed come last and say why."""
    sweep = begin(data, params={"hoarse": "soprano"})
    board = leaderboard.of(sweep.id)
    assert board.measure is None and board.best is None and board.status is Status.pending
    finish()
    board = leaderboard.of(sweep.id)
    assert [row.values["voice"] for row in board.rows] == ["alto", "tenor", "bass", "soprano"]
    assert [row.score for row in board.rows] == [0.9, 0.89, 0.2, None]
    assert board.measure.name == "applause" and board.best.workflow.params["voice"] == "alto"
    assert sentence(board.rows[-1].error) == "This voice is hoarse." and board.status is Status.completed
    assert board.rows[0].model_size == len("alto") and board.rows[0].seconds >= 0
    assert (board.rows[0].spread, board.rows[0].row_microseconds, board.rows[-1].spread) == (0.01, 3.0, None)


def test_how_long_a_row_takes_is_no_part_of_a_result(data):
    """Equal runs have equal results, although they take different times; a reused trial has the time of the first."""
    first, second = begin(data), begin(data)
    finish()
    assert all("row_microseconds" not in step.result for each in members(first) for step in steps.of_workflow(each.id))
    rows = leaderboard.of(second.id).rows
    assert all(row.reused for row in rows) and {row.row_microseconds for row in rows} == {3.0}


def test_a_sweep_of_which_all_failed_has_failed(data):
    """Nothing completed, and so says the sweep."""
    sweep = begin(data, {"voice": ["bass"]}, params={"hoarse": "bass"})
    finish()
    assert leaderboard.of(sweep.id).status is Status.failed


def score(workflow, **scores):
    with db.writing() as connection:
        step = steps.of_workflow(workflow.id)[-1].id
        from store import metrics
        from store.tables import scores as score_rows

        connection.execute(score_rows.delete().where(score_rows.c.step_id == step))
        metrics.write_scores(connection, workflow.id, step, scores)


def test_validation_ranks_and_test_stands_beside_it(data):
    """Where a workflow has a score on validation rows, that one ranks, and the score on test rows is beside it."""
    sweep = begin(data)
    finish()
    for workflow, (test, validation) in zip(
        members(sweep), ((0.6, 0.9), (0.7, 0.8), (0.8, 0.7), (0.9, 0.6)), strict=True
    ):
        score(workflow, applause=test, validation_applause=validation, applause_spread=0.02)
    rows = leaderboard.of(sweep.id).rows
    assert [(row.score, row.test_score, row.spread) for row in rows][:2] == [(0.9, 0.6, 0.02), (0.8, 0.7, 0.02)]


def test_what_is_within_one_standard_error_is_equal(data):
    """On 400 rows, 89 % is no worse than 90 %; on 40,000 it is. Where the rows are not known, nothing is marked."""
    sweep = begin(data)
    finish()
    assert not any(row.equal for row in leaderboard.of(sweep.id).rows)
    for rows, equal in ((400, ["alto", "tenor"]), (40_000, ["alto"])):
        with cast.scored_on(rows):
            assert [row.values["voice"] for row in leaderboard.of(sweep.id).rows if row.equal] == equal


def test_a_standard_error_that_is_told_counts(data):
    """A score may say itself how far it may be off."""
    sweep = begin(data)
    finish()
    score(members(sweep)[1], applause=0.9, applause_error=0.25)
    assert [row.values["voice"] for row in leaderboard.of(sweep.id).rows if row.equal] == ["alto", "tenor", "soprano"]


# What is refused, and what is left out


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        ({"voice": ["alto", "yodel"]}, {}, "yodel"),
        ({"voice": []}, {}, "at least one value of voice"),
        ({"pitch": "all"}, {}, "pitch has no list of choices"),
        ({"pitch": [1], "voice": ["alto"]}, {}, "use grid"),
        ({"pitch": list(range(201))}, {}, "200 are the most"),
        ({"pitch": list(range(200_000))}, {}, "200 are the most"),
        ({f"p{number}": list(range(200)) for number in range(2_000)}, {"method": "grid"}, "20 are the most"),
        (None, {"params": {"voice": "alto"}}, "in params and in values|no parameter of which"),
        (None, {"params": {"volume": 3}}, "There is no parameter 'volume'"),
        (None, {"params": {"pitch": "high"}}, "pitch must be a whole number"),
        (None, {"budget": Budget(trials=0)}, "at least 1 trial"),
        (None, {"budget": Budget(minutes=0)}, "more than 0"),
        (None, {"budget": Budget(minutes=1e300)}, "which is a year"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(data, values, more, words):
    """One sentence says what is wrong, and there is neither sweep nor workflow."""
    with refuses(RequestError, match=words):
        begin(data, values, **more)
    assert stored.count() == workflows.count(Filter()) == 0


def test_nothing_to_try(home):
    """A pipeline without a marked param needs values; one without its input is refused as ever."""
    with refuses(InvalidError, match="no parameter of which all choices are tried"):
        sweeps.start("nothing")
    with refuses(RequestError, match="needs a dataset"):
        sweeps.start("choir")
    with refuses(NotFoundError, match="There is no sweep 7"):
        sweeps.stop(7)


def test_each_trial_takes_the_params_it_knows(data):
    """A setting that only some voices have is left out of the others; equal values are tried once."""
    sweep = begin(data, {"voice": ["alto", "bass", "alto"]}, params={"falsetto": True, "pitch": 441})
    own = members(sweep)
    assert [("falsetto" in each.params, each.params["pitch"]) for each in own] == [(False, 441), (True, 441)]


def test_sweeps_of_one_are_filtered(data):
    """The list of workflows can be narrowed down to one sweep."""
    cast.play()
    sweep = begin(data, {"voice": ["alto", "bass"]})
    assert [each.trial for each in workflows.find(Filter(sweep_id=sweep.id, sort="id", descending=False))] == [0, 1]


def test_a_sweep_is_renamed(data):
    """Its name can be changed, not to nothing, and that is in the audit trail."""
    number = begin(data).id
    assert sweeps.describe(number, "  All voices ").name == "All voices"
    with refuses(InvalidError, "needs a name"):
        sweeps.describe(number, " ")
    assert audit.find()[0].what == "describe"
    with refuses(NotFoundError, "no sweep"):
        sweeps.describe(99, "x")


def test_a_deleted_sweep_leaves_its_workflows(data):
    """Deleting needs an end; workflows stay unless they are to go, and no number is given twice."""
    first = begin(data).id
    with refuses(ConflictError, "stop it before deleting it"):
        sweeps.remove(first)
    finish()
    sweeps.remove(first)
    own = workflows.find(Filter())
    assert len(own) == 4 and {(each.sweep_id, each.trial) for each in own} == {(None, None)}
    with refuses(NotFoundError, "no sweep"):
        stored.get(first)
    second = begin(data).id
    assert second > first
    finish()
    sweeps.remove(second, with_workflows=True)
    assert {each.id for each in workflows.find(Filter())} == {each.id for each in own}


def test_viewers_neither_rename_nor_delete_sweeps(data):
    """Both need the role of an analyst."""
    number = begin(data).id
    finish()
    with actors.acting(Actor("veli", Role.viewer, "page")):
        for verb in (lambda: sweeps.describe(number, "x"), lambda: sweeps.remove(number)):
            with refuses(RequestError):
                verb()
    assert stored.get(number).name != "x"
