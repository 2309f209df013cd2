"""Proposals: the target that a table suggests, and the algorithm that fits a target; without any library."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypedDict

from jobs.tabular import algorithms, target_names
from jobs.tabular.column import Column, columns_of
from jobs.tabular.kinds import chosen_columns
from jobs.tabular.limits import MOST_CLASSES
from store.datasets import Dataset
from store.errors import RequestError
from store.messages import Message, StoredMessage

# A table with fewer rows than this is passed over more often, where the algorithm goes through it in epochs.
SMALL_ROWS, SMALL_EPOCHS = 2_000, 100

# So many columns are named where none of them says by its name that it is the target.
MOST_CANDIDATES = 3
# A column with more distinct values than this is no likely set of classes unless its name says so.
FEW_VALUES = 20


class Candidate(TypedDict):
    """A column that may be the one to predict, how, and why."""

    target: str
    reason: StoredMessage
    task: algorithms.Task
    algorithm: str


class Proposal(TypedDict):
    """What a dataset stores: the column to predict, where a name says which that is, else candidates to choose from."""

    target: str | None
    reason: StoredMessage | None
    task: algorithms.Task | None
    algorithm: str | None
    candidates: list[Candidate]


def propose(dataset: Dataset, chosen: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return the chosen params with the target and algorithm that are not chosen filled in."""
    proposal = proposal_of(dataset)
    target = chosen.get("target") or proposal.get("target")
    if not target:
        raise RequestError(_to_choose(dataset, proposal), "target")
    algorithm = chosen.get("algorithm")
    if not algorithm and target == proposal.get("target") and not chosen.get("kinds"):
        algorithm = proposal.get("algorithm")
    algorithm = algorithm or algorithm_for(chosen_columns(dataset, chosen), target)
    return {**_more_epochs(dataset, str(algorithm)), **chosen, "target": target, "algorithm": algorithm}


def proposal_of(dataset: Dataset) -> Mapping[str, Any]:
    """Return what to predict in a dataset. Those of releases that proposed a target for every table are asked anew."""
    stored = dataset.proposal or {}
    return stored if "candidates" in stored else propose_target(columns_of(dataset)) or {}


def _to_choose(dataset: Dataset, proposal: Mapping[str, Any]) -> Message:
    """Return the refusal to guess a target, with the columns that may be it."""
    if not (candidates := proposal.get("candidates")):
        return Message("no_target_suggested", {"dataset": dataset.title})
    names = [candidate["target"] for candidate in candidates]
    return Message("target_to_choose", {"dataset": dataset.title, "columns": names})


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
    """Return which column to predict, or which it may be: only a name says it surely enough to be proposed."""
    usable = [column for column in columns if column.role == "feature" and _can_be_predicted(column)]
    if not usable:
        return None
    claimed = target_names.claims(columns, usable)
    if (named := _named(usable, claimed)) is not None:
        return {**_candidate(named, "proposed_by_name"), "candidates": []}
    candidates = list(islice(_candidates(columns, usable, claimed), MOST_CANDIDATES))
    return {"target": None, "reason": None, "task": None, "algorithm": None, "candidates": candidates}


def _can_be_predicted(column: Column) -> bool:
    return column.kind == "number" or (column.kind in ("text", "yes_no") and 2 <= column.classes <= MOST_CLASSES)


def _named(usable: Sequence[Column], claimed: Mapping[str, int]) -> Column | None:
    """Return the column that claims most to be the target; of rivals, a label at one end of the table."""
    most = max(claimed.values(), default=0)
    if most < target_names.SURE:
        return None
    rivals = [column for column in usable if claimed.get(column.name, 0) > most - target_names.MARGIN]
    if len(rivals) == 1:
        return rivals[0]
    ends = [column for column in rivals if column in (usable[0], usable[-1])]
    return ends[0] if len(ends) == 1 and claimed[ends[0].name] >= target_names.LABEL else None


def _candidates(columns: Sequence[Column], usable: Sequence[Column], claimed: Mapping[str, int]) -> Iterator[Candidate]:
    """Yield the columns that may be the target, the likelier first, each once."""
    seen = set()
    for column, reason in _guesses(columns, usable, claimed):
        if column.name not in seen:
            seen.add(column.name)
            yield _candidate(column, reason)


def _guesses(
    columns: Sequence[Column], usable: Sequence[Column], claimed: Mapping[str, int]
) -> Iterator[tuple[Column, str]]:
    """Yield columns and why they may be the target; a column can come more than once."""
    later_first = usable[::-1]
    for column in sorted(later_first, key=lambda column: -claimed.get(column.name, 0)):
        if column.name in claimed:
            yield column, "candidate_by_name"
    yield usable[-1], "candidate_last" if usable[-1] is columns[-1] else "candidate_last_usable"
    two = [column for column in later_first if column.kind == "yes_no" or column.classes == 2]
    yield from ((column, "proposed_yes_no") for column in two[:1] if column.kind == "yes_no")
    yield from ((column, "proposed_two_values") for column in two[:1] if column.kind != "yes_no")
    if 2 <= usable[0].classes <= FEW_VALUES:
        yield usable[0], "candidate_first" if usable[0] is columns[0] else "candidate_first_usable"
    few = [column for column in later_first if 2 <= column.classes <= FEW_VALUES]
    yield from ((column, "proposed_few_values") for column in few[:1])
    numbers = [column for column in later_first if column.kind == "number"]
    yield from ((column, "proposed_number") for column in numbers[:1])


def _candidate(column: Column, reason: str) -> Candidate:
    return {
        "target": column.name,
        "reason": Message(reason).as_json(),
        "task": column.task,
        "algorithm": algorithms.FIRST_CHOICE[column.task],
    }
