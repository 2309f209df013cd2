"""Proposals: the target that a table suggests, and the algorithm that fits a target; without any library."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from jobs.tabular import algorithms
from jobs.tabular.column import Column
from jobs.tabular.kinds import chosen_columns
from jobs.tabular.limits import MOST_CLASSES
from store.datasets import Dataset
from store.errors import RequestError
from store.messages import Message, StoredMessage

# A target with more distinct values than this is not proposed as a set of classes unless its name says so.
FEW_VALUES = 20
# A table with fewer rows than this is passed over more often, where the algorithm goes through it in epochs.
SMALL_ROWS, SMALL_EPOCHS = 2_000, 100

_TARGET_NAME = re.compile(
    r"^(target|label|class|outcome|y|churn|churned|price|amount|salary|revenue|sales"
    r"|hedef|sonuç|sonuc|etiket|sınıf|fiyat|fiyatı|tutar|maaş|ciro|satış)$",
    re.IGNORECASE,
)


class Proposal(TypedDict):
    """A column to predict, how, and why, as a dataset stores it."""

    target: str
    reason: StoredMessage
    task: algorithms.Task
    algorithm: str


def propose(dataset: Dataset, chosen: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return the chosen params with the target and algorithm that are not chosen filled in."""
    proposal = dataset.proposal or {}
    target = chosen.get("target") or proposal.get("target")
    if not target:
        raise RequestError(Message("no_target_suggested", {"dataset": dataset.title}), "target")
    algorithm = chosen.get("algorithm")
    if not algorithm and target == proposal.get("target") and not chosen.get("kinds"):
        algorithm = proposal.get("algorithm")
    algorithm = algorithm or algorithm_for(chosen_columns(dataset, chosen), target)
    return {**_more_epochs(dataset, str(algorithm)), **chosen, "target": target, "algorithm": algorithm}


def _more_epochs(dataset: Dataset, algorithm: str) -> dict[str, int]:
    """Of few rows an epoch teaches little, and costs nothing: ten of them would end before there is much to see."""
    known = algorithms.ALGORITHMS.get(algorithm)
    few = dataset.rows is not None and dataset.rows < SMALL_ROWS
    return {"epochs": SMALL_EPOCHS} if known and few and not known.in_memory else {}


def algorithm_for(columns: Sequence[Column], target: str) -> str:
    """Return the first algorithm to try on a target; a target that is no column is refused by the check, not here."""
    task = next((column.task for column in columns if column.name == target), "classification")
    return algorithms.FIRST_CHOICE[task]


def fitting(dataset: Dataset, chosen: Mapping[str, Any]) -> list[str]:
    """Return the algorithms that are tried on the chosen target when all are."""
    first = algorithm_for(chosen_columns(dataset, chosen), chosen["target"])
    task = algorithms.ALGORITHMS[first].task
    return [key for key, algorithm in algorithms.ALGORITHMS.items() if algorithm.task == task]


def propose_target(columns: Sequence[Column]) -> Proposal | None:
    """Return which column to predict, how, and why; None when no column suggests itself."""
    usable = [column for column in columns if column.role == "feature" and column.kind in ("number", "text", "yes_no")]
    for group, reason in _groups(usable):
        if group and 2 <= group[-1].classes <= MOST_CLASSES:
            return _proposal(group[-1], "classification", reason)
    if numbers := [column for column in usable if column.kind == "number"]:
        return _proposal(numbers[-1], "regression", "proposed_number")
    return None


def _groups(usable: Sequence[Column]) -> Iterator[tuple[list[Column], str]]:
    """Columns that may be labels, the likeliest group first."""
    two = [column for column in usable if column.kind == "yes_no" or column.classes == 2]
    yield [column for column in usable if _TARGET_NAME.match(column.name)], "proposed_by_name"
    yield [column for column in two if column.kind == "yes_no"], "proposed_yes_no"
    yield two, "proposed_two_values"
    yield [column for column in usable if 2 <= column.classes <= FEW_VALUES], "proposed_few_values"


def _proposal(column: Column, task: algorithms.Task, reason: str) -> Proposal:
    return {
        "target": column.name,
        "reason": Message(reason).as_json(),
        "task": task,
        "algorithm": algorithms.FIRST_CHOICE[task],
    }
