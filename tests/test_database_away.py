"""A moment without the database: what a step did is in hand and is not lost."""

import pytest
from helpers.bounded import done, lines_of

from jobs.language import sentence
from jobs.pipelines import StepError, context
from store import db, steps
from store.tables import Status


def away_once(monkeypatch, name):
    """Let the database be away the first time that this is asked of it."""
    real, tries = getattr(steps, name), []

    def sometimes(*arguments, **named):
        tries.append(1)
        if len(tries) == 1:
            raise db.DatabaseUnavailableError("The database was busy or away for too long.")
        return real(*arguments, **named)

    monkeypatch.setattr(steps, name, sometimes)
    monkeypatch.setattr(db, "RETRY_SECONDS", 0)
    return tries


@pytest.mark.parametrize("name", ["complete", "find_equal"])
def test_a_moment_without_the_database_costs_no_result(home, monkeypatch, name):
    """The database is away as a step begins or ends: it is asked again, and the step does not run twice."""
    tries = away_once(monkeypatch, name)
    ran = []
    row = done(lambda _: ran.append(1) or {"ok": True})
    assert (row.status, row.result, row.attempt) == (Status.completed, {"ok": True}, 1)
    assert len(ran) == 1 and len(tries) == 2


def test_a_moment_without_the_database_costs_no_failure(home, monkeypatch):
    """The database is away as a step fails: why it failed is recorded once it is back."""

    def body(_):
        raise StepError("The mood is not right.")

    away_once(monkeypatch, "fail")
    assert sentence(done(body).error) == "The mood is not right."


def test_a_database_that_stays_away_leaves_the_step_to_the_reconciler(home, monkeypatch):
    """After some minutes the worker goes on, and the attempt is given up later as one whose worker is lost."""

    def away(*_, **__):
        raise db.DatabaseUnavailableError("The database was busy or away for too long.")

    monkeypatch.setattr(db, "MOST_RETRY_SECONDS", 0)
    monkeypatch.setattr(steps, "complete", away)
    with pytest.raises(db.DatabaseUnavailableError):
        done(lambda _: {})
    assert [each.attempt for each in steps.running()] == [1]


def test_a_worker_that_waits_for_the_database_says_that_it_lives(home, monkeypatch):
    """Between two tries it gives a sign of life, or it would be taken for one that hangs."""
    heard = []
    monkeypatch.setattr(db, "access", db.Access(signs_of_life=(lambda: heard.append(1),)))
    away_once(monkeypatch, "complete")
    assert done(lambda _: {}).status is Status.completed and heard
    db.close()


def test_a_checkpoint_waits_for_the_database(home, monkeypatch):
    """While the database is away no checkpoint counts, and the step goes on."""
    monkeypatch.setattr(context, "CHECKPOINT_SECONDS", 0)
    real, away = steps.beat, []

    def beat(*arguments):
        if away:
            raise db.DatabaseUnavailableError("The database was busy or away for too long.")
        real(*arguments)

    monkeypatch.setattr(steps, "beat", beat)

    def body(context):
        away.append(1)
        context.checkpoint(1, lambda path: path.write_text("1"))
        before = context.last_checkpoint()
        away.clear()
        return {"before": before is None}

    row = done(body)
    assert row.status is Status.completed, row.error


def test_a_log_that_is_full_waits_for_the_database(home, monkeypatch):
    """A step that says more than may wait unsent waits for the database instead of failing."""
    monkeypatch.setattr(context, "MOST_UNSENT", 3)
    tries = away_once(monkeypatch, "beat")
    row = done(lambda context: [context.log(str(number)) for number in range(5)] and {})
    assert row.status is Status.completed and len(lines_of(row)) == 5 and len(tries) > 1
