"""What callers ask for in words, from the command line or over HTTP, turned into what the verbs take."""

from typing import Any

from store import workflows
from store.datasets import Dataset
from store.errors import Refused
from store.tables import Status
from store.workflows import TIMES, Filter

# A list that is asked for without a direction begins with what people look for: the newest, the best, the letter A.
RISING = ("id", "name", "rmse", "mae", "log_loss", "baseline_rmse")


def which(
    status: str = "",
    algorithm: str = "",
    dataset_id: int | None = None,
    text: str = "",
    sort: str = "",
    created_by: str = "",
) -> Filter:
    """The workflows asked for; `sort` is a column or score, with `:asc` or `:desc` for a direction of one's own."""
    name, descending = _order(sort or "created_at")
    return Filter(
        status=_statuses(status),
        algorithm=_algorithms(algorithm),
        dataset_id=dataset_id,
        text=text,
        sort=name,
        descending=descending,
        created_by=created_by,
    )


def goal(dataset: Dataset, target: str | None, algorithm: str | None) -> tuple[str, str]:
    """The target and algorithm to use: those chosen, else those proposed for the dataset."""
    proposal = dataset.proposal or {}
    target = target or proposal.get("target")
    if not target:
        raise Refused(f"No column of {dataset.title} suggests itself as the target; choose one.", "target")
    if not algorithm and target == proposal.get("target"):
        algorithm = proposal.get("algorithm")
    return target, algorithm or _algorithm_for(dataset, target)


def _algorithm_for(dataset: Dataset, target: str) -> str:
    from jobs.tabular import column, proposal

    return proposal.algorithm_for(column.columns_of(dataset), target)


def settings(pairs: list[str]) -> dict[str, Any]:
    """Params from `name=value` texts."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise Refused(f"--set takes name=value, such as epochs=20, not {pair!r}.", "set")
        found[name.strip()] = value
    return found


def _order(sort: str) -> tuple[str, bool]:
    name, _, direction = sort.strip().partition(":")
    if name.startswith("-"):
        name, direction = name[1:], direction or "desc"
    if direction not in ("", "asc", "desc"):
        raise Refused(f"The direction of a sort is asc or desc, not {direction[:40]!r}.", "sort")
    if name not in (known := (*TIMES, "seconds")) and name not in (scores := workflows.score_names()):
        choices = _listed((*known, *scores))
        raise Refused(f"Workflows cannot be sorted by {name[:40]!r}; choose one of {choices}.", "sort")
    return name, direction == "desc" if direction else name not in RISING


def _statuses(status: str) -> str:
    words = [word.strip().lower() for word in status.split(",") if word.strip()]
    for word in words:
        if word not in set(Status):
            raise Refused(f"There is no status {word[:40]!r}; there are {_listed(Status)}.", "status")
    return ",".join(words)


def _algorithms(algorithm: str) -> str:
    if not algorithm.strip():
        return ""
    from jobs.tabular import algorithms

    return ",".join(algorithms.get(word.strip()).key for word in algorithm.split(",") if word.strip())


def _listed(words: Any) -> str:
    return ", ".join(map(str, words))
