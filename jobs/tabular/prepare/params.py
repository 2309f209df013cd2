"""What can be chosen about preparing a table; without any library."""

from collections.abc import Sequence
from typing import Any

from jobs.pipelines import Param
from jobs.pipelines.params import Params
from jobs.tabular import algorithms

TARGET = Param("target", "column", "", "Target", "The column to predict.")
FEATURES = Param(
    "features", "columns", None, "Columns", "The columns to train on. Leave empty to use the proposed ones."
)
TEST_SIZE = Param(
    "test_size", "float", 0.2, "Validation share", "Share of the rows held out for validation.", low=0.05, high=0.9
)
GAPS = Param(
    "gaps",
    "choice",
    "median",
    "Missing numbers",
    "What replaces a missing number.",
    choices=("median", "mean", "zero"),
    advanced=True,
)
TEXT_GAPS = Param(
    "text_gaps",
    "choice",
    "most_frequent",
    "Missing texts",
    "What replaces a missing text.",
    choices=("most_frequent", "own_category"),
    advanced=True,
)
SCALING = Param(
    "scaling",
    "choice",
    "standard",
    "Scaling",
    "standard: mean 0 and spread 1. minmax: 0 to 1.",
    choices=("standard", "minmax", "none"),
    advanced=True,
)
MAX_CATEGORIES = Param(
    "max_categories",
    "int",
    50,
    "Maximum categories",
    "Rarer values of a text column share one category.",
    low=2,
    high=1_000,
    advanced=True,
)


class _TaskParam(Param):
    """Follows from the algorithm, and is no choice."""

    def read(self, value: Any) -> Any:
        return self.default


def params(chosen: Params) -> Sequence[Param]:
    task = algorithms.chosen(chosen).task
    fixed = _TaskParam("task", "choice", task, "Task", "Follows from the algorithm.", choices=(task,), advanced=True)
    return (TARGET, FEATURES, TEST_SIZE, algorithms.RANDOM_STATE, GAPS, TEXT_GAPS, SCALING, MAX_CATEGORIES, fixed)
