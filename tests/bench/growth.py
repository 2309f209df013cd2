"""How cost grows with rows, columns, classes, epochs, steps, workflows and workers: nothing grows faster than its work.

    python -m tests.bench.growth

Each axis is measured at one, two, four and eight times the same size. Its figure is the cost of a unit of work at the
largest size, as a multiple of that at the smallest: below one, what is fixed is shared by more; above one, something
grows faster than its work.
"""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.bench.figures import Figure, Found, Plot, home, middle, run

TIMES = (1, 2, 4, 8)
# What noise on a small machine may add to 1.
MOST = 1.2
SEEDS = iter(range(1, 1_000_000))
PARTS = ("upload", "preprocess", "train", "evaluate")

Costs = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction in which work grows; `cost` answers the seconds of each part for a size."""

    name: str
    unit: str
    smallest: int
    cost: Callable[[int], dict[str, float]]
    rounds: int = 1


def measure(short: bool) -> Found:
    figures, plots = [], []
    with engine(workers=1):
        for axis in _short_axes() if short else _work_axes():
            figure, plot = _found(axis, TIMES)
            figures.append(figure)
            plots.append(plot)
    with engine(workers=0):
        for axis in _engine_axes(short):
            figure, plot = _found(axis, TIMES)
            figures.append(figure)
            plots.append(plot)
    return Found([*(_workers(4, 60) if short else _workers(40, 250)), *figures], plots)


def _work_axes() -> list[Axis]:
    return [
        Axis("rows", "row", 10_000, lambda size: job(rows=size), 3),
        Axis("columns", "column", 10, lambda size: job(columns=size), 3),
        Axis("classes", "class", 5, lambda size: job(classes=size), 3),
        Axis("epochs", "epoch", 25, lambda size: job(epochs=size), 3),
    ]


def _short_axes() -> list[Axis]:
    return [
        Axis("rows", "row", 5_000, lambda size: job(rows=size)),
        Axis("classes", "class", 5, lambda size: job(classes=size)),
    ]


def _engine_axes(short: bool) -> list[Axis]:
    share = 4 if short else 1
    return [
        Axis("posted workflows that wait", "workflow", 125 // share, waiting_workflows),
        Axis("steps of one workflow", "step", 25, long_chain),
        Axis("lines of a step's log", "line", 12_500 // share, long_log),
    ]


def _found(axis: Axis, times: Sequence[int]) -> tuple[Figure, Plot]:
    """The cost of a unit of work at each size, and its ratio between the largest and the smallest."""
    axis.cost(axis.smallest)  # the first one finds everything cold
    lines: Costs = {}
    for size in (axis.smallest * each for each in times):
        seen = [axis.cost(size) for _ in range(axis.rounds)]
        for part in seen[0]:
            cost = middle([each[part] for each in seen])
            lines.setdefault(part, []).append((size, 1e6 * cost / size))
    growth = {part: points[-1][1] / points[0][1] for part, points in lines.items()}
    whole = lines["all"]
    parts = ", ".join(f"{part} {each:.2f}" for part, each in growth.items() if part != "all")
    spoken = f"{whole[0][1]:.3g} and {whole[-1][1]:.3g} us a {axis.unit} at {whole[0][0]:,} and {whole[-1][0]:,}"
    figure = Figure(
        f"cost of one of eight times as many {axis.name}",
        growth["all"],
        "x",
        MOST,
        guarded=True,
        beside=f"{spoken}; {parts}" if parts else spoken,
    )
    return figure, Plot(f"Cost and {axis.name}", axis.name, f"us a {axis.unit}", lines)


@contextmanager
def engine(workers: int) -> Iterator[None]:
    """A home of its own in which services run."""
    with home(TRAINYARD_WORKERS=str(workers)):
        from jobs.engine import queue
        from jobs.pipelines import registry
        from jobs.services import presence
        from store import db, schema
        from store.settings import settings

        settings.cache_clear()
        queue.connection.cache_clear()
        try:
            schema.prepare()
            registry.load_built_in()
            with presence.using():
                yield
        finally:
            db.close()
            queue.connection.cache_clear()
            settings.cache_clear()


def table(rows: int, columns: int, classes: int, seed: int) -> bytes:
    """A table of numbers whose label can be learned; no two are the same."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, columns)).round(4)
    label = (numbers[:, :8] @ random.normal(size=(min(columns, 8), classes))).argmax(axis=1)
    stream = io.StringIO()
    stream.write(",".join([*(f"x{number}" for number in range(columns)), "label"]) + "\n")
    np.savetxt(stream, np.column_stack([numbers, label]), fmt=["%.4f"] * columns + ["class %d"], delimiter=",")
    return stream.getvalue().encode()


def job(rows: int = 10_000, columns: int = 10, classes: int = 2, epochs: int = 10) -> dict[str, float]:
    """Seconds that each step of a real workflow takes, and all of them."""
    from jobs.verbs import datasets, short_form
    from store import steps

    seed = next(SEEDS)
    dataset = datasets.add([table(rows, columns, classes, seed)], f"table{seed}.csv")
    started = short_form.start(dataset.id, "label", "logistic_regression", {"epochs": epochs, "random_state": seed})
    wait_for([started.id])
    took = {step.name: float(step.seconds or 0.0) for step in steps.of_workflow(started.id)}
    return {part: took[part] for part in PARTS} | {"all": sum(took.values())}


def wait_for(workflow_ids: Sequence[int]) -> None:
    """Until all are completed; asked in a way that takes next to nothing from what is measured."""
    from store import workflows

    for workflow_id in reversed(workflow_ids):
        while not (status := workflows.get(workflow_id).status).over:
            time.sleep(0.1)
        assert status == "completed", status


def waiting_workflows(count: int) -> dict[str, float]:
    """Seconds to post so many workflows of four steps, and of one round of the reconciler while all of them wait."""
    from jobs.engine.reconcile import Reconciler
    from jobs.verbs import datasets, short_form, workflows

    dataset = datasets.add([b"a,b\n1,x\n2,y\n" * 20], "small.csv")
    begun = time.perf_counter()
    posted = [
        short_form.start(dataset.id, "b", "logistic_regression", {"random_state": number}).id for number in range(count)
    ]
    posting = time.perf_counter() - begun
    reconciler = Reconciler()
    reconciler.round()
    rounds = [_seconds(reconciler.round) for _ in range(3)]
    for workflow_id in posted:
        workflows.cancel(workflow_id)
    return {"posting": posting, "a round of the reconciler": middle(rounds), "all": posting + middle(rounds)}


def long_chain(count: int) -> dict[str, float]:
    """Seconds to claim and complete every step of one workflow in which each needs the one before."""
    from jobs.verbs import datasets
    from store import steps, workflows

    dataset = datasets.add([b"a,b\n1,x\n2,y\n" * 20], "small.csv")
    rows = [
        {
            "name": f"s{number}",
            "key": f"s{number}",
            "timeout": 60,
            "needs": (f"s{number - 1}",) if number else (),
            "params": {},
            "max_attempts": 1,
            "fresh": False,
        }
        for number in range(count)
    ]
    new = workflows.New("chain", "chain", {}, {"data": dataset.id})
    begun = time.perf_counter()
    written = steps.of_workflow(workflows.insert_new(new, rows))
    writing = time.perf_counter() - begun
    begun = time.perf_counter()
    for step in written:
        claim = steps.claim(step.id, 1, "bench")
        assert claim
        steps.complete(claim, "", steps.Outcome({"rows": 1}, {}))
    running = time.perf_counter() - begun
    return {"writing": writing, "claiming and completing": running, "all": writing + running}


def long_log(count: int) -> dict[str, float]:
    """Seconds to write so many lines of a step, a hundred at a time, and to read its last ones a hundred times."""
    from store import db, logs, steps, tables

    step = steps.recent(1)[0]
    begun = time.perf_counter()
    for _ in range(count // 100):
        with db.writing() as connection:
            logs.write(connection, step.id, 1, [(tables.now(), "info", "a line of the log")] * 100)
    writing = time.perf_counter() - begun
    reading = _seconds(lambda: [logs.tail(step.id) for _ in range(count // 100)])
    return {"writing": writing, "reading the end": reading, "all": writing + reading}


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _workers(count: int, epochs: int) -> list[Figure]:
    """Real trainings, one algorithm that keeps one core busy, on one worker and on two."""
    took = {workers: _finishing(workers, count, epochs) for workers in (1, 2)}
    return [
        Figure(
            f"{count} workflows on two workers, as often as on one in the same time",
            took[1] / took[2],
            "x",
            1.8,
            at_least=True,
            guarded=True,
            beside=f"{took[1]:.1f} s on one worker, {took[2]:.1f} s on two",
        )
    ]


def _finishing(workers: int, count: int, epochs: int) -> float:
    """Seconds from posting the workflows to the end of the last."""
    from jobs.verbs import datasets, short_form

    with engine(workers):
        dataset = datasets.add([table(10_000, 10, 3, 1)], "table.csv")

        def post(seeds: range) -> list[int]:
            params = [{"epochs": epochs, "random_state": seed} for seed in seeds]
            return [short_form.start(dataset.id, "label", "logistic_regression", each).id for each in params]

        wait_for(post(range(workers)))  # so that each worker is warm, and the cells above are there to be reused
        begun = time.perf_counter()
        wait_for(post(range(100, 100 + count)))
        return time.perf_counter() - begun


if __name__ == "__main__":
    run(measure, __doc__)
