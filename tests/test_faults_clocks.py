"""Clocks that are wrong or jump: nothing is lost, and nothing strands.

What was accepted completes exactly once, or failed with a reason; its curve has no gap and no double point.
"""

import time
from datetime import timedelta

import pytest
from helpers import cast
from helpers.crew import child_of, crew, enter, family, gone, services, valkey, worker_of, workers  # noqa: F401 - fixtures
from helpers.running import finish, run
from helpers.tiers import seldom

from jobs.engine import queue, reconcile
from jobs.engine.staleness import Unchanged
from store import metrics, steps
from store.tables import Status, now


@pytest.mark.parametrize("hours", seldom([-1, 1]))
def test_a_worker_with_a_wrong_clock_keeps_its_step(services, hours):
    """A worker whose clock is an hour behind or ahead says something all the time, and so is not lost."""
    workflow_id = run("elsewhen", hours=hours)
    assert finish(workflow_id) == Status.completed
    only = steps.of_workflow(workflow_id)[0]
    assert only.attempt == 1 and only.seconds >= 0
    assert len(metrics.curves(only.id)["count"]) == 60


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_jumps_loses_and_strands_nothing(valkey, monkeypatch, hours):
    """After a jump running steps are not taken for silent, and waiting ones are handed over all the same."""
    monkeypatch.setattr(reconcile, "PATIENCE_SECONDS", 0.2)
    running, waiting = (steps.of_workflow(cast.play())[0] for _ in range(2))
    steps.claim(running.id, 1, "a")
    for module in ("reads", "transitions"):
        monkeypatch.setattr(f"store.steps.{module}.now", lambda: now() + timedelta(hours=hours))
    reconciler = reconcile.Reconciler()
    reconciler.round()
    time.sleep(0.4)
    assert dict(reconciler.round()) == {"handed_over": 1}
    assert queue.rq_queue().get_job_ids() == [waiting.job_id]
    assert steps.get(running.id).status == Status.running


def test_time_in_which_nobody_could_look_does_not_count(monkeypatch):
    """A machine that slept for an hour, or a lock that held us up, is no silence of the others."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watched = Unchanged()
    watched.seconds({"a": 1})
    clock[0] = 2.0
    assert watched.seconds({"a": 1}) == {"a": 2.0}
    clock[0] = 3602.0
    assert watched.seconds({"a": 1, "b": 1}) == {"a": 5.0, "b": 0.0}
    clock[0] = 3603.0
    assert watched.seconds({"a": 2, "b": 1}) == {"a": 0.0, "b": 1.0}
