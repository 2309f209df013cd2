"""Steps in the database: claimed once, fenced, counted and settled."""

from datetime import timedelta

import pytest
from helpers import cast
from helpers.bounded import done
from sqlalchemy import event, update

from jobs.language import sentence
from store import db, logs, metrics, steps, tables, workflows
from store.messages import Message
from store.steps import Fenced, Outcome
from store.tables import Status, now, workflow_status


def first(workflow_id):
    return steps.of_workflow(workflow_id)[0]


def statuses(workflow_id):
    return [step.status for step in steps.of_workflow(workflow_id)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pending", "pending"], "pending"),
        (["running", "pending"], "running"),
        (["completed", "pending"], "running"),
        (["completed", "completed"], "completed"),
        (["failed", "skipped"], "failed"),
        (["failed", "running"], "running"),
        (["cancelled", "completed"], "cancelled"),
    ],
)
def test_workflow_status_is_worked_out(words, expected):
    """A workflow's status follows from its steps alone."""
    assert workflow_status(Status(word) for word in words) == expected


def test_all_steps_exist_before_anything_is_queued(home):
    """A new workflow has every step as a pending row, and only the first is ready."""
    found = steps.of_workflow(cast.play())
    assert [step.name for step in found] == ["greet", "count", "judge"]
    assert {step.status for step in found} == {Status.pending}
    assert [bool(step.ready_at) for step in found] == [True, False, False]


def test_a_step_is_claimed_once(home):
    """The second claim of the same attempt gets nothing."""
    step = first(cast.play())
    assert steps.claim(step.id, 1, "a") is not None
    assert steps.claim(step.id, 1, "b") is None


def test_a_step_takes_few_statements(home):
    """A transaction begins with a statement of its own. Each further one takes SQLAlchemy a tenth of a millisecond."""
    top, middle, _ = steps.of_workflow(cast.play())
    steps.complete(steps.claim(top.id, 1, "a"), "f", Outcome({}))
    asked = []
    event.listen(db.engine(), "before_cursor_execute", lambda *given: asked.append(given[2]))
    claim = steps.claim(middle.id, 1, "a")
    assert len(asked) <= 6
    asked.clear()
    steps.complete(claim, "g", Outcome({}))
    assert len(asked) <= 5


def test_a_step_waits_for_what_it_needs(home):
    """A step cannot be claimed before everything above it is completed."""
    greet, count, _ = steps.of_workflow(cast.play())
    assert steps.claim(count.id, 1, "a") is None
    claim = steps.claim(greet.id, 1, "a")
    steps.complete(claim, "f", Outcome({}))
    assert steps.claim(count.id, 1, "a") is not None


def test_an_old_attempt_cannot_claim(home):
    """A delivery for another attempt than the current one does nothing."""
    step = first(cast.play())
    assert steps.claim(step.id, 2, "a") is None


def test_a_lost_claim_is_fenced(home):
    """After a step was given away, the old runner can neither beat, complete nor fail it."""
    step = first(cast.play())
    claim = steps.claim(step.id, 1, "a")
    assert steps.lose(step, Message("worker_lost", {"text": "Lost."}))
    for write in (
        lambda: steps.beat(claim, [(1, "x", 1.0)]),
        lambda: steps.complete(claim, "f", Outcome({})),
        lambda: steps.fail(claim, Message("error", {"text": "Bad."}), "", again=True),
    ):
        with pytest.raises(Fenced):
            write()
    assert metrics.curves(step.id) == {}


def test_attempts_are_counted_and_then_it_failed(home):
    """A lost step runs again until its attempts are used up; then it failed and what is below is skipped."""
    workflow_id = cast.play()
    for attempt in (1, 2, 3):
        step = first(workflow_id)
        assert (step.attempt, step.status) == (attempt, Status.pending)
        steps.claim(step.id, attempt, "a")
        steps.lose(step, Message("worker_lost", {"text": "The worker was lost."}))
    assert statuses(workflow_id) == [Status.failed, Status.skipped, Status.skipped]
    assert sentence(first(workflow_id).error) == "The worker was lost."
    assert workflows.get(workflow_id).status == Status.failed


def test_a_blameless_loss_uses_no_attempt(home):
    """Being stopped by the operator leaves as many attempts as before."""
    step = first(cast.play())
    steps.claim(step.id, 1, "a")
    steps.lose(step, Message("stopped", {"text": "Stopped."}), blameless=True)
    again = steps.get(step.id)
    assert again.max_attempts - again.attempt == step.max_attempts - step.attempt


def test_retry_gives_as_many_attempts_as_the_author_allows(home):
    """What must not be done twice by itself, such as sending something, is tried once more and no oftener."""
    workflow_id = cast.play("late")
    (step,) = steps.of_workflow(workflow_id)
    assert (step.attempt, step.max_attempts) == (1, 1)
    steps.claim(step.id, 1, "a")
    steps.lose(step, Message("worker_lost", {"text": "The worker was lost."}))
    (revived,) = steps.revive(workflow_id)
    assert (revived.attempt, revived.max_attempts) == (2, 2)


def test_cancel_is_the_truth_at_once(home):
    """Cancelling ends what has not ended, and fences what was running."""
    workflow_id = cast.play()
    claim = steps.claim(first(workflow_id).id, 1, "a")
    assert [step.name for step in steps.cancel(workflow_id)] == ["greet"]
    assert statuses(workflow_id) == [Status.cancelled] * 3
    assert workflows.get(workflow_id).ended_at is not None
    with pytest.raises(Fenced):
        steps.beat(claim)


def test_retry_goes_on_where_it_stopped(home):
    """Reviving keeps what completed and gives the rest a new attempt."""
    workflow_id = cast.play()
    greet, count, _ = steps.of_workflow(workflow_id)
    steps.complete(steps.claim(greet.id, 1, "a"), "f", Outcome({}))
    steps.fail(steps.claim(count.id, 1, "a"), Message("error", {"text": "Bad."}), "trace", again=False)
    revived = steps.revive(workflow_id)
    assert all(step.max_attempts - step.attempt == 2 for step in revived)
    assert [(step.name, step.attempt) for step in revived] == [("count", 2), ("judge", 2)]
    assert [step.name for step in steps.waiting()] == ["count"]
    assert workflows.get(workflow_id).status == Status.running


def test_what_lay_before_it_was_retried_is_no_time_that_it_took(home):
    """A workflow that failed in the evening and is retried in the morning takes what it takes then."""
    workflow_id = cast.play()
    greet, count, judge = steps.of_workflow(workflow_id)
    steps.complete(steps.claim(greet.id, 1, "a"), "f", Outcome({}))
    steps.fail(steps.claim(count.id, 1, "a"), Message("error", {"text": "Bad."}), "trace", again=False)
    evening = now() - timedelta(hours=12)
    with db.writing() as connection:
        connection.execute(update(tables.workflows).values(started_at=evening, ended_at=evening))
    steps.revive(workflow_id)
    assert workflows.get(workflow_id).seconds < 60
    steps.complete(steps.claim(count.id, 2, "a"), "f", Outcome({}))
    steps.complete(steps.claim(judge.id, 2, "a"), "f", Outcome({}))
    ended = workflows.get(workflow_id)
    assert ended.status == Status.completed and 0 <= ended.seconds < 60


def test_a_new_attempt_keeps_the_curve_up_to_its_checkpoint(home):
    """After three attempts with checkpoints the curve has no gap and no double point."""
    step = first(cast.play())
    for attempt, (begin, end) in enumerate([(0, 5), (3, 8), (6, 8)], start=1):
        claim = steps.claim(step.id, attempt, "a")
        if begin:
            steps.adopt_curve(claim, begin)
        steps.beat(claim, [(epoch, "x", attempt) for epoch in range(begin + 1, end + 1)])
        if attempt < 3:
            steps.lose(step if attempt == 1 else steps.get(step.id), Message("worker_lost", {"text": "Lost."}))
    points = metrics.curves(step.id)["x"]
    assert [point.epoch for point in points] == list(range(1, 9))
    assert [point.value for point in points] == [1, 1, 1, 2, 2, 2, 3, 3]


def test_numbers_logged_twice_keep_their_last_value(home):
    """The same epoch and name is one number."""
    step = first(cast.play())
    claim = steps.claim(step.id, 1, "a")
    steps.beat(claim, [(1, "x", 1.0), (1, "x", 2.0)])
    steps.beat(claim, [(1, "x", 3.0)])
    assert metrics.curves(step.id)["x"] == [(1, 3.0)]


def test_a_step_that_spoke_again_is_not_lost(home):
    """Between finding a step silent and giving it away it may have said something; then it stays with its worker."""
    step = first(cast.play())
    claim = steps.claim(step.id, 1, "a")
    found = steps.get(step.id)
    steps.beat(claim)
    assert not steps.lose(found, Message("worker_lost", {"text": "Lost."}), if_silent=True)
    assert steps.lose(steps.get(step.id), Message("worker_lost", {"text": "Lost."}), if_silent=True)


def test_too_little_memory_is_tried_twice(home):
    """What was too large twice is not tried a third time."""
    step = first(cast.play())
    for attempt in (1, 2):
        steps.fail(steps.claim(step.id, attempt, "a"), Message("out_of_memory", {"text": "Too large."}), "", again=True)
    assert (steps.get(step.id).status, steps.get(step.id).attempt) == (Status.failed, 2)


def test_a_pause_before_the_next_attempt_is_kept_by_the_database(home):
    """The third attempt waits a little, without a scheduler; a clock that is put back makes no eternity of it."""
    step = first(cast.play())
    steps.claim(step.id, 1, "a")
    steps.lose(step, Message("worker_lost", {"text": "Lost."}))
    assert [found.attempt for found in steps.waiting()] == [2], "the first loss is made good at once"
    steps.claim(step.id, 2, "a")
    steps.lose(steps.get(step.id), Message("worker_lost", {"text": "Lost."}))
    assert steps.waiting() == []
    with db.writing() as connection:
        connection.exec_driver_sql("UPDATE steps SET next_attempt_at = '2999-01-01 00:00:00'")
    assert [found.attempt for found in steps.waiting()] == [3]


def test_the_log_says_what_happened(home):
    """Losing an attempt leaves a line that says so and what follows."""
    step = first(cast.play())
    steps.claim(step.id, 1, "a")
    steps.lose(step, Message("worker_lost", {"text": "The worker was lost."}))
    assert [line.message.code for line in logs.tail(step.id)[-2:]] == ["worker_lost", "next_attempt"]


def test_history_counts_what_waited_ran_and_ended(home):
    """A minute shows the most that waited and ran within it, and what ended; also once none of that is left."""
    workflow_id = cast.play()
    claimed = steps.claim(first(workflow_id).id, 1, "a")
    assert steps.history(60)[-1].running == 1
    steps.complete(claimed, "f", Outcome({}))
    half = now().replace(second=30, microsecond=0) - timedelta(minutes=5)
    times = {"ready_at": half, "started_at": half + timedelta(seconds=8), "ended_at": half + timedelta(seconds=12)}
    with db.writing() as connection:
        connection.execute(update(tables.steps).where(tables.steps.c.status == Status.completed).values(times))
    then = steps.history(60)[-6]
    assert (then.waiting, then.running, then.finished, then.failed) == (1, 1, 1, 0)
    assert sum(minute.finished for minute in steps.history(60)) == 1


def test_a_reused_step_keeps_its_curve_when_the_first_is_deleted(home):
    """One ran, a second reused it, the first was deleted: a third reuses the second, with its curve."""

    def body(context):
        for epoch in (1, 2, 3):
            context.metric(epoch, loss=1 / epoch)
        return {}

    origin, second = done(body), done(body)
    assert second.reused_from == origin.id
    workflows.remove([origin.workflow_id])
    third = done(body)
    assert third.reused_from == second.id
    assert metrics.of_workflow(third.workflow_id) == metrics.of_workflow(second.workflow_id) != []
