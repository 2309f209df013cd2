"""The built-in steps keep their results: no code of theirs changes without a decision about their version."""

import ast

import pytest
import recorded_code

STEPS = ("upload", "preprocess", "train", "evaluate", "predict_rows")
WHAT_TO_DO = (
    "The code of the step {name!r}, or of a module of jobs/tabular that it needs, changed. If a result can differ now, "
    "raise version= of the step (and of each step whose result can differ). Then, or if no result can differ, run: "
    "python -m tests.recorded_code"
)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_changes_only_with_its_version(name):
    """A step whose code changed has a new version, or its author says that no result differs, by recording it."""
    assert recorded_code.current()[name] == recorded_code.recorded()[name], WHAT_TO_DO.format(name=name)


def test_every_step_is_recorded():
    """No built-in step is missing in the record."""
    assert tuple(recorded_code.recorded()) == tuple(recorded_code.current()) == STEPS


def test_a_record_covers_what_a_step_needs():
    """The code of a step includes what it imports late and what its imports import, but no other step."""
    modules = recorded_code.reached("jobs.tabular.prepare.step")
    assert {"jobs.tabular.prepare.encoder", "jobs.tabular.matrix", "jobs.tabular.csv.reader"} <= modules
    assert not modules & {"jobs.tabular.train.step", "jobs.tabular.evaluate.step", "jobs.tabular.sandbox"}


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2", False),
        ("def f(x):\n    return x + 1", 'def f(x):\n    """Say it."""\n\n    return x + 1  # why', True),
        ("LIMIT = 3", "LIMIT = 4", False),
        ("from a import f", "from b import f", True),
        ("class A:\n    x: int = 1", 'class A:\n    """A."""\n\n    x: int = 1', True),
    ],
)
def test_words_about_code_are_no_code(before, after, same):
    """Comments, docstrings and imports can be mended freely; values and statements cannot."""
    shapes = [recorded_code._shape(ast.parse(text)) for text in (before, after)]
    assert (shapes[0] == shapes[1]) is same
