"""docs/pipelines.md is true: its examples are written to a folder as they stand there, and run."""

import dataclasses
import inspect
import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs import pipelines
from jobs.pipelines import describer, registry
from jobs.verbs import datasets
from jobs.verbs import workflows as verbs
from store import steps, workflows
from store.tables import Status

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "pipelines.md").read_text()
EXAMPLES = dict(re.findall(r"```python\n# (\w+\.py).*?\n(.*?)```", PAGE, re.DOTALL))
SALES = "day,amount\n" + "".join(f"{['Mon', 'Tue', 'Wed', 'Thu', 'Fri'][day % 5]},{10 * day}\n" for day in range(1, 26))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with every example of the page, and the settings that the page tells of."""
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "sales.csv").write_text(SALES)
    monkeypatch.setenv("TRAINYARD_PROJECT", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_PIPELINES", "dice,sales,fair_dice,patience")
    yield tmp_path
    describer.close()


def over(workflow, seconds=60):
    """The workflow when it has ended."""
    end = time.monotonic() + seconds
    while not (found := workflows.get(workflow.id)).status.over:
        assert time.monotonic() < end, [(step.name, step.status) for step in steps.of_workflow(workflow.id)]
        time.sleep(0.05)
    return found


def reused(workflow):
    """The names of those steps that another workflow had done before."""
    return [step.name for step in steps.of_workflow(workflow.id) if step.reused_from is not None]


def test_every_example_is_accepted(project, home):
    """Each pipeline of the page is known, under its label, and nothing is wrong with its module."""
    known = {each.name: each.shown for each in registry.everything()}
    assert describer.faults() == []
    assert known.items() >= {"dice": "Dice", "sales": "Sales", "fair_dice": "Fair dice", "patience": "Patience"}.items()


@pytest.mark.slow
def test_the_examples_run(project, services):
    """Started as the page says, they complete with scores, facets, titles, curves and results of their kinds."""
    dataset = datasets.add(project / "sales.csv", "sales.csv")
    column = verbs.propose("sales", {"data": dataset.id})
    sales = over(verbs.start("sales", column | {"goal": 500}, {"data": dataset.id}))
    assert (sales.status, sales.name, sales.facets["column"]) == (Status.completed, "sales: amount", "amount")
    assert sales.scores["total"] == 3250 and sales.scores["reached"] == 1
    result = steps.of_workflow(sales.id)[1].result
    assert (result["verdict"]["kind"], result["growth"]["kind"]) == ("text", "curve")
    dice = over(verbs.start("dice", {"sides": 8}))
    assert dice.status is Status.completed and 1 < dice.scores["mean"] < 8
    fair = over(verbs.start("fair_dice", {"sides": 8}))
    assert reused(fair) == ["roll", "özet"], "the same code on the same params"
    assert [each.field for each in verbs.problems("fair_dice", {"sides": 7}, {})] == ["sides"]
    patience = over(verbs.start("patience", {}))
    assert patience.status is Status.completed and steps.of_workflow(patience.id)[0].attempt == 2


@pytest.mark.slow
def test_what_is_reused(project, services):
    """A comment changes nothing, an edit in a helper module runs the step anew, without a restart."""
    dataset = datasets.add(project / "sales.csv", "sales.csv")
    given = ("sales", {"column": "amount"}, {"data": dataset.id})
    over(verbs.start(*given))
    helper = project / "money.py"
    helper.write_text("# Amounts of money.\n" + helper.read_text())
    assert reused(over(verbs.start(*given))) == ["read", "sum_up"]
    helper.write_text(helper.read_text().replace("or 0)", "or 0) * 2"))
    changed = over(verbs.start(*given))
    assert reused(changed) == [] and changed.scores["total"] == 6500


def commands():
    """The commands of the page that start a workflow."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.search(r"python -m jobs submit", line)]


@pytest.mark.slow
@pytest.mark.parametrize("line", commands())
def test_the_commands_of_the_page_work(project, services, line):
    """A command that the page shows, typed in the folder of the examples, completes its workflow."""
    datasets.add(project / "sales.csv", "sales.csv")
    words = [word for word in shlex.split(line) if not word.startswith("TRAINYARD_")]
    assert words[:3] == ["python", "-m", "jobs"] and "--wait" in words
    command = [sys.executable, *words[1:], "--json"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "completed"


@pytest.mark.parametrize("body", re.findall(r"curl --json '(.*?)'", PAGE))
def test_the_requests_of_the_page_are_right(project, home, body):
    """What the page sends over HTTP can be started."""
    datasets.add(project / "sales.csv", "sales.csv")
    request = json.loads(body)
    assert verbs.problems(request["pipeline"], request["params"], request.get("inputs", {})) == []


def test_every_word_for_authors_is_described():
    """What `jobs.pipelines` offers, and every argument and member of it, is on the page."""
    not_called = {"Recorder", "StepContext", "StepDefinition", "Pipeline", "PipelineError", "Message"}
    offered = set(pipelines.__all__) - not_called
    arguments = {
        field.name
        for kind in (pipelines.Param, pipelines.Measure, pipelines.StepDefinition, pipelines.Pipeline)
        for field in dataclasses.fields(kind)
    }
    members = {name for name, _ in inspect.getmembers(pipelines.StepContext) if not name.startswith("_")}
    internal = {
        "function",
        "key",
        "steps",
        "default",
        "predict",
        "preload",
        "thresholds",
        "prepared_elsewhere",
        # Of steps that are plain functions, and of flows, which docs/functions.md and docs/flows.md are about.
        "failure",
        "mute",
        "unmute",
        "own_params",
        "is_function",
        "graph",
        "definitions",
        "retry",
        "hand_on",
        "handed",
        "outputs",
        "required",
        "type",
        "pipeline",
        "step",
        "live",
        "saved",
        "partial",
        "measurements",
        "unsent",
    }
    wanted = offered | (arguments | members) - internal
    assert [word for word in sorted(wanted) if not re.search(rf"[`(]{word}\b|, {word}\b", PAGE)] == []
