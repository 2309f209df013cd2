"""People's code that a waiting child has loaded ahead: used while it is what is on disk, and not a moment longer."""

import json
import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import psutil
import pytest
from conftest import forget
from helpers import cast
from helpers.running import finish
from helpers.tiers import seldom
from helpers.waiting import until

from jobs.chain import run_workflow
from jobs.engine import queue_view
from jobs.engine.loaded_ahead import KEEP_SECONDS
from jobs.pipelines import preloaded
from jobs.services import presence
from jobs.verbs import workflows as verbs
from store import actors, attempts, schema, steps
from store.tables import Status

MODULE = """
import os
import sys
from pathlib import Path

from jobs.pipelines import Param, pipeline, step
from ahead_helper import FACTOR

HERE = Path(__file__).parent
SETTING = (HERE / "setting.txt").read_text()
NAMES = sorted(path.name for path in HERE.iterdir() if path.suffix == ".txt")


ROUND = Param("round", "int", 1, "Round")  # another one, and no result is reused


@step("one", params=lambda _: [ROUND])
def one(context):
    return seen()


@step("two", needs=("one",), params=lambda _: [ROUND])
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
            code = preloaded.Preloaded(preloaded.OwnCode("ahead", None)).loaded
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


ROUNDS = count(1)


def results():
    """What the two steps of a workflow saw."""
    workflow = verbs.start("ahead", {"round": next(ROUNDS)}, {})
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
    """Code is loaded once for a step, by the process that runs it or by one that does nothing else; by none above."""
    left = results()
    above = {worker.pid for worker in queue_view.snapshot().workers} | {os.getpid()}
    above |= {server.pid for worker in list(above) for server in psutil.Process(worker).children()}
    for each in left:
        (loaded_by,) = each["loaded"].split()
        assert int(loaded_by) not in above
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
def test_loaded_code_is_put_away_when_nothing_follows(one_worker):
    """Some seconds after the last step, nothing waits but one child that has loaded nothing."""
    results()
    worker = psutil.Process(queue_view.snapshot().workers[0].pid)
    assert len(below_the_fork_server(worker)) > 1
    until(lambda: len(below_the_fork_server(worker)) == 1, 20)


@pytest.mark.live
def test_steps_that_follow_each_other_share_what_was_loaded(one_worker):
    """The code is loaded once for several steps, and each step still has what was loaded as if it were the first."""
    results()
    left = results() + results()
    assert len({each["loaded"] for each in left}) < len(left)
    assert len({each["pid"] for each in left}) == len(left)


@pytest.mark.live
def test_code_that_left_more_than_memory_serves_one_step(one_worker):
    """A connection that a module opens is never shared by two steps, and loading ahead goes on."""
    good = (one_worker / "ahead_steps.py").read_text()
    (one_worker / "ahead_steps.py").write_text(good + "OPEN = open(os.devnull)\n")
    left = [each for _ in range(3) for each in results()]
    (one_worker / "ahead_steps.py").write_text(good)
    assert all(each["loaded"].split() == [str(each["pid"])] for each in left)


@pytest.mark.rare
@pytest.mark.live
def test_code_that_takes_long_to_import_is_waited_for(one_worker):
    """What loads ahead is not put away while a step waits for it: a big library is imported once for several steps."""
    good = (one_worker / "ahead_steps.py").read_text()
    (one_worker / "ahead_steps.py").write_text(good + f"import time\ntime.sleep({KEEP_SECONDS + 2.5})\n")
    _, second = results()
    (one_worker / "ahead_steps.py").write_text(good)
    assert second["loaded"].split() != [str(second["pid"])]


@pytest.mark.rare
@pytest.mark.live
def test_a_step_whose_loader_is_killed_runs_again(one_worker):
    """The process that has loaded the code takes its step with it; the next attempt completes."""
    workflow = cast.play("play", number=30, pause=0.1)
    run_workflow(workflow)
    worker = psutil.Process(queue_view.snapshot().workers[0].pid)
    step = steps.of_workflow(workflow)[1]
    until(lambda: steps.get(step.id).status == Status.running and loaders(worker))
    time.sleep(0.5)
    for loader in loaders(worker):
        loader.kill()
    assert finish(workflow, 60) == Status.completed
    tries = attempts.of_steps([step.id])[step.id]
    assert [(each.number, each.code) for each in tries] == [(1, "killed"), (2, "completed")]
    assert len(results()) == 2


def loaders(worker):
    """The processes from which those of steps are forked."""
    return [child for server in worker.children() for child in server.children() if child.children()]


def below_the_fork_server(worker):
    """The processes below the fork server of a worker."""
    return {child.pid for server in worker.children() for child in server.children(recursive=True)}


LEAVES = {
    "nothing": ("X = [1]", True),
    "an open file": ("X = open(__file__)", False),
    "a connection": ("import socket; X = socket.socketpair()", False),
    "a thread": ("import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", False),
    "a process": ("import subprocess; subprocess.run(['true'])", False),
    "a file": ("import tempfile, pathlib; pathlib.Path(tempfile.gettempdir(), 'left').write_text('x')", False),
    "a folder": ("import tempfile; X = tempfile.mkdtemp()", False),
    "a generator": ("import random; X = random.Random()", False),
    "a generator of NumPy's": ("import numpy; X = numpy.random.default_rng()", False),
    "a default": ("import random; f = lambda chance=random.Random(): chance.random()", False),
    "the system's generator": ("import random; X = random.SystemRandom()", True),
    "a file it read": ("from pathlib import Path; X = Path(__file__).read_text()", True),
}


ASK = """
from jobs.pipelines.preloaded import OwnCode, Preloaded

print(Preloaded(OwnCode("ahead", None)).may_be_forked)
"""


@pytest.mark.parametrize("left", seldom(LEAVES, always=4))
def test_only_what_is_in_memory_alone_is_forked(project, left):
    """Code that leaves threads, processes, open or written files behind, or a generator that would draw the same in
    each fork, is loaded anew for each step."""
    line, forked = LEAVES[left]
    (project / "ahead_helper.py").write_text(f"FACTOR = 1\n{line}\n")
    # Not in a fork of this process, in which tests before this one have left what they opened.
    asked = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert asked.stdout == f"{forked}\n"


DRAW = """
def draw():
    import random
    import numpy
    return random.random(), numpy.random.random()
"""


SEEDS = {
    "": False,
    "import random, numpy; random.seed(1); numpy.random.seed(1)": True,
    "import random, numpy; random.random(), numpy.random.random(2000)": False,
}


@pytest.mark.parametrize("seed", SEEDS)
def test_forks_draw_their_own_random_numbers_unless_seeded(project, seed):
    """Two steps draw different numbers, as two processes do, also of a module that draws; one that seeds means each of
    its steps."""
    import numpy  # noqa: F401 - as in every worker

    seeded = SEEDS[seed]
    (project / "ahead_helper.py").write_text(f"FACTOR = 1\n{seed}\n{DRAW}")

    def drawn():
        code = preloaded.Preloaded(preloaded.OwnCode("ahead", None))

        def once():
            code.forked()
            return sys.modules["ahead_helper"].draw()

        draws = []
        for _ in range(2):
            code.before_fork()
            draws.append(in_a_process(once))
        return draws

    first, second = in_a_process(drawn)
    assert [a == b for a, b in zip(first, second, strict=True)] == [seeded, seeded]


def in_a_process(function):
    """What a function returns in a fork of this process."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return json.loads(text)
