"""Kinds of columns by hand: the setting, and the columns of a dataset as it makes them; without any library."""

from jobs.pipelines import Param
from jobs.pipelines.params import Params
from jobs.tabular.column import KINDS_BY_HAND, Column, columns_of, with_kinds
from store.datasets import Dataset
from store.errors import RequestError

KINDS = Param(
    "kinds",
    "by_column",
    None,
    "Kinds of columns",
    "What columns are where that was not detected: number, category, date, text, or leave_out.",
    choices=KINDS_BY_HAND,
)


def chosen_columns(dataset: Dataset, params: Params) -> list[Column]:
    """Return the columns of a dataset as the chosen kinds make them; kinds that are none are refused elsewhere."""
    try:
        kinds = KINDS.read(params.get(KINDS.name))
    except RequestError:
        kinds = None
    return with_kinds(columns_of(dataset), kinds)
