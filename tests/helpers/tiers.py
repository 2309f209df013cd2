"""Which cases of a test CI runs each time, and which only `just slow` and `just test` do."""

import pytest


def seldom(cases, always=1):
    """The cases of a test that goes the same way for each: all but the first few are `rare`."""
    kept = list(cases)
    return kept[:always] + [pytest.param(case, marks=pytest.mark.rare) for case in kept[always:]]
