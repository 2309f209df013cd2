"""Metrics: numbers reach the database soon, in any number, and a curve that is thinned keeps its peaks."""

import math
import os
import signal
import threading
import time
from multiprocessing import get_context

import numpy as np
import pytest
from helpers import cast

from jobs.pipelines import Recorder, context
from pages.parts import charts
from store import logs, metrics, steps
from store.metrics import Point


@pytest.fixture
def claim(home):
    return steps.claim(steps.of_workflow(cast.play())[0].id, 1, "a")


def log_for_ever(claim):
    with Recorder(claim, lambda: None, "print").live() as live:
        epoch = 0
        while True:
            epoch += 1
            live.metric(epoch, at=time.time())


@pytest.mark.sqlite  # a flood: PostgreSQL takes rows one by one, and is behind by more
def test_a_killed_process_loses_only_what_is_younger_than_half_a_second(claim):
    """A step that logs as fast as it can and gets a SIGKILL leaves every number that was logged half a second before,
    without a gap."""
    process = get_context("spawn").Process(target=log_for_ever, args=(claim,), daemon=True)
    process.start()
    end = time.monotonic() + 120
    while not metrics.curves(claim.step.id) and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.7)
    at = time.time()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    points = metrics.curves(claim.step.id)["at"]
    assert [point.epoch for point in points] == list(range(1, len(points) + 1))
    assert at - points[-1].value < 0.5


def test_numbers_that_come_faster_than_they_are_written_do_not_pile_up(claim, monkeypatch):
    """Who logs waits for the database once so many numbers are on their way; memory stays bounded."""
    monkeypatch.setattr(context, "MOST_UNSENT", 100)
    most, usual = [], steps.beat
    monkeypatch.setattr(
        steps, "beat", lambda claim, points, *rest: (most.append(len(points)), usual(claim, points, *rest))
    )
    recording = Recorder(claim, lambda: None, "print")
    for epoch in range(1, 1001):
        recording.metric(epoch, loss=epoch, accuracy=0.5)
    assert most == [100] * 20
    assert [point.epoch for point in metrics.curves(claim.step.id)["loss"]] == list(range(1, 1001))


def test_a_number_logged_twice_keeps_its_last_value(claim):
    """Also when both are written at once, and numbers that are none are left out and said."""
    recording = Recorder(claim, lambda: None, "print")
    for value in (1.0, 2.0, math.nan, math.inf):
        recording.metric(1, loss=value)
    recording.flush()
    recording.metric(1, accuracy=0.25, loss=3.0)
    recording.flush()
    assert metrics.curves(claim.step.id) == {"loss": [Point(1, 3.0)], "accuracy": [Point(1, 0.25)]}
    assert [line.level for line in logs.tail(claim.step.id)] == ["warning"] * 2


def test_several_threads_may_log(claim):
    """Nothing is lost when a step logs from threads of its own."""
    recording = Recorder(claim, lambda: None, "print")

    def work(name):
        for epoch in range(1, 501):
            recording.metric(epoch, **{name: epoch})

    with recording.live():
        threads = [threading.Thread(target=work, args=(f"curve_{number}",)) for number in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        recording.flush()
    assert {name: len(points) for name, points in metrics.curves(claim.step.id).items()} == {
        f"curve_{number}": 500 for number in range(4)
    }


def test_a_number_logged_at_the_very_end_is_kept(claim, monkeypatch):
    """Whether the other thread writes it or it goes with how the attempt ended, it is in one of the two."""
    monkeypatch.setattr(context, "FLUSH_SECONDS", 0.001)
    written = []
    monkeypatch.setattr(steps, "beat", lambda _claim, points, *_rest: (time.sleep(0.001), written.extend(points)))
    for epoch in range(200):
        recording = Recorder(claim, lambda: None, "print")
        with recording.live():
            time.sleep(epoch % 7 / 2000)
            recording.metric(epoch, count=epoch)
        written += recording.unsent()[0]
        assert len(written) == epoch + 1
    time.sleep(0.02)
    assert len(written) == 200


def test_thinning_keeps_the_ends_and_every_peak():
    """Of a curve of ten thousand epochs a single spike, up or down, is drawn, with its own epoch."""
    values = np.random.default_rng(1).normal(0, 0.01, 10_000)
    values[[3_337, 7_001]] = 5.0, -5.0
    points = [Point(epoch, float(value)) for epoch, value in enumerate(values, 1)]
    drawn = charts.thin(points)
    assert len(drawn) <= charts.MOST_POINTS
    assert {points[0], points[-1], points[3_337], points[7_001]} <= set(drawn)
    assert drawn == sorted(drawn) and set(drawn) <= set(points)
