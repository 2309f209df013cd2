"""Metrics: how many points one step can log one at a time, how soon they last, and how long it takes to draw them.

    python -m tests.bench.metrics

The points are logged by a real process that may be killed; another process looks when it can read them. Each point's
value is the moment at which it was logged, so that its age is known to whoever finds it.
"""

import contextlib
import os
import signal
import sqlite3
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Found, home, middle, run

ENOUGH = 20_000
LOOK_SECONDS = 0.01
FOR_EVER = 1_000_000_000


def measure(short: bool) -> Found:
    with home(TRAINYARD_PIPELINES="helpers.cast") as folder:
        from jobs.pipelines import registry
        from store import schema

        schema.prepare()
        registry.load_built_in()
        points = 100_000 if short else 400_000
        rates, lags = zip(*(logged(points) for _ in range(3)), strict=True)
        _, steady = logged(ENOUGH * (2 if short else 5), ENOUGH)
        bulk, one_by_one = plain_sqlite(folder, points)
        lost = [
            killed_after(seconds, pace)
            for seconds in ((0.9,) if short else (0.7, 1.6, 3.1))
            for pace in (ENOUGH, FOR_EVER)
        ]
        few, many = (read_and_drawn(epochs, 5 if short else 15) for epochs in (2_500, 10_000))
    rate = middle(list(rates))
    return Found(
        [
            Figure(
                "points logged one at a time, until another process can read them",
                rate,
                "points/s",
                ENOUGH,
                at_least=True,
                beside=f"sqlite3: {bulk:,.0f}/s in one executemany, {one_by_one:,.0f}/s one commit each",
            ),
            Figure("the same, as a share of one executemany", rate / bulk, guarded=True),
            Figure(
                "from logging a point to its being readable elsewhere, the slowest",
                1000 * max(*lags, steady),
                "ms",
                500,
                beside=f"{1000 * steady:.0f} at {ENOUGH:,} points/s, {1000 * max(lags):.0f} at full speed",
            ),
            Figure(
                "oldest point lost with a SIGKILL",
                1000 * max(lost),
                "ms",
                500,
                beside=f"the worst of {len(lost)} kills at {ENOUGH:,} points/s and at full speed; no gaps",
            ),
            Figure("10,000 points of a run (4 curves) read", 1000 * few[0], "ms"),
            Figure("10,000 points of a run (4 curves) read and drawn", 1000 * sum(few), "ms", 20),
            Figure("40,000 points of a run (4 curves) read and drawn", 1000 * sum(many), "ms"),
        ]
    )


def logged(points: int, pace: int = FOR_EVER) -> tuple[float, float]:
    """Points a second until the last could be read, and the longest time until one could."""
    claim = claimed()
    with logger(claim, points, pace):
        begun, last, slowest = 0.0, 0, 0.0
        while last < points:
            time.sleep(LOOK_SECONDS)
            oldest, newest, count = seen(claim, last)
            at = time.time()
            if count:
                assert count == newest - last, "every point, in order"
                begun, last, slowest = begun or oldest, newest, max(slowest, at - oldest)
    return points / (at - begun), slowest


def killed_after(seconds: float, pace: int) -> float:
    """How old the oldest point was that a SIGKILL lost."""
    claim = claimed()
    with logger(claim, FOR_EVER, pace) as process:
        while not seen(claim, 0)[2]:
            time.sleep(LOOK_SECONDS)
        time.sleep(seconds)
        assert process.pid
        at = time.time()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    _, newest, count = seen(claim, 0)
    assert count == newest, "no gaps"
    return at - seen(claim, newest - 1)[0]


def claimed() -> Any:
    """A step that somebody works on."""
    from helpers import cast

    from store import steps

    return steps.claim(steps.of_workflow(cast.play())[0].id, 1, "benchmark")


def seen(claim: Any, after: int) -> tuple[float, int, int]:
    """Of the points after this epoch: when the oldest was logged, the last epoch, and how many there are."""
    from sqlalchemy import func, select

    from store import db
    from store.tables import metrics

    query = select(func.min(metrics.c.value), func.max(metrics.c.epoch), func.count()).where(
        metrics.c.step_id == claim.step.id, metrics.c.attempt == claim.step.attempt, metrics.c.epoch > after
    )
    with db.reading() as connection:
        oldest, newest, count = connection.execute(query).one()
    return oldest or 0.0, newest or 0, count


@contextlib.contextmanager
def logger(claim: Any, points: int, pace: int) -> Any:
    """A process of its own that logs so many points, at most so many a second."""
    process = get_context("spawn").Process(target=log_points, args=(claim, points, pace), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def log_points(claim: Any, points: int, pace: int) -> None:
    from jobs.pipelines import Recorder
    from store import files

    with files.scratch() as folder, Recorder(claim, lambda: folder, "benchmark").live() as recorder:
        begun = time.time()
        for epoch in range(1, points + 1):
            recorder.metric(epoch, at=time.time())
            if epoch % 100 == 0 and (early := begun + epoch / pace - time.time()) > 0:
                time.sleep(early)
        recorder.flush()


def plain_sqlite(folder: Path, points: int) -> tuple[float, float]:
    """Points a second into such a table: all at once, and with one transaction each."""
    with contextlib.closing(sqlite3.connect(folder / "plain.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(
            "CREATE TABLE metrics (step INT, attempt INT, epoch INT, name TEXT, value FLOAT, "
            "PRIMARY KEY (step, attempt, epoch, name)) WITHOUT ROWID"
        )
        rows = [(1, 1, epoch, "at", time.time()) for epoch in range(points)]
        begun = time.perf_counter()
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
        bulk = points / (time.perf_counter() - begun)
        few = rows[:2_000]
        begun = time.perf_counter()
        for _, *row in few:
            connection.execute("INSERT INTO metrics VALUES (2, ?, ?, ?, ?)", row)
        return bulk, len(few) / (time.perf_counter() - begun)


def read_and_drawn(epochs: int, times: int) -> tuple[float, float]:
    """Seconds to read the curves of a run, and to make what a page sends of them."""
    from jobs.pipelines import Measure
    from pages.parts import charts
    from store import metrics, steps

    claim = claimed()
    names = ("train_accuracy", "val_accuracy", "train_loss", "val_loss")
    steps.beat(claim, [(epoch, name, epoch % 97 / 97) for epoch in range(1, epochs + 1) for name in names])
    reading, drawing = [], []
    for _ in range(times):
        begun = time.perf_counter()
        curves = metrics.curves(claim.step.id)
        read = time.perf_counter()
        for measured in charts.measures(curves):
            charts.learning(curves, Measure(measured)).to_json()
        reading.append(read - begun)
        drawing.append(time.perf_counter() - read)
    return middle(reading), middle(drawing)


if __name__ == "__main__":
    sys.modules.setdefault("tests.bench.metrics", sys.modules["__main__"])
    run(measure, __doc__)
