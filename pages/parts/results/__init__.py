"""Results: what a step leaves for people to look at, one module with one drawer for each kind.

A result is a dict with `kind`; `shown` finds those in what a step returned. What is not written as its kind
must be (`jobs.pipelines.shapes`) is shown as a tree. Not here: which step or pipeline a result comes from.
"""

from jobs.pipelines.results import is_result
from pages.parts.results.drawing import (
    Shown,
    draw,
    draw_table,
    draw_tree,
    others,
    shown,
    simple,
)
from pages.parts.values import Files

__all__ = ["Files", "Shown", "draw", "draw_table", "draw_tree", "is_result", "others", "shown", "simple"]
