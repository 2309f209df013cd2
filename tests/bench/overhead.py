"""What the engine itself costs: chains of empty steps, each step in a process of its own, beside stock RQ.

    python -m tests.bench.overhead

Stock RQ runs in the same minutes on the same Valkey, with its parent process preloaded, so that it forks what we fork;
it records nothing. Rounds of the two take turns.
"""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from tests.bench.figures import Figure, Found, home, middle, run

STOCK = """
import sys
from rq import SimpleWorker, Worker
from jobs.engine import queue
from jobs.services import workers
workers.preload()
Worker(sys.argv[1:], connection=queue.new_connection()).work(logging_level="ERROR")
"""
PAUSE = 0.05


def measure(short: bool) -> Found:
    with home(TRAINYARD_WORKERS="2", TRAINYARD_PIPELINES="helpers.cast"):
        from helpers import cast  # noqa: F401

        from jobs.pipelines import registry
        from jobs.services import presence
        from store import schema

        schema.prepare()
        registry.load_built_in()
        with presence.using():
            with stock_worker() as stock_chain:
                ours, theirs = latencies(stock_chain, 20 if short else 100)
            stages = where_it_goes()
            rates = [throughput(20 if short else 100, run) for run in range(3)]
    took, posting = [each for each, _ in ours], [each for _, each in ours]
    ratio = middle(took) / middle(theirs)
    beside = f"stock RQ with a preloaded parent, recording nothing: {1000 * middle(theirs):.0f} ms"
    return Found(
        [
            Figure("three empty steps, posted to recorded, median", 1000 * middle(took), "ms", 60, beside=beside),
            Figure(
                "the same, 95th percentile",
                1000 * middle(took, 0.95),
                "ms",
                100,
                beside=f"stock RQ: {1000 * middle(theirs, 0.95):.0f} ms",
            ),
            Figure("three empty steps, as a share of stock RQ's time", ratio, guarded=True),
            Figure("posting a chain, median", 1000 * middle(posting), "ms", 5),
            *(
                Figure(f"of each step: {what}, median", 1000 * middle(seconds), "ms")
                for what, seconds in stages.items()
            ),
            Figure(
                "chains of three empty steps on two workers, median of three runs",
                middle(rates),
                "steps/s",
                60,
                at_least=True,
            ),
        ]
    )


def latencies(stock_chain: Callable[[], float], rounds: int) -> tuple[list[tuple[float, float]], list[float]]:
    """Seconds from posting to recorded, and of posting, for ours; seconds for stock RQ."""
    ours, theirs = [], []
    for number in range(rounds + 5):
        ours.append(our_chain(number))
        time.sleep(PAUSE)
        theirs.append(stock_chain())
        time.sleep(PAUSE)
    return ours[5:], theirs[5:]


def our_chain(number: int) -> tuple[float, float]:
    from helpers import cast

    from jobs.chain import run_workflow

    workflow = cast.play("nothing", number=number)
    begun = time.perf_counter()
    run_workflow(workflow)
    posted = time.perf_counter()
    while not over(workflow):
        time.sleep(0.001)
    return time.perf_counter() - begun, posted - begun


def over(workflow: int) -> bool:
    """Whether a workflow has ended, asked in a way that takes next to nothing from what is measured."""
    return bool(_database().execute("SELECT ended_at FROM workflows WHERE id = ?", [workflow]).fetchone()[0])


@lru_cache
def _database() -> sqlite3.Connection:
    return sqlite3.connect(_file(), isolation_level=None)


def _file() -> Path:
    return Path(os.environ["TRAINYARD_HOME"]) / "trainyard.db"


def where_it_goes() -> dict[str, list[float]]:
    """Seconds of the stages between one step's result and the next one's, from what the steps left."""
    from store import steps

    found: dict[str, list[float]] = {
        "from ready to claimed": [],
        "from claimed to its first line": [],
        "from its last line to recorded": [],
    }
    with sqlite3.connect(f"file:{_file()}?mode=ro", uri=True) as database:
        last = database.execute("SELECT max(id) FROM workflows").fetchone()[0]
    for workflow in range(max(1, last - 100), last + 1):
        for step in steps.of_workflow(workflow):
            if step.result and step.started_at and step.ready_at and step.ended_at:
                at, claimed = step.result["at"], step.started_at.timestamp()
                took = claimed - step.ready_at.timestamp(), at - claimed, step.ended_at.timestamp() - at
                if step.position:  # the first one was ready before it was posted
                    for stage, seconds in zip(found.values(), took, strict=True):
                        stage.append(seconds)
    return found


def throughput(chains: int, run: int) -> float:
    """Steps a second, from posting the first of many chains to recording the last."""
    from helpers import cast

    from jobs.chain import run_workflow

    made = [cast.play("nothing", number=1000 * (run + 1) + number) for number in range(chains)]
    begun = time.perf_counter()
    for workflow in made:
        run_workflow(workflow)
    for workflow in made:
        while not over(workflow):
            time.sleep(0.005)
    return 3 * chains / (time.perf_counter() - begun)


@contextmanager
def stock_worker() -> Iterator[Callable[[], float]]:
    """A stock RQ worker, and a function that runs three empty jobs through it and returns the seconds."""
    from rq import Queue
    from rq.job import JobStatus

    from jobs.engine import queue

    stock = Queue("stock", connection=queue.new_connection())
    worker = subprocess.Popen([sys.executable, "-c", STOCK, stock.name], env=os.environ | {"OMP_NUM_THREADS": "1"})

    def chain() -> float:
        begun = time.perf_counter()
        job = stock.enqueue("time.time")
        for _ in range(2):
            job = stock.enqueue("time.time", depends_on=job)
        while job.get_status() is not JobStatus.FINISHED:
            time.sleep(0.001)
        return time.perf_counter() - begun

    try:
        yield chain
    finally:
        worker.terminate()
        worker.wait()


if __name__ == "__main__":
    run(measure, __doc__)
