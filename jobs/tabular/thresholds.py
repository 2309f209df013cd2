"""Thresholds of the built-in pipeline: which of two classes is to be found, and what a workflow says of thresholds."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.pipelines.predictions import Trained
from jobs.pipelines.thresholds import Counted, Thresholds
from store.errors import ConflictError, NotFoundError
from store.messages import Message

YES = ("yes", "true", "1", "1.0", "evet", "var", "doğru", "positive", "pozitif")
USUAL = {"chance": 0.5, "score": 0.0}


def wanted_of(labels: Sequence[object], counts: Sequence[int]) -> int:
    """Return the position of the class to find: the one that says yes, else the rarer one."""
    yes = [position for position, label in enumerate(labels) if str(label).casefold() in YES]
    if len(yes) == 1:
        return yes[0]
    return 0 if counts[0] < counts[1] else 1


def class_to_find(prepared: Mapping[str, Any]) -> int | None:
    """Return the position of the class to find, by what preparation left; None unless there are two."""
    labels: list[str] = prepared["classes"] or []
    return wanted_of(labels, [prepared["class_counts"][label] for label in labels]) if len(labels) == 2 else None


def thresholds(trained: Trained) -> Thresholds:
    """Return where the threshold of a completed workflow can stand."""
    if stored := measured(trained.results.get("evaluate") or {}):
        return stored
    classes = (trained.results.get("preprocess") or {}).get("classes") or []
    if len(classes) == 2:
        raise ConflictError(Message("threshold_not_measured", {"workflow": trained.workflow_id, "step": "evaluate"}))
    raise NotFoundError(Message("threshold_needs_two_classes", {"workflow": trained.workflow_id}))


def measured(evaluated: Mapping[str, Any]) -> Thresholds | None:
    """Return the thresholds that evaluate measured; None where there are not two classes, or in older workflows."""
    stored = evaluated.get("thresholds")
    if not stored:
        return None
    return Thresholds(
        stored["label"],
        stored["other"],
        stored["of"],
        USUAL[stored["of"]],
        tuple(stored["values"]),
        _counted(stored["chosen_on"]),
        _counted(stored["reported_on"]),
    )


def _counted(stored: Mapping[str, Any]) -> Counted:
    found, alarms = tuple(stored["found"]), tuple(stored["alarms"])
    return Counted(stored["part"], stored["wanted"], stored["others"], found, alarms)
