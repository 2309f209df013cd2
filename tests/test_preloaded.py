"""People's code that a waiting child has loaded ahead: used while it is what is on disk, and not a moment longer."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import forget
from helpers.running import finish
from helpers.waiting import until

from jobs.engine import queue_view
from jobs.pipelines import preloaded
from jobs.services import presence
from jobs.verbs import workflows as verbs
from store import actors, schema, steps
from store.tables import Status

MODULE = """
import os
import sys
from pathlib import Path

from jobs.pipelines import pipeline, step
from ahead_helper import FACTOR

HERE = Path(__file__).parent
SETTING = (HERE / "setting.txt").read_text()
NAMES = sorted(path.name for path in HERE.iterdir() if path.suffix == ".txt")


@step("one", repeats_on_restart=True)
def one(context):
    return seen()


@step("two", needs=("one",), repeats_on_restart=True)
def two(context):
    return seen()


def seen():
    return {"factor": FACTOR, "setting": SETTING, "names": NAMES, "pid": os.getpid(), "loaded": os.environ["LOADED"]}


os.environ["LOADED"] = os.environ.get("LOADED", "") + f"{os.getpid()} "
pipeline("ahead", one, two)
"""


def write(folder: Path) -> None:
    """A module, its helper, and a file that it reads when it is imported."""
    (folder / "ahead_steps.py").write_text(MODULE)
    (folder / "ahead_helper.py").write_text("FACTOR = 1\n")
    (folder / "setting.txt").write_text("old")


@pytest.fixture
def project(home, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    monkeypatch.setenv("TRAINYARD_PROJECT", str(folder))
    monkeypatch.setenv("TRAINYARD_PIPELINES", "ahead_steps")
    forget()
    return folder


def current_after(change) -> tuple[bool, bool]:
    """Whether code that a process has loaded is current, before and after a change."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            code = preloaded.Preloaded("ahead")
            before = code.is_current()
            change()
            os.write(write, bytes([before, code.is_current()]))
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        before, after = answer.read()
    os.waitpid(pid, 0)
    return bool(before), bool(after)


@pytest.mark.parametrize("file", ["ahead_steps.py", "ahead_helper.py", "setting.txt", "another.txt"])
def test_every_file_that_the_import_read_is_watched(project, file):
    """A changed module, helper or file of settings makes loaded code outdated, and so does a file that appears."""
    assert current_after(lambda: (project / file).write_text("FACTOR = 1  # changed\n")) == (True, False)


def test_compiled_code_is_watched_by_its_source(project, monkeypatch):
    """An import that reads compiled code notices a change of the source as well."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    an_hour_ago = time.time() - 3600
    os.utime(project / "ahead_helper.py", (an_hour_ago, an_hour_ago))
    current_after(lambda: None)
    assert list(project.glob("__pycache__/ahead_helper*"))
    assert current_after(lambda: (project / "ahead_helper.py").write_text("FACTOR = 22\n")) == (True, False)


def test_what_nothing_changed_is_current(project):
    """Files that the import did not read make no difference, nor does reading them again."""
    (project / "data").mkdir()
    assert current_after(lambda: (project / "data" / "rows.csv").write_text("a\n1\n")) == (True, True)


def test_loaded_code_is_trusted_for_seconds_only(project, monkeypatch):
    """What an import learned elsewhere, such as the time, would be old some day."""
    monkeypatch.setattr(preloaded, "TRUSTED_SECONDS", 0.05)
    assert current_after(lambda: time.sleep(0.1)) == (True, False)


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory):
    """Services with one worker, so that its children follow each other."""
    folder = tmp_path_factory.mktemp("ahead")
    write(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINYARD_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("TRAINYARD_PROJECT", str(folder))
        patch.setenv("TRAINYARD_PIPELINES", "ahead_steps,helpers.cast")
        patch.setenv("TRAINYARD_WORKERS", "1")
        forget()
        schema.prepare()
        with presence.using() as use, actors.acting(actors.operator()):
            use.wait_until_ready()
            yield folder
    forget()


def results():
    """What the two steps of a workflow saw."""
    workflow = verbs.start("ahead", {}, {})
    assert finish(workflow.id, 60) == Status.completed, [step.error for step in steps.of_workflow(workflow.id)]
    return [step.result for step in steps.of_workflow(workflow.id)]


@pytest.mark.live
def test_an_edit_counts_from_the_next_step_on(one_worker):
    """A child that has loaded old code is passed over, however soon the next workflow starts."""
    results()
    for number in range(2, 5):
        (one_worker / "ahead_helper.py").write_text(f"FACTOR = {number}\n")
        assert [each["factor"] for each in results()] == [number, number]
    (one_worker / "setting.txt").write_text("new")
    assert [each["setting"] for each in results()] == ["new", "new"]


@pytest.mark.live
def test_every_step_has_a_process_of_its_own_that_imports_once(one_worker):
    """Code is loaded by the process that runs the step, once, and by none above it."""
    left = results()
    assert all(each["loaded"].split() == [str(each["pid"])] for each in left)
    assert len({each["pid"] for each in left}) == 2


@pytest.mark.live
def test_a_broken_edit_fails_its_step_and_no_worker(one_worker):
    """A module that ends its process fails the step that needs it; once it is mended, it runs again."""
    good = (one_worker / "ahead_steps.py").read_text()
    workflow = verbs.start("ahead", {}, {})
    (one_worker / "ahead_steps.py").write_text("import os\nos._exit(3)\n")
    finish(workflow.id, 60)
    (one_worker / "ahead_steps.py").write_text(good)
    assert len(results()) == 2


@pytest.mark.live
def test_a_hint_runs_out_when_nothing_follows(one_worker):
    """Some seconds after the last step, a child that has loaded nothing waits in place of the one that has."""
    results()
    worker = psutil.Process(queue_view.snapshot().workers[0].pid)
    waiting = children_of(worker)
    until(lambda: children_of(worker) and not children_of(worker) & waiting, 20)


def children_of(worker):
    """The processes below the fork server of a worker."""
    return {child.pid for server in worker.children() for child in server.children()}
