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
    "test_size",
    "float",
    0.2,
    "Test share",
    "Share of the rows that the score is reported on. Nothing is chosen by them.",
    low=0.05,
    high=0.9,
)
VALIDATION_SIZE = Param(
    "validation_size",
    "float",
    0.15,
    "Validation share",
    "Share of the rows that choose the best epoch, at most half of what the test leaves. With 0 the test rows choose "
    "it, and the score is a little too good.",
    low=0.0,
    high=0.8,
)
FOLDS = Param(
    "folds",
    "int",
    0,
    "Folds",
    "3, 5 or 10: train anew for each part of the rows, so that every row is tested once. For small tables. "
    "0: one test part.",
    low=0,
    high=10,
    advanced=True,
)
SPLIT = Param(
    "split",
    "choice",
    "random",
    "Split",
    "random: by what a row holds, equal rows together. time: the last rows are the test. "
    "group: all rows with one value of a column together.",
    choices=("random", "time", "group"),
    advanced=True,
)
SPLIT_COLUMN = Param(
    "split_column", "column", "", "Split by", "The column with the time, or with the group, of each row.", advanced=True
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
TAILS = Param(
    "tails",
    "choice",
    "squash",
    "Long tails",
    "squash: where a few numbers of a column lie very far from all others, they are brought closer before scaling, as "
    "linear models and networks need it. keep: they stay.",
    choices=("squash", "keep"),
    advanced=True,
)
MAX_CATEGORIES = Param(
    "max_categories",
    "int",
    50,
    "Maximum categories",
    "So many values of a text column get a column each, the most frequent ones.",
    low=2,
    high=1_000,
    advanced=True,
)
MANY_VALUES = Param(
    "many_values",
    "choice",
    "encode",
    "Rarer categories",
    "encode: where a text column has more values, one more number says what the target is with each, as other rows "
    "show; boosting tells up to 255 values apart by itself. together: rarer values share one category.",
    choices=("encode", "together"),
    advanced=True,
)

MAX_WORDS = Param(
    "max_words",
    "int",
    1_000,
    "Maximum words",
    "So many of the most frequent words of a text are counted.",
    low=10,
    high=10_000,
    advanced=True,
)


def validating(test: float, validation: float) -> float:
    """Return the share of the rows that choose, so that as many are left to learn from."""
    return min(validation, (1 - test) / 2)


class _TaskParam(Param):
    """Follows from the algorithm, and is no choice."""

    def read(self, value: Any) -> Any:
        return self.default


def params(chosen: Params) -> Sequence[Param]:
    task = algorithms.chosen(chosen).task
    fixed = _TaskParam("task", "choice", task, "Task", "Follows from the algorithm.", choices=(task,), advanced=True)
    split = (TEST_SIZE, VALIDATION_SIZE, SPLIT, SPLIT_COLUMN, FOLDS)
    encoding = (GAPS, TEXT_GAPS, SCALING, TAILS, MAX_CATEGORIES, MANY_VALUES, MAX_WORDS)
    return (TARGET, FEATURES, *split, algorithms.RANDOM_STATE, *encoding, fixed)
