"""Pipelines are checked when they are written, and params when they are given."""

import pytest

from jobs.pipelines.registry import Param, Pipeline, PipelineError, pipeline, problems_of, step
from store.errors import NotFound, Refused


def empty(name, *needs):
    return step(name, needs=needs)(lambda recorder: {})


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "has no steps"),
        ([empty("a"), empty("a")], "rename one"),
        ([empty("b", "a")], "does not come before it"),
        ([empty("not a name")], "must be a Python identifier"),
    ],
)
def test_a_wrong_pipeline_says_how_to_repair_it(steps, words):
    """Each mistake in a pipeline is one sentence with its repair."""
    assert any(words in problem for problem in problems_of(Pipeline("p", tuple(steps))))
    with pytest.raises(PipelineError, match=words):
        pipeline("p", *steps)


def test_below_is_everything_that_depends_on_a_step():
    """Below a step is the step itself and what needs it, directly or not."""
    written = Pipeline("p", (empty("a"), empty("b", "a"), empty("c", "a"), empty("d", "b")))
    assert written.below("b") == ["b", "d"]
    with pytest.raises(NotFound):
        written.below("x")


@pytest.mark.parametrize(
    ("param", "value", "read"),
    [
        (Param("n", "int", 1, "N"), "5", 5),
        (Param("n", "int", 1, "N"), 5.0, 5),
        (Param("n", "int", 7, "N"), None, 7),
        (Param("r", "float", 0.1, "R"), "1e-3", 0.001),
        (Param("b", "bool", False, "B"), "yes", True),
        (Param("c", "columns", None, "C"), "a, b", ["a", "b"]),
        (Param("c", "choice", "x", "C", choices=("x", "y")), "y", "y"),
    ],
)
def test_params_are_read_as_their_kind(param, value, read):
    """Text from a form, a command or JSON becomes the param's own kind."""
    assert param.read(value) == read


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
    with pytest.raises(Refused, match=f"^{param.name} must be") as refused:
        param.read(value)
    assert refused.value.field == param.name
