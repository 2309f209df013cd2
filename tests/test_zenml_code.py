"""A project that was written for ZenML runs when only its import lines change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.language import text_of
from store import codes, logs, outputs, steps, workflows
from store.tables import Status

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("services")]
ROOT = Path(__file__).parent.parent
WRITTEN = Path(__file__).parent / "zenml_project"


@pytest.fixture
def project(tmp_path):
    """A copy of the project, outside of the repository."""
    return Path(shutil.copytree(WRITTEN, tmp_path / "project"))


def python(project, *arguments):
    """Run Python in the folder of the project, with Trainyard installed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines(step):
    return [text_of(line.text, line.message) for line in logs.tail(step.id)]


def test_the_script_of_the_project_runs(project):
    """`python -m tools.run` runs the pipeline with a YAML file, a pipeline that loops over another one, and a call with
    arguments, whose steps are reused; everything printed is in the log."""
    python(project, "-m", "tools.run")
    configured, nested, called = (workflows.get(number) for number in (1, 2, 3))
    assert {each.status for each in (configured, nested, called)} == {Status.completed}
    assert (
        configured.name.startswith("digital_data_etl_run_2") and configured.params["user_full_name"] == "Paul Iusztin"
    )
    assert configured.options["unused"]["settings"]["docker"]["skip_build"] is True
    first, second = steps.of_workflow(configured.id)
    assert [first.key, second.key] == ["get_or_create_user", "crawl_links"]
    assert any("Getting or creating user: Paul Iusztin" in line for line in lines(first))
    assert any("Starting to crawl 2 link(s)." in line for line in lines(second))
    user, crawled = outputs.of_workflow(configured.id)
    assert user.type.endswith("UserDocument") and user.value[0]["first_name"] == "Paul"
    assert user.metadata["query"] == {"user_full_name": "Paul Iusztin"} and len(crawled.value[0]) == 2
    assert [each.key for each in steps.of_workflow(nested.id)] == [
        "get_or_create_user",
        "crawl_links",
        "get_or_create_user_2",
        "crawl_links_2",
        "count_documents",
    ]
    assert all(each.reused_from for each in steps.of_workflow(called.id))


def test_it_runs_by_a_command_with_the_code_of_that_moment(project):
    """`pipeline run FILE:NAME -c FILE` keeps the code by content: an edit makes another code, and a restart by anybody
    runs without the folder."""
    command = ("-m", "trainyard", "pipeline", "run", "pipelines/digital_data_etl.py:digital_data_etl")
    config = ("-c", "configs/digital_data_etl_paul.yaml")
    python(project, *command, *config)
    first = workflows.get(1)
    assert first.status is Status.completed and codes.get(first.code_id).files > 10
    steps_file = project / "steps" / "etl.py"
    steps_file.write_text(steps_file.read_text().replace("    return links\n", "    return links[:1]\n"))
    python(project, *command, *config)
    reused, again = steps.of_workflow(2)
    assert reused.reused_from and not again.reused_from
    assert len(outputs.of_workflow(2)[1].value[0]) == 1
    shutil.rmtree(project)
    from jobs.verbs import workflows as verbs

    number = verbs.restart(1).id
    python(project.parent, "-m", "trainyard", "watch", str(number))
    assert workflows.get(number).status is Status.completed
