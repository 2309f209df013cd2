"""Mistakes in pipelines of people's own: each is a sentence that names its place, wherever it is met."""

import contextlib
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
from conftest import forget
from helpers.refusals import refuses
from helpers.writing import written
from streamlit.testing.v1 import AppTest

from jobs.engine import runner
from jobs.language import sentence, text_of
from jobs.pipelines import Curve, Importance, Line, Table, describer, pipeline, registry, shapes, step
from jobs.pipelines.storable import storable
from jobs.verbs import workflows as verbs
from jobs.verbs.report.kinds import drawn as drawn_for_paper
from pages.parts import charts, presentations
from store import logs, steps
from store.errors import RequestError
from store.messages import Message
from store.tables import Status
from store.workflows import Filter, find

APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")
HEAD = "from jobs.pipelines import Param, pipeline, step\n"
STEP = """
@step("s", params=[Param("number", "int", 200, "How many", low=10, high=1000)])
def s(context):
    return {}
"""


@pytest.fixture
def load(home, tmp_path, monkeypatch):
    """Have modules with these texts be the pipelines of one's own."""
    monkeypatch.setenv("TRAINYARD_PROJECT", str(tmp_path))

    def loads(**modules):
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(HEAD + text)
        monkeypatch.setenv("TRAINYARD_PIPELINES", ",".join(modules))
        forget()

    yield loads
    describer.close()


def new_page(pipeline):
    page = AppTest.from_file(APP, default_timeout=30).switch_page("new.py")
    page.query_params["pipeline"] = pipeline
    return page.run()


def faults():
    return [sentence(fault) for fault in describer.faults()]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('facets=lambda p, i: {"y": p["nope"]}', "facets of pipeline odd stopped with KeyError: 'nope'"),
        ("title=lambda p, i: 1 / 0", "title of pipeline odd stopped with ZeroDivisionError"),
        ('check=lambda p, i: "no list"', "check of pipeline odd returned 'no list'; return a list of RequestError"),
        ('facets=lambda p, i: "abc"', "facets of pipeline odd returned 'abc'; return a dict"),
        ("title=lambda p, i: 5", "title of pipeline odd returned 5; return a text"),
        ("advise=lambda p: []", "advise of pipeline odd stopped with TypeError"),
        ("propose=lambda p, i: p / 0", "propose of pipeline odd stopped with TypeError"),
    ],
)
def test_a_mistake_in_a_function_of_a_pipeline_is_a_sentence_on_the_page(load, given, said):
    """The page says which function it is, and where; the button stays and starts nothing."""
    load(mine=STEP + f'pipeline("odd", s, {given})\n')
    page = new_page("odd")
    assert not page.exception
    (error,) = [element.value.replace("\\", "") for element in page.error]
    assert f"mine.py, line 6: {said}" in error
    assert page.button(key="new-start").disabled


def test_the_traceback_of_a_mistake_is_in_a_log(load, home):
    """The sentence is short; whoever wrote the code finds the rest."""
    load(mine=STEP + 'pipeline("odd", s, check=lambda p, i: [][3])\n')
    with refuses(RequestError, match="IndexError"):
        verbs.problems("odd", {}, {})
    assert "Traceback" in (home / "logs" / "pipelines.log").read_text()


def test_what_ends_the_process_is_in_the_log(load, home):
    """A crash while modules are loaded leaves the place in the log that the sentence names."""
    load(mine="import ctypes\nctypes.string_at(0)\n")
    with refuses(RequestError, match="pipelines.log"):
        registry.check()
    assert "mine.py" in (home / "logs" / "pipelines.log").read_text()


def test_a_mistake_in_a_pipeline_as_written_names_its_file(load):
    """With several modules, nobody has to search for the one that is meant."""
    load(one=STEP + 'pipeline("my pipe!", s)\n', two='pipeline("empty")\n', three="import nothing_there\n")
    first, second, third = faults()
    assert first.startswith("one.py, line 6: Pipeline name 'my pipe!'")
    assert second.startswith("two.py, line 2: Pipeline 'empty' has no steps")
    assert third.startswith("three.py, line 2: ") and "nothing_there" in third


def test_a_number_out_of_range_is_refused_and_not_replaced(load):
    """A start with a number that the user did not type, such as the default, would be another workflow."""
    load(mine=STEP + 'pipeline("plain", s)\n')
    page = new_page("plain")
    page.number_input[0].set_value(5).run()
    assert page.number_input[0].value == 5
    (error,) = page.error
    assert "between 10 and 1000, not 5" in error.value.replace("\\", "")
    assert page.button(key="new-start").disabled
    page.number_input[0].set_value(50).run()
    assert not page.error
    page.button(key="new-start").click().run()
    (started,) = find(Filter(pipelines=("plain",)))
    assert started.params == {"number": 50}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('@step("a", needs=("b",))\ndef a(context): ...\n@step("b", needs=("a",))\ndef b(context): ...\n',
         "Steps 'a' and 'b' need each other"),
        ('@step("a", needs=("a",))\ndef a(context): ...\nb = a\n', "Step 'a' needs itself"),
        ('@step("a")\ndef a(context): ...\n@step("a")\ndef b(context): return {}\n',
         "two different functions as step 'a'"),
        ('@step("a")\ndef a(): ...\nb = a\n', "is called with one value, the context; write def a(context)"),
        ('@step("a", params=[Param("x", "choice", "q", "X")])\ndef a(context): ...\nb = a\n',
         "choice 'x' without choices"),
        ('@step("a")\ndef a(context): ...\n@step("b", needs="a")\ndef b(context): ...\n', "write needs=('a',)"),
    ],
)  # fmt: skip
def test_a_slip_in_steps_is_told_with_its_repair(load, text, said):
    """Each would otherwise show only when the step runs, or never."""
    load(mine=text + 'pipeline("odd", a, b)\n')
    assert any(said in fault for fault in faults()), faults()


def test_a_module_without_a_pipeline_is_told(load):
    """A forgotten call of pipeline() is otherwise searched for on the page."""
    load(mine=STEP, other=STEP + 'pipeline("odd", s)\n')
    assert faults() == ['mine registers no pipeline; end it with pipeline("name", first, second).']


def test_letters_are_the_same_however_they_are_written(load):
    """MacOS writes ğ as two characters, which look as one: names of steps mean the same."""
    apart = unicodedata.normalize("NFD", "eğit")
    load(
        mine=f'@step("{apart}")\ndef a(context): ...\n@step("b", needs=("eğit",))\ndef b(context): ...\n'
        f'pipeline("{apart}", a, b)\n'
    )
    assert not faults()
    assert registry.get("eğit").step(apart).key == registry.get(apart).step("eğit").key == "eğit"


@step("give")
def give(context):
    return RETURNED[0](context)


RETURNED = [lambda context: None]
GIVE = pipeline("give_anything", give)


def ended(returned):
    """How a step ends that does this: its row, and the lines of its log."""
    RETURNED[0] = returned
    workflow_id = written("give_anything")
    (made,) = steps.of_workflow(workflow_id)
    with contextlib.suppress(runner.StepFailedError):
        runner.run_step(made.id, 1)
    lines = [text_of(line.text, line.message) for line in logs.tail(made.id)]
    return steps.get(made.id), "\n".join(lines)


def deep(_context):
    inner = {}
    for _ in range(5000):
        inner = {"a": inner}
    return inner


def cycle(_context):
    own = {}
    own["own"] = own
    return own


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (deep, "nested too deep"),
        (cycle, "holds itself"),
        (lambda _: {"scores": {"loss": None}}, "Score 'loss' is None"),
        (lambda _: {"a": "x" * 6_000_000, "b": 1}, "most of it in 'a'. Save it as a file with context.save"),
        (lambda context: context.metric(1.5, loss=1.0), "a whole number, not 1.5"),
        (lambda context: context.metric("one", loss=1.0), "a whole number, not 'one'"),
        (lambda context: context.metric(1, loss="low"), "Metric 'loss' is 'low'"),
    ],
)
def test_what_a_step_cannot_leave_is_refused_in_words(home, returned, said):
    """The sentence says which value it is, and what to do."""
    assert said in sentence(ended(returned)[0].error)


def test_a_result_that_is_not_drawn_is_a_line_of_the_log(home):
    """The step completes, and its author learns why the page shows a tree."""
    made, said = ended(lambda _: {"t": Table(columns=["a", "b"], rows=5)})
    assert made.status is Status.completed
    assert 't is shown as JSON because it needs a list of "columns" and a list of "rows".' in said


def test_arrays_and_names_are_fine_in_results(home):
    """A table is often an array, and importances a dict by name."""
    made, said = ended(
        lambda _: {
            "t": Table(columns=["a", "b"], rows=numpy.ones((3, 2))),
            "i": Importance(values={"a": 1.5, "ç": 3}, spread={"a": 0.1}),
        }
    )
    assert "JSON" not in said
    assert made.result["t"]["rows"] == [[1.0, 1.0]] * 3
    assert made.result["i"]["values"] == [["a", 1.5], ["ç", 3]] and made.result["i"]["spread"] == [0.1, 0.0]


def test_a_number_that_is_none_leaves_a_gap_in_a_curve():
    """One NaN of many points is no reason to show no drawing."""
    given = storable({"c": Curve(lines=[Line("l", [(1, 2.0), (2, float("nan")), (3, 4.0), (4, 5.0)])])})["c"]
    assert not list(shapes.misfits({"c": given}))
    assert charts.curve(given).data[0].y == (2.0, None, 4.0, 5.0)
    assert drawn_for_paper(given, "c", lambda _name: None).count('<path d="M') and "nan" not in drawn_for_paper(
        given, "c", lambda _name: None
    )


def test_a_crash_in_compiled_code_is_not_called_a_lack_of_memory():
    """More memory would not help against a segmentation fault."""
    crashed = SimpleNamespace(error=Message("signalled", {"signal": "SIGSEGV"}), error_code="killed", name="give")
    assert "compiled code" in presentations.of("give_anything").advice(crashed)
