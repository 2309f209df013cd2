"""Pipelines in Kedro's manner: nodes whose inputs and outputs have names."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from helpers import authored

from jobs.authoring.node_pipelines import Pipeline
from jobs.authoring.nodes import node
from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from jobs.language import sentence
from jobs.pipelines import PipelineError, registry
from jobs.verbs import datasets as dataset_verbs
from jobs.verbs import workflows as verbs
from store import actors, outputs, steps, workflows
from store.errors import RequestError
from store.tables import Status

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.usefixtures("home", "cheap")


def preprocess_data(raw):
    return [value * 2 for value in raw]


def train_model(processed: list[int], rate: float = 0.5, options: dict | None = None):
    return {"model": [rate, *processed], "report": {"rows": len(processed), "options": options}}


def evaluate_model(model, processed):
    return sum(model), len(processed)


def make_raw(count: int) -> list[int]:
    return list(range(count))


TRAINING = Pipeline(
    [
        node(
            evaluate_model, {"model": "trained_model", "processed": "processed_data"}, ["total", "rows"], name="judge"
        ),
        node(make_raw, "params:count", "raw_data"),
        node(
            train_model,
            inputs=["processed_data", "params:rate", "params:model.options"],
            outputs={"model": "trained_model", "report": "training_report"},
            name="train",
            tags=["slow"],
            retries=1,
        ),
        node(preprocess_data, "raw_data", "processed_data"),
    ],
    name="node_training",
    tags="nightly",
    defaults={"model": {"options": {"depth": 3}}},
)


def test_steps_follow_from_the_names():
    """Nodes run after those that make what they take, in whatever order they are listed; what they leave has the names
    that the nodes say."""
    workflow = authored.run(TRAINING, count=3)
    assert workflow.status is Status.completed
    assert list(authored.rows(workflow)) == ["make_raw", "preprocess_data", "train", "judge"]
    assert authored.left(workflow) == {
        ("make_raw", "raw_data"): [0, 1, 2],
        ("preprocess_data", "processed_data"): [0, 2, 4],
        ("train", "trained_model"): [0.5, 0, 2, 4],
        ("train", "training_report"): {"rows": 3, "options": {"depth": 3}},
        ("judge", "total"): 6.5,
        ("judge", "rows"): 3,
    }
    assert (
        authored.rows(workflow)["train"].tags == ["slow", "nightly"]
        and authored.rows(workflow)["train"].policy["delays"]
    )


def test_params_are_those_that_nodes_name():
    """The form, commands and requests take the params by name, with the functions' types and defaults; what is equal is
    reused."""
    known = TRAINING.registered
    assert {name: param.default for name, param in known.params({}).items()} == {
        "count": None,
        "rate": 0.5,
        "model": {"options": {"depth": 3}},
    }
    assert known.params({})["count"].required
    assert [(each.key, each.needs) for each in known.steps][-1] == ("judge", ("train", "preprocess_data"))
    authored.run(TRAINING, count=3)
    again = authored.rows(authored.run(TRAINING, count=3, rate=0.1))
    assert [key for key, row in again.items() if row.reused_from] == ["make_raw", "preprocess_data"]
    for given in ({"count": "many"}, {"count": 1, "model": {"depth": 1}}):
        with pytest.raises((RequestError, PipelineError), match=r"count|options"):
            authored.start(TRAINING, **given)


def doubled(sales: pd.DataFrame) -> pd.DataFrame:
    return sales * 2


def first_line(sales: Path) -> str:
    return sales.read_text().splitlines()[0]


SALES = Pipeline([node(doubled, "sales", "doubled_sales"), node(first_line, "sales", "head")], name="node_sales")


def test_a_name_that_nothing_makes_is_a_dataset():
    """It is an input of the pipeline, read as the dataset is written; another dataset runs the step again."""
    with actors.acting(actors.operator()):
        first = dataset_verbs.add(BytesIO(b"a;b\n" + 30 * b"1,5;2\n2,5;3\n"), "sales.csv")
        second = dataset_verbs.add(BytesIO(b"a;b\n" + 30 * b"1,5;2\n2,5;4\n"), "sales.csv")
        with pytest.raises(RequestError, match=r"node_input_missing .*sales"):
            authored.start(SALES)
    registered = SALES.registered
    assert [(each.name, each.optional) for each in registered.inputs] == [("sales", True)]

    def run(dataset):
        number = authored.start(SALES, inputs={"sales": dataset.id})
        return authored.work_off(number)

    ended = run(first)
    assert ended.status is Status.completed, [sentence(row.error) for row in authored.rows(ended).values() if row.error]
    frame = outputs.newest("doubled_sales")
    assert frame.format == "parquet" and frame.preview
    assert authored.left(ended)[("first_line", "head")] == "a;b"
    assert all(row.reused_from for row in authored.rows(run(first)).values())
    assert not any(row.reused_from for row in authored.rows(run(second)).values())
    with actors.acting(actors.operator()):
        assert [cell.reused_from is not None for cell in verbs.plan("node_sales", {}, {"sales": first.id})] == [
            True
        ] * 2


def test_else_it_is_what_an_earlier_run_left():
    """A pipeline takes what another one left under the name, as from a catalog."""
    taking = Pipeline([node(preprocess_data, "raw_data", "more")], name="node_taking")
    with pytest.raises(RequestError, match=r"node_input_missing .*raw_data"):
        authored.start(taking)
    authored.run(TRAINING, count=2)
    workflow = authored.run(taking)
    assert authored.left(workflow) == {("preprocess_data", "more"): [0, 2]}


@step(retries=2)
def scaled(values: list[int], by: int = 2) -> list[int]:
    return [value * by for value in values]


def test_nodes_take_steps_and_pipelines_are_joined():
    """A node may be made of a @step, with its options; pipelines are joined by +, and called in a @pipeline as a part
    of it."""
    first, second = Pipeline([node(make_raw, "params:count", "x")]), Pipeline([node(scaled, "x", "y", name="grow")])
    joined = first + second
    assert [each.name for each in joined.nodes] == ["make_raw", "grow"]
    assert (joined.inputs(), joined.outputs()) == ({"params:count"}, {"y"})
    joined.called("joined")

    @pipeline
    def outer(count: int) -> None:
        made = joined(count=count)
        scaled(made["y"], by=10)

    workflow = authored.run(outer, count=3)
    rows = authored.rows(workflow)
    assert rows["grow"].group == "joined" and rows["grow"].policy["delays"] == [0.0, 0.0]
    assert authored.left(workflow)[("scaled", "output")] == [0, 20, 40]


def wrong_dict(processed):
    return {"model": 1}


def test_a_dict_without_a_key_is_refused():
    """A function that does not return what its node says fails with the name of what is missing."""
    short = Pipeline(
        [node(make_raw, "params:count", "x"), node(wrong_dict, "x", {"model": "m", "report": "r"})], name="node_short"
    )
    workflow = authored.run(short, count=1)
    assert "returned no 'report'" in sentence(authored.rows(workflow)["wrong_dict"].error)


def takes_any(*frames):
    return frames


WRONG = {
    "Name a function at the top": lambda: node(lambda x: x, "a", "b"),
    "neither inputs nor outputs": lambda: node(make_raw, None, None),
    "wrong arguments": lambda: node(make_raw, ["a", "b"], "c"),
    "params are given at the start": lambda: node(make_raw, "a", "params:b"),
    "write params:name": lambda: node(make_raw, "params:", "b"),
    "write a text, a list of texts": lambda: node(make_raw, 3, "b"),
    "1 to 60 characters": lambda: node(make_raw, [3], "b"),
    "without @": lambda: node(make_raw, "a@pandas", "b"),
    "two outputs called 'b'": lambda: node(make_raw, "a", ["b", "b"]),
    r"takes \*frames; name each": lambda: node(takes_any, ["a"], "b"),
    "has no option 'retrys'": lambda: node(make_raw, "a", "b", retrys=3),
    "namespace, which is not there": lambda: node(make_raw, "a", "b", namespace="x"),
    "made of .*which is no node": lambda: Pipeline([make_raw]),
    "list at least one": lambda: Pipeline([]),
    "wait for each other": lambda: Pipeline([node(preprocess_data, "a", "b"), node(preprocess_data, "b", "a")]),
    "both make 'b'": lambda: Pipeline([node(preprocess_data, "a", "b"), node(make_raw, "params:c", "b")]),
    "Two nodes are called 'n'": lambda: Pipeline(
        [node(preprocess_data, "a", "b", name="n"), node(preprocess_data, "a", "c", name="n")]
    ),
    "different defaults": lambda: Pipeline([node(scaled, ["a", "params:by"], "b"), node(add, "params:by", "c")]),
    "inputs, which is not there": lambda: Pipeline([node(preprocess_data, "a", "b")], inputs={"a": "c"}),
    "has no only_nodes": lambda: Pipeline([node(preprocess_data, "a", "b")]).only_nodes("x"),
    "as in training = Pipeline": lambda: Pipeline([node(preprocess_data, "a", "b")])(),
}


def add(by: int = 7):
    return by


@pytest.mark.parametrize("why", WRONG)
def test_what_is_wrong_is_refused_with_its_repair(why):
    """Each slip is refused when the pipeline is written, by name and with what to do."""
    with pytest.raises(PipelineError, match=why):
        WRONG[why]()


SCRIPT = """
from trainyard.pipeline import Pipeline, node

def preprocess_data(raw_data):
    return raw_data.dropna()

def train_model(processed_data, rate=0.1):
    return {"rate": rate, "mean": float(processed_data["y"].mean())}

def evaluate_model(trained_model):
    print("evaluating")
    return {"score": trained_model["mean"]}

def create_training_pipeline():
    return Pipeline([
        node(func=preprocess_data, inputs="raw_data", outputs="processed_data"),
        node(func=train_model, inputs=["processed_data", "params:rate"], outputs="trained_model"),
        node(func=evaluate_model, inputs="trained_model", outputs="model_metrics"),
    ])

if __name__ == "__main__":
    run = create_training_pipeline()(raw_data="raw_data.csv", rate=0.2)
    print("score", run.outputs["model_metrics"].load()["score"])
"""


@pytest.mark.slow
def test_a_file_of_kedro_runs(tmp_path, services):
    """A file written for Kedro runs when its import line is changed: as a script with a table, and by the command with
    what the first run left; then it is known by name."""
    (tmp_path / "training_pipeline.py").write_text(SCRIPT)
    (tmp_path / "raw_data.csv").write_text("x,y\n" + 20 * "1,2\n2,4\n3,\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def python(*arguments):
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "score 3.0" in python("training_pipeline.py")
    assert workflows.get(1).pipeline == "training" and workflows.get(1).inputs["raw_data"].name == "raw_data"
    python("-m", "jobs", "pipeline", "run", "training_pipeline.py", "-p", "rate=0.3", "--input", "raw_data=1")
    assert [bool(row.reused_from) for row in steps.of_workflow(2)] == [True, False, False]
    assert [each.name for each in registry.get("training").inputs] == ["raw_data"]
