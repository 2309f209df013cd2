"""The describer: pages know people's own pipelines as their files are now, and nothing slow keeps them waiting."""

import threading
import time

import pytest
from conftest import forget
from helpers.refusals import refuses
from helpers.waiting import until

from jobs.pipelines import describer, registry
from jobs.verbs import workflows as verbs
from store.errors import RequestError, UnavailableError

HEAD = """
import json, os, pathlib, time
from jobs.pipelines import Param, pipeline, step
HERE = pathlib.Path(__file__).parent
"""
GOOD = """
@step("s")
def s(context):
    return {}
pipeline("good", s)
"""


@pytest.fixture
def write(home, tmp_path, monkeypatch):
    """Write modules with pipelines; the first call says which ones are loaded."""
    monkeypatch.setenv("TRAINYARD_PROJECT", str(tmp_path))

    def writes(**modules):
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(HEAD + text)

    def loads(**modules):
        writes(**modules)
        monkeypatch.setenv("TRAINYARD_PIPELINES", ",".join(modules))
        forget()

    writes.loads, writes.folder = loads, tmp_path
    yield writes
    describer.close()


def test_a_child_that_ends_is_nobodys_mistake(write):
    """Code that ends its process is no wrong request: what asks, such as a sweep, may ask again later."""
    write.loads(mine=GOOD.replace('"good", s', '"good", s, check=lambda *_: os._exit(1)'))
    with refuses(UnavailableError, match="ended"):
        verbs.problems("good", {}, {})


def kill():
    """The child ends, as when the machine is short of memory."""
    process = describer._children[None].process
    process.kill()
    process.wait()


def test_a_child_that_died_beside_a_broken_module_is_replaced(write):
    """Pipelines that load keep starting, although another module is broken and the child has gone."""
    write.loads(good=GOOD, broken="import nothing_there\n")
    assert verbs.problems("good", {}, {}) == [] and len(describer.faults()) == 1
    kill()
    assert verbs.problems("good", {}, {}) == [] and len(describer.faults()) == 1


def test_a_module_that_ends_its_process_is_tried_again_later(write, monkeypatch):
    """It is not loaded anew for every page, but after a while, as the cause may lie outside of its file."""
    write.loads(mine="if not (HERE / 'ready').exists(): os._exit(1)\n" + GOOD)
    with refuses(RequestError, match="ended"):
        registry.check()
    first = describer._children[None]
    with refuses(RequestError, match="ended"):
        registry.check()
    assert describer._children[None] is first
    (write.folder / "ready").touch()
    first.try_again = time.monotonic()
    assert registry.get("good").name == "good"


def test_a_file_that_a_module_reads_counts_when_it_changes(write):
    """Choices from a file of settings are new at the next question, without a restart."""
    config = write.folder / "config.json"
    config.write_text('["tree"]')
    write.loads(
        mine="""
MODELS = json.loads((HERE / "config.json").read_text())
@step("s", params=[Param("model", "choice", "tree", "Model", choices=tuple(MODELS))])
def s(context):
    return {}
pipeline("models", s)
"""
    )
    assert len(verbs.problems("models", {"model": "linear"}, {})) == 1
    config.write_text('["tree", "linear"]')
    assert verbs.problems("models", {"model": "linear"}, {}) == []
    assert registry.get("models").params({})["model"].choices == ("tree", "linear")


def test_what_only_the_body_of_a_step_imports_counts_when_it_changes(write):
    """A plan says that a step runs after an edit of a module that describing alone would not import."""
    write(late="\ndef go(): return 1\n")
    write.loads(
        mine="""
@step("s")
def s(context):
    import late
    return {"x": late.go()}
pipeline("lazy", s)
"""
    )

    def identity():
        return describer.ask("prepare", pipeline="lazy", given={}, inputs={})["steps"][0]["identity"]

    before = identity()
    assert identity() == before
    write(late="\ndef go(): return 1234\n")
    assert identity() != before


def test_a_file_that_a_module_writes_itself_does_not_count(write):
    """A module that notes each import in a file is not loaded anew for ever."""
    write.loads(
        mine="""
notes = HERE / "notes.txt"
notes.write_text((notes.read_text() if notes.exists() else "") + "x")
"""
        + GOOD
    )
    registry.get("good")
    registry.get("good")
    child = describer._children[None]
    registry.get("good")
    assert describer._children[None] is child


SLOW = """
def check(params, inputs):
    (HERE / "asked").touch()
    while not (HERE / "go").exists():
        time.sleep(0.02)
    return []
@step("s")
def s(context):
    return {}
pipeline("slow", s, check=check, label=LABEL)
"""


def test_a_slow_answer_keeps_no_page_waiting(write):
    """While one check takes long, every pipeline is listed, an edit counts, and the check still gets its answer."""
    write.loads(mine="LABEL = 'old'\n" + SLOW)
    registry.get("slow")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(verbs.problems("slow", {}, {})))
    asking.start()
    until(lambda: (write.folder / "asked").exists())
    begun = time.monotonic()
    assert registry.get("slow").shown == "old" and describer.faults() == [] and registry.main_measures()
    write(mine="LABEL = 'newer'\n" + SLOW)
    assert registry.get("slow").shown == "newer"
    assert not answers and time.monotonic() - begun < 10
    (write.folder / "go").touch()
    asking.join(20)
    assert answers == [[]]
