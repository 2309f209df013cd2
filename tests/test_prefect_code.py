"""A project that was written for Prefect runs when only its import lines change."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pandas
import pytest

from jobs.language import text_of
from store import logs, outputs, steps, workflows
from store.tables import Status

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("services")]
ROOT = Path(__file__).parent.parent
WRITTEN = Path(__file__).parent / "prefect_project"


@pytest.fixture
def project(tmp_path):
    """A copy of the project with two months of data, outside of the repository."""
    folder = Path(shutil.copytree(WRITTEN, tmp_path / "project"))
    (folder / "data").mkdir()
    for number, month in enumerate(("january", "february")):
        trips(number).to_parquet(folder / "data" / f"{month}.parquet")
    return folder


def trips(seed):
    draw = numpy.random.default_rng(seed)
    begun = pandas.Timestamp("2026-01-01") + pandas.to_timedelta(draw.integers(0, 2_000_000, 300), unit="s")
    distance = draw.uniform(0.5, 15, 300)
    took = pandas.to_timedelta(3 * distance + draw.normal(0, 1, 300) + 3, unit="m")
    zones = draw.integers(1, 9, (300, 2))
    return pandas.DataFrame(
        {
            "pickup": begun,
            "dropoff": begun + took,
            "from_zone": zones[:, 0],
            "to_zone": zones[:, 1],
            "trip_distance": distance,
        }
    )


def python(project, *arguments):
    """Run Python in the folder of the project, with Trainyard installed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines(step):
    return [text_of(line.text, line.message) for line in logs.tail(step.id)]


def test_a_training_flow_runs_as_it_is_written(project):
    """Frames, sparse matrices, arrays and a DictVectorizer pass from task to task, as `tuple([...])` says; what a task
    prints is in its log; and what it writes is where the script is."""
    python(project, "orchestrate.py")
    run = workflows.get(1)
    assert run.status is Status.completed and run.pipeline == "main_flow"
    _, *tasks = steps.of_workflow(1)
    assert [each.key for each in tasks] == ["Read taxi data", "Read taxi data_2", "add_features", "train_best_model"]
    assert [each.format for each in outputs.of_workflow(1, "add_features")] == ["npz", "npz", "npy", "npy", "joblib"]
    assert any(line.startswith("The error on validation rows is") for line in lines(tasks[-1]))
    told = [json.loads(line)[0] for line in (project / "mlflow.jsonl").read_text().splitlines()]
    assert told[-6:] == ["begin", "params", "metric", "artifact", "model", "end"]
    assert (project / "models" / "preprocessor.b").exists()


def test_a_flow_with_another_one_in_it_retries_and_prints(project):
    """Retries with delays, a map in a flow of its own, names by arguments, and the value that a script gets."""
    said = python(project, "digest.py")
    expected = {name: [f"{name} on page 1", f"{name} on page 2"] for name in ("Ada", "Grace")}
    assert ast.literal_eval(said.splitlines()[-1]) == expected
    flow, first, second, *rest = steps.of_workflow(1)
    assert [first.key, second.key] == ["collect-articles/Fetch page[0]", "collect-articles/Fetch page[1]"]
    assert [first.label, second.label] == ["page 1", "page 2"] and second.attempt == 2
    assert [each.key for each in rest] == ["titles_of", "titles_of_2"]
    assert lines(first) == ["Fetched page 1"]
    assert [line for line in lines(flow) if "Collected" in line or "Digest" in line] == [
        "Collected 4 articles",
        "Digest of 2 authors",
    ]
    assert workflows.get(1).pipeline == "digest"
