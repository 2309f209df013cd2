"""docs/flows.md is true: its code runs as it stands there."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import authored

from jobs.pipelines import registry
from jobs.verbs import answering
from store import actors, steps, workflows
from store.tables import Status

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "flows.md").read_text()
CODE = "\n".join(re.findall(r"```python\n# magazine.py\n(.*?)```", PAGE, re.DOTALL))

pytestmark = pytest.mark.usefixtures("no_loop")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """All code of the page, as one module."""
    folder = tmp_path_factory.mktemp("magazine")
    (folder / "magazine.py").write_text(CODE)
    before = dict(registry._here)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module("magazine")
    sys.modules.pop("magazine")
    registry._here.clear()
    registry._here.update(before)


@pytest.fixture
def magazine(home, written):
    return written


def value(run):
    return authored.left(run).get((run.pipeline, "output"))


@pytest.mark.parametrize(
    ("flow", "expected", "asked"),
    [
        ("magazine", 10, ["fetch", "fetch_2", "count_words", "fetch_3", "count_words_2"]),
        ("side_by_side", [3, 4], ["fetch", "fetch_2", "count_words"]),
        ("scored", [11.0, 12.0, 13.0], ["score[page 1]", "score[page 2]", "score[page 3]"]),
        ("careful", ["[1, 3]", "TaskFailed: page 2 is empty"], ["check", "check[0]", "check[1]", "check[2]", "report"]),
        ("volume", 10, ["issue/fetch", "issue/count_words", "issue_2/fetch", "issue_2/count_words"]),
        ("gathered", [2, 3], ["later", "later_2"]),
        ("journey", "undone", ["once", "book", "check", "book.rollback"]),
        ("grown", 3, ["numbers"]),
    ],
)
def test_each_flow_does_what_the_page_says(magazine, flow, expected, asked):
    """Its value, and the steps that it asks for."""
    run = authored.run(getattr(magazine, flow))
    rows = steps.of_workflow(run.id)
    assert run.status is Status.completed, [(row.key, row.error) for row in rows]
    assert value(run) == expected and [row.key for row in rows] == [flow, *asked]


def test_the_question_of_the_page(magazine):
    """Yes, then a version: the share is its default."""
    number = authored.start(magazine.released)
    for given in (True, {"version": "1.1"}):
        authored.work_off(number)
        with actors.acting(actors.operator()):
            answering.answer(number, given)
    assert value(authored.work_off(number)) == "1.1 to 50%"


def commands():
    """The commands of the page, each without its comment."""
    return [
        shlex.split(line, comments=True)
        for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
        for line in block.splitlines()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command[:4]))
def test_the_commands_run(tmp_path, services, command):
    """Each is typed in the folder of the example."""
    (tmp_path / "magazine.py").write_text(re.findall(r"```python\n# magazine.py\n(.*?)```", PAGE, re.DOTALL)[0])
    run = [sys.executable, *(command[1:] if command[0] == "python" else ["-m", *command])]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert workflows.get(1).pipeline == "magazine"
    if command[0] == "python":
        assert done.stdout.splitlines()[-1] == "4", done.stdout
