"""docs/functions.md is true: its example runs as it stands there, in each of the ways that the page tells."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import trainyard
from jobs.authoring.options import INSTEAD
from jobs.language import sentence
from jobs.pipelines import PipelineError, registry
from store import outputs, steps, workflows
from store.messages import Message
from store.tables import Status

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "functions.md").read_text()
FILES = re.findall(r"```(?:python|yaml)\n# (\w+\.\w+)\n(.*?)```", PAGE, re.DOTALL)

(CLIENT,) = re.findall(r"```python\n(from trainyard.client.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def project(tmp_path):
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    return tmp_path


def commands():
    """The commands of the page, each without its comment."""
    (block,) = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line, comments=True) for line in block.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command[:4]))
def test_the_example_runs(project, services, command):
    """Each command of the page, typed in the folder of the example, runs the pipeline to its end."""
    run = [sys.executable, *(command[1:] if command[0] == "python" else ["-m", *command])]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    subprocess.run(
        [sys.executable, "-m", "jobs", "watch", "1"], cwd=ROOT, env=environment, capture_output=True, timeout=60
    )
    workflow = workflows.get(1)
    assert workflow.status is Status.completed, [(each.key, each.error) for each in steps.of_workflow(1)]
    assert workflow.scores["warmest"] > 10
    left = {each.name: each for each in outputs.of_workflow(1)}
    assert left["smooth"].format == "parquet" and left["smooth"].metadata["window"] == workflow.params["window"]
    assert left["warmest"].value == [workflow.scores["warmest"]]
    known = registry.get("weather")
    assert known.description == "Measures each city, and finds the warmest."
    assert [param.name for param in known.own_params] == ["cities", "window"]
    assert trainyard.load("weather", "warmest") == workflow.scores["warmest"]
    assert list(trainyard.load("run 1", "smoothed.smooth").columns) == ["degrees"]
    exec(CLIENT.replace("42", "1"), found := {})
    assert found["client"].get_pipeline("weather").last_successful_run.id == 1


@pytest.mark.slow
def test_the_example_with_nodes_runs(project, services):
    """The list of nodes of the page runs as a script with a table."""
    (project / "sales.csv").write_text("day,amount\n" + "".join(f"{day},{day % 3}\n" for day in range(30)))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = [sys.executable, "training.py"]
    done = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    assert "'mean': 1.0" in done.stdout, done.stdout + done.stderr
    assert workflows.get(1).pipeline == "training"


@pytest.mark.parametrize("name", trainyard.__all__)
def test_every_name_can_be_imported(name):
    """Every name that the package offers is there."""
    assert getattr(trainyard, name) is not None


@pytest.mark.parametrize("name", ["Secret", "Model", "Schedule", "ExternalArtifact"])
def test_names_of_other_tools_are_refused_with_what_to_write(name):
    """What is not there says so when it is imported, and names the way out."""
    with pytest.raises(ImportError, match=f"trainyard has no {name}: "):
        getattr(trainyard, name)


@pytest.mark.parametrize("option", INSTEAD)
def test_options_of_other_tools_are_refused_with_what_to_write(option):
    """An option that is not there is refused by name."""
    with pytest.raises(PipelineError, match=option):
        trainyard.step(**{option: "x"})(lambda: None)
    assert sentence(Message(INSTEAD[option])) != INSTEAD[option]
