"""Pipelines are checked when they are written, and params when they are given."""

import pytest
from helpers.refusals import refuses

from jobs.language import sentence
from jobs.pipelines import Param, Pipeline, PipelineError, pipeline, step
from jobs.pipelines.checks import problems_of
from jobs.pipelines.definition import with_keys
from jobs.pipelines.params import written_texts
from store.errors import InvalidError, RequestError


def empty(name, *needs):
    return step(name, needs=needs)(lambda recorder: {})


def asks(name, default):
    return step(name, params=[Param("n", "int", default, "N")])(lambda context: {})


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "has no steps"),
        ([asks("a", 1), asks("b", 2)], "rename one"),
        ([empty("x" * 61)], "at most 60"),
        (
            [step("a", params=[Param("n", "int", 1, "N" * 600)])(lambda context: {})],
            "has 600 characters; write at most",
        ),
        ([empty("b", "a")], "does not come before it"),
        ([empty("not a name")], "must be a Python identifier"),
    ],
)
def test_a_wrong_pipeline_says_how_to_repair_it(steps, words):
    """Each mistake in a pipeline is one sentence with its repair."""
    assert any(words in sentence(problem) for problem in problems_of(Pipeline("p", with_keys(steps))))
    with pytest.raises(PipelineError, match=words):
        pipeline("p", *steps)


def plain(context):
    return {}


MISTAKES = {
    "one param, no list": (lambda: step("x", params=Param("n", "int", 1, "N"))(plain), ["'x'", "params=[Param(...)]"]),
    "params by name": (lambda: step("x", params=["n"])(plain), ["'x'", "params=[Param(...)]"]),
    "a need as a text": (lambda: step("x", needs="roll")(plain), ["'x'", "needs='roll'", "needs=('roll',)"]),
    "a need as a step": (lambda: step("x", needs=(empty("a"),))(plain), ["'x'", "the names of the steps"]),
    "a keyword mistyped": (lambda: step("x", need=("a",))(plain), ["'x'", "'need'", "@step takes", "needs"]),
    "a timeout in words": (lambda: step("x", timeout="1h")(plain), ["'x'", "timeout='1h'", "timeout=3600"]),
    "attempts in words": (lambda: step("x", max_attempts="3")(plain), ["'x'", "max_attempts=3"]),
    "half a version": (lambda: step("x", version=1.5)(plain), ["'x'", "version=2"]),
    "a step of a step": (lambda: step("x")(step("y")(plain)), ["'x'", "'y'", "once"]),
    "a step of nothing": (lambda: step("x")(3), ["'x'", "above a function"]),
    "no name": (lambda: step(plain), ['@step("plain")']),
    "a pipeline of functions": (lambda: pipeline("p", plain), ["'p'", "plain", "@step"]),
    "a pipeline of a list": (lambda: pipeline("p", [empty("a")]), ["'p'", "one after the other"]),
    "a pipeline without a name": (lambda: pipeline(empty("a")), ["begins with its name"]),
    "one input, no tuple": (lambda: pipeline("p", empty("a"), inputs=Param), ["'p'", 'inputs=(Input("sales"),)']),
    "a check that is none": (lambda: pipeline("p", empty("a"), check=[]), ["'p'", "check=function"]),
    "a pipeline's keyword": (lambda: pipeline("p", empty("a"), titel=str), ["'p'", "'titel'", "title"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_the_step_and_the_repair(mistake):
    """What is of another type, or no keyword at all, is refused where it is written, in one sentence."""
    write, words = MISTAKES[mistake]
    with pytest.raises(PipelineError) as refused:
        write()
    assert all(word in str(refused.value) for word in words), str(refused.value)


@pytest.mark.parametrize(
    ("param", "words"),
    [
        (Param("n", "int", 0, "N", low=5), "n must be at least 5, not 0"),
        (Param("n", "int", 9, "N", high=5), "n must be at most 5, not 9"),
        (Param("n", "int", "many", "N"), "n must be a whole number"),
        (Param("n", "int", "5", "N"), "default '5', which is of another kind; write 5"),
        (Param("n", "choice", "z", "N", choices=("x", "y")), "n must be one of x, y"),
        (Param("n", "choice", 1, "N", choices=(1, 2)), "write them as texts"),
    ],
)
def test_a_default_is_a_value_that_a_start_accepts(param, words):
    """Nobody is refused a value that they did not set."""
    with pytest.raises(PipelineError, match="Step 'x' has a param 'n'") as refused:
        pipeline("p", step("x", params=[param])(plain))
    assert words in str(refused.value)


def test_a_step_that_occurs_twice_has_a_key_of_its_own():
    """Two steps of one name are told apart by their keys, by which they are needed and found."""
    keyed = with_keys([empty("a"), empty("a"), empty("b", "a[2]")])
    assert [each.key for each in keyed] == ["a", "a[2]", "b"] and not problems_of(Pipeline("p", keyed))
    with refuses(InvalidError, match=r"the steps are a, a\[2\], b"):
        Pipeline("p", keyed).step("x")


@pytest.mark.parametrize(
    ("param", "value", "read"),
    [
        (Param("n", "int", 1, "N"), "5", 5),
        (Param("n", "int", 1, "N"), 5.0, 5),
        (Param("n", "int", 7, "N"), None, 7),
        (Param("r", "float", 0.1, "R"), "1e-3", 0.001),
        (Param("b", "bool", False, "B"), "yes", True),
        (Param("c", "columns", None, "C"), "a, b", ["a", "b"]),
        (Param("c", "columns", None, "C"), '["a, b", "c"]', ["a, b", "c"]),
        (Param("c", "columns", None, "C"), "[a], [1]", ["[a]", "[1]"]),
        (Param("c", "columns", None, "C"), "[1]", ["[1]"]),
        (Param("c", "choice", "x", "C", choices=("x", "y")), "y", "y"),
    ],
)
def test_params_are_read_as_their_kind(param, value, read):
    """Text from a form, a command or JSON becomes the param's own kind."""
    assert param.read(value) == read


@pytest.mark.parametrize(
    ("texts", "written"),
    [
        (["a", "b c"], "a,b c"),
        ([], ""),
        (["a,b", "ş"], '["a,b", "ş"]'),
        ([" a"], '[" a"]'),
        (['["a"]'], '["[\\"a\\"]"]'),
        (["[a]"], "[a]"),
    ],
)
def test_a_list_is_read_as_it_was_written(texts, written):
    """With commas where that is enough, else as JSON, also in the commands that pages show."""
    assert written_texts(texts) == written
    assert Param("c", "columns", None, "C").read(written) == texts


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (Param("n", "int", 1, "N"), "five"),
        (Param("n", "int", 1, "N"), 1.5),
        (Param("n", "int", 1, "N"), True),
        (Param("n", "int", 1, "N", low=1, high=9), 10),
        (Param("n", "int", 1, "N", low=1), 0),
        (Param("r", "float", 1.0, "R"), "nan"),
        (Param("r", "float", 1.0, "R"), [1]),
        (Param("b", "bool", False, "B"), "perhaps"),
        (Param("c", "choice", "x", "C", choices=("x", "y")), "z"),
        (Param("c", "columns", None, "C"), 5),
    ],
)
def test_rubbish_params_are_refused_by_name(param, value):
    """A wrong value is refused in a sentence that names the param."""
    with refuses(RequestError, match=f"^{param.name} must be") as refused:
        param.read(value)
    assert refused.value.field == param.name
