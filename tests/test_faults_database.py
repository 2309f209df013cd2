"""Faults of the database, really performed: locked, written by four at once, inherited by a child, a bad row.

What was accepted completes exactly once, or failed with a reason; its curve has no gap and no double point.
"""

import multiprocessing
import os
import subprocess
import sys

import pytest
from conftest import forget
from helpers import cast
from helpers.crew import child_of, crew, enter, family, gone, services, valkey, worker_of, workers  # noqa: F401 - fixtures
from helpers.running import completed_once, run, running_step

from jobs.engine import reconcile, runner
from jobs.language import sentence
from store import db, steps
from store.settings import settings


@pytest.mark.rare
@pytest.mark.sqlite
def test_a_locked_database_disturbs_nothing(services):
    """Another process holds the write lock for ten seconds: everybody waits, nobody is taken for lost."""
    workflow_id = run(number=60, pause=0.1)
    running_step(workflow_id)
    code = (
        "import sqlite3, sys, time; held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(13)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(settings().folder / "trainyard.db")], stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    found = completed_once(workflow_id, 60)
    assert [step.attempt for step in found] == [1, 1, 1]
    holder.communicate()


@pytest.mark.sqlite
def test_a_lock_that_lasts_too_long_is_tried_again(home, monkeypatch):
    """A step that finds the database locked for good fails in a way that is tried again, not for ever."""
    greet = steps.of_workflow(cast.play())[0]
    claim = steps.claim(greet.id, 1, "a")
    with (
        db.writing(),
        pytest.raises(db.DatabaseUnavailableError) as away,
        db.elsewhere(settings().folder / "trainyard.db"),
    ):
        with db.reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=50")
        steps.beat(claim)
    failure = runner.failure_of(away.value)
    assert (failure.message.code, failure.again) == ("retryable", True)
    assert sentence(failure.message) == "The database was busy or away for too long."


def test_one_bad_row_does_not_stop_the_others(valkey, monkeypatch):
    """The database fails in the middle of a round: the other steps are repaired, and this one in the next round."""
    monkeypatch.setattr(reconcile, "SILENCE_SECONDS", 0.0)
    found = [steps.of_workflow(cast.play())[0] for _ in range(3)]
    for step in found:
        steps.claim(step.id, 1, "a")
    lose = steps.lose

    def fails_once(step, *rest, **named):
        if step.id == found[0].id:
            raise db.DatabaseUnavailableError("The database was restarted.")
        return lose(step, *rest, **named)

    monkeypatch.setattr(steps, "lose", fails_once)
    reconciler = reconcile.Reconciler()
    done = reconciler.round()
    assert (done["lost"], done["errors"]) == (2, 1)
    monkeypatch.setattr(steps, "lose", lose)
    assert reconciler.round()["lost"] == 1


def counts(home, times):
    """In a process of its own: look, decide and write, many times."""
    forget()
    for _ in range(times):
        cast.dataset_of(os.urandom(16))


def test_four_writers_lose_nothing(home):
    """Four processes that read, decide and write: no update is lost and none fails."""
    fork = multiprocessing.get_context("fork")
    db.close()
    writers = [fork.Process(target=counts, args=(home, 15)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    with db.reading() as connection:
        versions = connection.exec_driver_sql("SELECT version FROM datasets ORDER BY version").scalars().all()
    assert versions == list(range(1, 61))


def test_a_child_has_a_connection_of_its_own(home):
    """SQLite must not see a connection in two processes: after a fork the child opens its own."""
    with db.reading() as connection:
        ours = id(connection.engine.pool)
    read_end, write_end = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(write_end, str(id(db.engine().pool) == ours or db.engine().pool.checkedin() > 0).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write_end)
    assert os.read(read_end, 10) == b"False"
    os.close(read_end)
