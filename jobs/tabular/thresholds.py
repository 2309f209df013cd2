"""Thresholds of the built-in pipeline: which of two classes is to be found, and what a workflow says of thresholds."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.pipelines.predictions import Trained
from jobs.pipelines.thresholds import Counted, Place, Thresholds
from store import thresholds as stored_thresholds
from store.errors import ConflictError, NotFoundError
from store.messages import Message

YES = ("yes", "true", "1", "1.0", "evet", "var", "doğru", "positive", "pozitif")
USUAL = {"chance": 0.5, "score": 0.0}
# The scores that depend on the threshold.
VALIDATION = "validation_"
MOVED = ("accuracy", "balanced_accuracy", "f1")


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


def place_of(workflow_id: int, evaluated: Mapping[str, Any]) -> Place | None:
    """What becomes of the rows that are reported on, where a person has moved the threshold; else None."""
    known = measured(evaluated)
    chosen = stored_thresholds.get(workflow_id) if known else None
    return known.at(chosen.value) if known and chosen else None


def measured_at(evaluated: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return what evaluate left, with the confusion and the table of classes as they are at a place."""
    known, confusion = measured(evaluated), evaluated.get("confusion") or {}
    labels = confusion.get("labels") or []
    if not known or sorted(labels) != sorted((known.label, known.other)):
        return dict(evaluated)
    counts = [[place.found, place.missed], [place.alarms, place.passed]]
    if labels[0] != known.label:
        counts = [row[::-1] for row in counts[::-1]]
    moved: dict[str, Any] = {"confusion": {**confusion, "counts": counts}}
    if rows := evaluated.get("per_class"):
        own = {label: _class_at(counts, position) for position, label in enumerate(labels)}
        moved["per_class"] = [{**row, **own.get(row.get("label"), {})} for row in rows]
    return {**evaluated, **moved}


def _class_at(counts: Sequence[Sequence[int]], position: int) -> dict[str, float]:
    right, actual = counts[position][position], sum(counts[position])
    predicted = sum(row[position] for row in counts)
    return {
        "precision": right / max(predicted, 1),
        "recall": right / max(actual, 1),
        "f1": 2 * right / max(actual + predicted, 1),
    }


def all_scores_at(scores: Mapping[str, float], evaluated: Mapping[str, Any], place: Place) -> dict[str, float]:
    """Return the scores at a place, with those of validation rows; of these none where they were not counted."""
    known, moved = measured(evaluated), scores_at(scores, place)
    of_validation = {name: f"{VALIDATION}{name}" for name in MOVED if f"{VALIDATION}{name}" in moved}
    if known and known.chosen_on.part == "validation":
        there = scores_at(dict.fromkeys(of_validation, 0.0), known.chosen_at(place.value))
        return {**moved, **{of_validation[name]: value for name, value in there.items()}}
    return {name: value for name, value in moved.items() if name not in of_validation.values()}


def scores_at(scores: Mapping[str, float], place: Place) -> dict[str, float]:
    """The scores with those that depend on the threshold as they are at a place."""
    wanted, others = place.found + place.missed, place.alarms + place.passed
    recalls = [part / whole for part, whole in ((place.found, wanted), (place.passed, others)) if whole]
    f1 = [
        2 * right / (2 * right + place.alarms + place.missed)
        for right, whole in ((place.found, wanted), (place.passed, others))
        if whole
    ]
    accuracy = (place.found + place.passed) / max(place.rows, 1)
    at_place = dict(zip(MOVED, (accuracy, sum(recalls) / max(len(recalls), 1), sum(f1) / max(len(f1), 1)), strict=True))
    return {**scores, **{name: value for name, value in at_place.items() if name in scores}}
