"""From the first byte of a CSV over HTTP to a trained model, in the real app, beside the script one would have written.

    python -m tests.bench.first_byte

The app runs as a user starts it. The clock runs from the first byte of POST /api/datasets until the row of the training
says that it ended; the workflow is posted as soon as the dataset is there. The script reads the same file with pandas,
splits, scales, trains the very same estimator and works out loss and accuracy of each epoch; a shorter one only counts
right answers. The two take turns, and every run gets a file that nobody has seen before.
"""

import http.client
import json
import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Found, home, middle, run
from tests.bench.footprint import PATIENCE, Stack
from tests.bench.job import Took, make_data, script_process

ALGORITHM = "logistic_regression"
STAGES = ("upload", "preprocess", "train")


@dataclass(frozen=True)
class Pair:
    """Seconds of ours, in all and of its stages, and what the scripts took."""

    trained: float
    stages: dict[str, float]
    script: Took


def measure(short: bool) -> Found:
    with home() as folder, script_process() as script:
        stack = Stack(folder / "app")
        with stack.running():
            bench = Bench(stack, folder, script)
            bench.pairs(20_000, 5, 2)  # the first files find everything cold
            small = bench.pairs(20_000, 50, 3 if short else 5)
            rows, times = (200_000, 3) if short else (1_000_000, 5)
            large = bench.pairs(rows, 10, times)
    return Found([*_small(small), *_large(rows, large, None if short else 0.85)])


def _small(pairs: list[Pair]) -> list[Figure]:
    what = "20,000 rows x 20, 50 epochs, first byte over HTTP to trained"
    ratio = middle([pair.trained / pair.script.trained for pair in pairs])
    return [Figure(what, ratio, target=0.8, beside=_beside(pairs, "the script"), guarded=True)]


def _large(rows: int, pairs: list[Pair], target: float | None) -> list[Figure]:
    what = f"{rows:,} rows x 20, 10 epochs, first byte over HTTP to trained"
    ratio = middle([pair.trained / pair.script.briefly for pair in pairs])
    with_losses = middle([pair.trained / pair.script.trained for pair in pairs])
    return [
        Figure(what, ratio, target=target, beside=_beside(pairs, "a script that counts right answers"), guarded=True),
        Figure("the same, beside the script", with_losses, beside=f"{len(pairs)} runs of each, in turns"),
    ]


def _beside(pairs: list[Pair], script: str) -> str:
    briefly = "counts" in script
    its = middle([pair.script.briefly if briefly else pair.script.trained for pair in pairs])
    stages = ", ".join(f"{name} {middle([pair.stages[name] for pair in pairs]):.2f}" for name in pairs[0].stages)
    return f"{script} {its:.2f} s, ours {middle([pair.trained for pair in pairs]):.2f} s: {stages}"


class Bench:
    """Sends files to the running app, and gives them to the script."""

    def __init__(self, stack: Stack, folder: Path, script: Any) -> None:
        self._stack, self._folder, self._script = stack, folder, script
        self._files = 0

    def pairs(self, rows: int, epochs: int, times: int) -> list[Pair]:
        return [self._pair(rows, epochs) for _ in range(times)]

    def _pair(self, rows: int, epochs: int) -> Pair:
        self._files += 1
        path = make_data(self._folder / f"data-{self._files}.csv", rows, self._files)
        os.sync()  # what writing the file left to do is not part of either
        trained, stages = self._trained(path, epochs)
        script = self._script(str(path), ALGORITHM, epochs, {}, str(self._folder / "script.joblib"))
        path.unlink()
        return Pair(trained, stages, script)

    def _trained(self, path: Path, epochs: int) -> tuple[float, dict[str, float]]:
        wanted = {"target": "answer", "algorithm": ALGORITHM, "params": {"epochs": epochs}}
        begun = time.perf_counter()
        with path.open("rb") as stream:
            size = str(path.stat().st_size)
            dataset = self._post(f"/api/datasets?name={path.name}", stream, {"Content-Length": size})
        stages = {"request": time.perf_counter() - begun}
        body = json.dumps({"dataset_id": dataset, **wanted}).encode()
        workflow = self._post("/api/workflows", body, {"Content-Type": "application/json"})
        for name in STAGES:
            stages[name] = self._ended(workflow, name) - begun - sum(stages.values())
        return sum(stages.values()), stages

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self._stack.port, PATIENCE, blocksize=1 << 20)) as line:
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            said = json.load(answer)
            assert answer.status == 201, said
            return int(said["id"])

    def _ended(self, workflow: int, name: str) -> float:
        """When a step ended; asked in a way that takes next to nothing from what is measured."""
        question = "SELECT ended_at, status FROM steps WHERE workflow_id = ? AND name = ?"
        file = self._stack.folder / "trainyard.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            while not (found := database.execute(question, [workflow, name]).fetchone())[0]:
                time.sleep(0.003)
        assert found[1] == "completed", found
        return time.perf_counter()


if __name__ == "__main__":
    run(measure, __doc__)
