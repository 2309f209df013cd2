"""The runner: claims, calls and records, here without a queue in between."""

import pytest
from helpers import cast

from jobs.engine.runner import StepFailedError, run_step
from jobs.language import sentence, text_of
from store import files, logs, metrics, steps, workflows
from store.tables import Status


def run(workflow_id):
    """Run every step once, in order, as the queue would."""
    for step in steps.of_workflow(workflow_id):
        run_step(step.id, step.attempt)
    return steps.of_workflow(workflow_id)


def test_a_workflow_completes(home):
    """Every step leaves its result, numbers, lines, files and scores."""
    workflow_id = cast.play(number=3)
    greet, count, judge = run(workflow_id)
    assert {step.status for step in (greet, count, judge)} == {Status.completed}
    assert judge.result == {"read": "3"}
    assert [point.epoch for point in metrics.curves(count.id)["count"]] == [1, 2, 3]
    assert [text_of(line.text, line.message) for line in logs.tail(judge.id)] == ["mood is calm"]
    assert files.verified(steps.artifacts_of(greet.id)["greeting"]).read_text() == "hello"
    assert workflows.get(workflow_id).scores == {"accuracy": 0.5}


def test_a_second_delivery_does_nothing(home):
    """Running a completed step again changes nothing and raises nothing."""
    greet = run(cast.play())[0]
    run_step(greet.id, 1)
    assert steps.get(greet.id) == greet


def test_unchanged_steps_are_reused(home):
    """Equal code, params and inputs: the step completes at once, with numbers and files, and says from where."""
    first = run(cast.play(number=3))
    second = run(cast.play(number=3))
    assert [step.reused_from for step in second] == [step.id for step in first]
    assert metrics.curves(second[1].id) == metrics.curves(first[1].id)
    assert steps.artifacts_of(second[1].id) == steps.artifacts_of(first[1].id)


def test_a_changed_param_reuses_what_is_above(home):
    """A step with another param runs, and so does what is below; what is above is reused."""
    run(cast.play(number=3))
    greet, count, judge = run(cast.play(number=4))
    assert greet.reused_from and not count.reused_from and not judge.reused_from


def test_a_fresh_step_runs_although_it_could_be_reused(home):
    """Restart trains again."""
    run(cast.play(number=3))
    greet, count, _ = run(cast.play(number=3, fresh=True))
    assert greet.reused_from and not count.reused_from


def test_a_damaged_file_is_not_reused(home):
    """When a stored file was changed on disk, the step runs again instead."""
    greet = run(cast.play())[0]
    files.path_of(steps.artifacts_of(greet.id)["greeting"].sha256).write_text("jello")
    assert run(cast.play())[0].reused_from is None


def test_an_output_that_vanished_is_made_again(home, monkeypatch):
    """A file that went away before the step completed is not accepted; the next attempt makes it again."""
    workflow_id = cast.play()
    greet = steps.of_workflow(workflow_id)[0]
    complete = steps.complete

    def too_late(claim, print_, outcome, *rest):
        files.remove(outcome.artifacts["greeting"].sha256)
        complete(claim, print_, outcome, *rest)

    monkeypatch.setattr(steps, "complete", too_late)
    with pytest.raises(StepFailedError):
        run_step(greet.id, 1)
    monkeypatch.undo()
    again = steps.get(greet.id)
    assert (again.status, again.attempt) == (Status.pending, 2)


def test_an_expected_failure_is_said_as_it_stands(home):
    """StepError's sentence is the reason, and it is not tried again."""
    workflow_id = cast.play(mood="refuses")
    with pytest.raises(StepFailedError):
        run(workflow_id)
    judge = steps.of_workflow(workflow_id)[-1]
    assert (judge.status, sentence(judge.error)) == (Status.failed, "The mood is not right; choose another.")
    assert judge.traceback == ""


def test_an_unexpected_failure_keeps_its_traceback(home):
    """An error of the code is recorded with its traceback, and the queue learns nothing of the user's text."""
    workflow_id = cast.play(mood="breaks")
    with pytest.raises(StepFailedError) as told:
        run(workflow_id)
    judge = steps.of_workflow(workflow_id)[-1]
    assert "şehir broke" in sentence(judge.error) and "ValueError" in judge.traceback
    assert "şehir" not in str(told.value) and told.value.__cause__ is None


def test_a_cancelled_step_stops_by_itself(home, monkeypatch):
    """A step whose workflow was cancelled ends at its next word, and records nothing more."""
    workflow_id = cast.play(number=1000)
    run_step(steps.of_workflow(workflow_id)[0].id, 1)
    count = steps.of_workflow(workflow_id)[1]
    monkeypatch.setattr("jobs.pipelines.context.FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(cast.time, "sleep", lambda _: steps.cancel(workflow_id))
    run_step(count.id, 1)
    assert steps.get(count.id).status == Status.cancelled
