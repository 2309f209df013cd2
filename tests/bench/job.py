"""The real job: from the first byte of a CSV uploaded to a trained model, beside the script one would have written.

    python -m tests.bench.job

The script reads with pandas, splits into three parts of the same sizes, scales, trains the very same scikit-learn
estimator, works out accuracy and loss of every epoch on training and validation rows, as Trainyard does, and dumps the
model; it runs in a warm process of its own. Imports are excluded on both sides, the two take turns, and every run gets
a file that nobody has seen before. A shorter script, which only counts right answers, stands beside it.
"""

import math
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Found, Plot, home, middle, run

COLUMNS = 20
# The five of the original, and one for information.
OF_THE_ORIGINAL = ("logistic_regression", "linear_svm", "perceptron", "passive_aggressive", "mlp")
ALSO = ("hist_gradient_boosting",)
LEARNING_RATE = 0.02
# Shares of the rows, which the job and the script keep back alike.
VALIDATION, TEST = 0.15, 0.2


@dataclass(frozen=True)
class Took:
    """Seconds from the start of the upload, and the accuracy on the validation part; `briefly` is what a script took
    that only counts right answers."""

    trained: float
    evaluated: float
    accuracy: float
    briefly: float = math.nan


def measure(short: bool) -> Found:
    with home(TRAINYARD_WORKERS="2") as folder, script_process() as script, engine():
        job = Job(folder, script)
        job.compare(2_000, 2, "logistic_regression", 1)  # the first file finds everything cold
        if short:
            return _short(job)
        small = {key: job.compare(20_000, 50, key, 3) for key in (*OF_THE_ORIGINAL, *ALSO)}
        large, again = job.compare_restart(1_000_000, 10, 3)
        cost = metric_cost(folder, 13)
    return Found(
        [*_small(small), *_large("1,000,000 rows x 20, 10 epochs", large, again, 0.8, 0.5), _cost(cost)], [_plot(small)]
    )


def _short(job: "Job") -> Found:
    small = {key: job.compare(20_000, 50, key, 3) for key in ("logistic_regression", "perceptron")}
    large, again = job.compare_restart(200_000, 10, 1)
    return Found([*_small(small), *_large("200,000 rows x 20, 10 epochs", large, again, None, None)])


Pairs = list[tuple[Took, Took]]


def _small(found: dict[str, Pairs]) -> list[Figure]:
    ratios = {key: _ratio(pairs) for key, pairs in found.items()}
    five = [ratios[key] for key in ratios if key in OF_THE_ORIGINAL]
    what = "20,000 rows x 20, 50 epochs, uploaded to trained"
    return [
        Figure(f"{what}, median of the algorithms", middle(five), target=1.0, beside="the script", guarded=True),
        Figure(f"{what}, the worst of them", max(five), target=1.5, beside="the script", guarded=True),
        Figure(
            "the same, median of the algorithms, beside a script that works out no loss",
            middle([_ratio_briefly(found[key]) for key in ratios if key in OF_THE_ORIGINAL]),
            target=1.0,
        ),
        *(Figure(f"the same, {key}", ratio, beside=_beside(found[key])) for key, ratio in ratios.items()),
    ]


def _large(what: str, large: Pairs, again: Pairs, target: float | None, restart_target: float | None) -> list[Figure]:
    evaluated = middle([ours.evaluated / script.trained for ours, script in large])
    return [
        Figure(f"{what}, uploaded to trained", _ratio(large), target=target, beside=_beside(large), guarded=True),
        Figure("the same, beside a script that works out no loss", _ratio_briefly(large), target=target),
        Figure("the same, to evaluated", evaluated, beside="the script, which does not evaluate"),
        Figure(
            "the same, Restart with another learning rate",
            _ratio(again),
            target=restart_target,
            beside=_beside(again),
            guarded=True,
        ),
    ]


def _cost(cost: float) -> Figure:
    return Figure(
        "metric writing, as a share of training time",
        100 * cost,
        "%",
        2.0,
        beside="the same training with nothing written",
    )


def _ratio(pairs: Pairs) -> float:
    return middle([ours.trained / script.trained for ours, script in pairs])


def _ratio_briefly(pairs: Pairs) -> float:
    return middle([ours.trained / script.briefly for ours, script in pairs])


def _beside(pairs: Pairs) -> str:
    ours, script = (middle([pair[side].trained for pair in pairs]) for side in (0, 1))
    right, its = (middle([pair[side].accuracy for pair in pairs]) for side in (0, 1))
    return f"ours {ours:.2f} s, the script {script:.2f} s; accuracy {right:.3f} and {its:.3f}"


def _plot(found: dict[str, Pairs]) -> Plot:
    lines = {
        name: [
            (float(place), middle([pair[side].trained for pair in pairs]))
            for place, pairs in enumerate(found.values(), 1)
        ]
        for side, name in enumerate(("Trainyard", "the script"))
    }
    return Plot("Uploaded to trained, 20,000 rows x 20, 50 epochs", ", ".join(found), "seconds", lines)


class Job:
    """Runs the same work through the engine and as a script."""

    def __init__(self, folder: Path, script: Any) -> None:
        self._folder, self._script, self._files = folder, script, 0

    def compare(self, rows: int, epochs: int, algorithm: str, times: int) -> Pairs:
        """Both, in turns, each time on a new file."""
        return [pair for pair, _ in self._pairs(rows, epochs, algorithm, times)]

    def compare_restart(self, rows: int, epochs: int, times: int) -> tuple[Pairs, Pairs]:
        """Both as a first run, and Restart with another learning rate beside the whole script again."""
        first, again = [], []
        for pair, (workflow_id, path) in self._pairs(rows, epochs, "logistic_regression", times, keep=True):
            first.append(pair)
            ours = restart(workflow_id)
            again.append((ours, self._run_script(path, "logistic_regression", epochs, LEARNING_RATE)))
            path.unlink()
        return first, again

    def _pairs(
        self,
        rows: int,
        epochs: int,
        algorithm: str,
        times: int,
        keep: bool = False,
    ) -> Iterator[tuple[tuple[Took, Took], tuple[int, Path]]]:
        for _ in range(times):
            self._files += 1
            path = make_data(self._folder / f"data-{self._files}.csv", rows, self._files)
            ours, workflow_id = engine_run(path, algorithm, epochs)
            yield (ours, self._run_script(path, algorithm, epochs)), (workflow_id, path)
            if not keep:
                path.unlink()

    def _run_script(self, path: Path, algorithm: str, epochs: int, rate: float | None = None) -> Took:
        params = {"learning_rate": rate} if rate else {}
        return self._script(str(path), algorithm, epochs, params, str(self._folder / "script.joblib"))


def make_data(path: Path, rows: int, seed: int) -> Path:
    """A table of numbers with a 0 or 1 to predict, which a straight line gets mostly right."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, COLUMNS)).round(5)
    chosen = x @ random.normal(size=COLUMNS) + random.normal(0, 2, rows) > 0
    table = {f"column_{number}": x[:, number] for number in range(COLUMNS)}
    csv.write_csv(pa.table({**table, "answer": chosen.astype(np.int8)}), path)
    return path


@contextmanager
def engine() -> Iterator[None]:
    """Workers that wait for work."""
    from jobs.pipelines import registry
    from jobs.services import presence
    from store import schema

    schema.prepare()
    registry.load_built_in()
    with presence.using():
        yield


def engine_run(path: Path, algorithm: str, epochs: int) -> tuple[Took, int]:
    """Upload, train and evaluate with Trainyard."""
    from jobs.verbs import datasets, short_form

    begun = time.perf_counter()
    dataset = datasets.add(path, path.name)
    workflow = short_form.start(dataset.id, "answer", algorithm, {"epochs": epochs})
    return _awaited(workflow.id, begun), workflow.id


def restart(workflow_id: int) -> Took:
    """Train once more with another learning rate; what is above is reused."""
    from jobs.verbs import workflows

    begun = time.perf_counter()
    return _awaited(workflows.rerun_from(workflow_id, "train", {"learning_rate": LEARNING_RATE}).id, begun)


def _awaited(workflow_id: int, begun: float) -> Took:
    from store import steps

    ids = {step.name: step.id for step in steps.of_workflow(workflow_id)}
    trained, evaluated = (_ended(ids[name]) - begun for name in ("train", "evaluate"))
    result = steps.get(ids["evaluate"]).result
    assert result is not None
    return Took(trained, evaluated, result["scores"]["accuracy"])


def _ended(step_id: int) -> float:
    """When a step ended; asked in a way that takes next to nothing from what is measured."""
    question = "SELECT ended_at, result, error FROM steps WHERE id = ?"
    file = Path(os.environ["TRAINYARD_HOME"]) / "trainyard.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        while not (found := database.execute(question, [step_id]).fetchone())[0]:
            time.sleep(0.003)
    ended = time.perf_counter()
    assert found[1] != "null", found[2]
    return ended


@contextmanager
def script_process() -> Iterator[Any]:
    """A process that has everything imported; the function runs the script there and returns what it took."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(import_libraries).result()
        yield lambda *arguments: pool.submit(script, *arguments).result()


def import_libraries() -> None:
    import joblib  # noqa: F401
    import pandas  # noqa: F401
    from sklearn.linear_model import SGDClassifier  # noqa: F401
    from sklearn.metrics import hinge_loss, log_loss  # noqa: F401
    from sklearn.model_selection import train_test_split  # noqa: F401
    from sklearn.neural_network import MLPClassifier  # noqa: F401
    from sklearn.preprocessing import StandardScaler  # noqa: F401


def script(path: str, algorithm: str, epochs: int, params: dict[str, Any], model: str) -> Took:
    """What one would have written, with the same estimator."""
    import joblib
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    estimator = estimator_of(algorithm, params)
    begun = time.perf_counter()
    table = pd.read_csv(path)
    answers = table.pop("answer").to_numpy()
    x, _, y, _ = train_test_split(table, answers, test_size=TEST, stratify=answers, random_state=42)
    x, val_x, y, val_y = train_test_split(x, y, test_size=VALIDATION / (1 - TEST), stratify=y, random_state=42)
    scaler = StandardScaler().fit(x)
    x, val_x = scaler.transform(x), scaler.transform(val_x)
    classes, scores, of_losses = np.unique(y), [], 0.0
    for epoch in range(1, epochs + 1):
        if hasattr(estimator, "partial_fit"):
            estimator.partial_fit(x, y, classes=classes)
        else:
            estimator.set_params(max_iter=10 * epoch).fit(x, y)
        scores.append((estimator.score(x, y), estimator.score(val_x, val_y)))
        scored = time.perf_counter()
        losses(estimator, x, y), losses(estimator, val_x, val_y)
        of_losses += time.perf_counter() - scored
    joblib.dump((scaler, estimator), model)
    took = time.perf_counter() - begun
    return Took(took, math.nan, max(tested for _, tested in scores), took - of_losses)


def losses(estimator: Any, x: Any, y: Any) -> float:
    """The loss as scikit-learn works it out."""
    from sklearn.metrics import hinge_loss, log_loss

    if hasattr(estimator, "predict_proba"):
        return float(log_loss(y, estimator.predict_proba(x)))
    return float(hinge_loss(y, estimator.decision_function(x)))


def estimator_of(algorithm: str, params: dict[str, Any]) -> Any:
    from jobs.tabular import algorithms

    chosen = algorithms.get(algorithm)
    return chosen.make({param.name: param.default for param in chosen.params} | params, 42, 2)


def metric_cost(folder: Path, times: int) -> float:
    """How much longer training takes because its numbers are written down, as a share; in this process, in turns."""
    from helpers import tables

    from jobs.engine import runner
    from jobs.pipelines import context
    from jobs.verbs import datasets

    dataset = datasets.add(make_data(folder / "cost.csv", 20_000, 0), "cost.csv")

    numbers = count(1)

    def seconds(writing: bool) -> float:
        # A rate of its own, or the step would be reused.
        rate = 0.01 + next(numbers) / 1e6
        written = tables.workflow(dataset, "answer", "logistic_regression", epochs=400, train={"learning_rate": rate})
        for name in ("upload", "preprocess"):
            runner.run_step(written[name].id, 1)
        usual = context.steps.beat
        if not writing:
            context.steps.beat = lambda *_: None  # type: ignore[assignment]
        begun = time.perf_counter()
        try:
            runner.run_step(written["train"].id, 1)
        finally:
            context.steps.beat = usual
        return time.perf_counter() - begun

    return middle([seconds(True) / seconds(False) - 1 for _ in range(times)])


if __name__ == "__main__":
    sys.modules.setdefault("tests.bench.job", sys.modules["__main__"])
    run(measure, __doc__)
