"""Told: what there is to say of a completed training on a table, in messages and results by their kinds.

What versions before results had kinds stored is turned into kinds here, so that it is drawn like that of any pipeline.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.language import numbers
from jobs.pipelines.measures import Measure
from jobs.pipelines.telling import Told
from jobs.pipelines.thresholds import Place
from jobs.tabular import thresholds
from jobs.tabular.algorithms import ALGORITHMS
from store import thresholds as stored_thresholds
from store.messages import Message, StoredMessage, Values
from store.steps import Step
from store.workflows import Workflow

LONGEST_LABEL = 24
Value = Mapping[str, Any]
MEASURED_ON = {
    "test": "Measured on test rows. A bar's line is its standard error.",
    "folds": "Measured in each fold, on rows that its model has not learned from. A bar's line is its standard error.",
    "val": "Measured on validation rows. A bar's line is its standard error.",
    "": "Measured by an older version on validation rows, from which a model of few rows has learned, too. "
    "Run again from Evaluate to measure it on test rows.",
}


def told(workflow: Workflow, steps: Sequence[Step]) -> Told:
    """What to say of a completed workflow, as it predicts now: with its threshold where that was moved."""
    left = {step.name: step.result or {} for step in steps}
    measured, prepared = left.get("evaluate", {}), left.get("preprocess", {})
    place = thresholds.place_of(workflow.id, measured)
    scores = thresholds.scores_at(workflow.scores, place) if place else workflow.scores
    found_, over = found(workflow.facets.get("target", ""), measured, place), over_baseline(scores, measured)
    beside = [moved(workflow.id, measured) if place else None, over if found_ else None]
    rows = {
        "Training rows": prepared.get("train_rows"),
        "Validation rows": prepared.get("validation_rows"),
        "Test rows": prepared.get("test_rows"),
    }
    return Told(
        found_ or over,
        [each for each in beside if each],
        {label: int(count) for label, count in rows.items() if count},
        all_results(measured),
        {each.key: each.label for each in ALGORITHMS.values()},
        scores,
    )


# Sentences


def found(target: str, measured: Value, place: Place | None = None) -> Message | None:
    """Finds 16 of the 53 rows whose Churn is Yes, with 3 false alarms among the other 187. Only for two classes; at the
    place of a threshold that was moved, or as measured."""
    known = thresholds.measured(measured)
    if known and place:
        return _found(target, known.label, place)
    confusion = measured.get("confusion") or {}
    labels, counts = confusion.get("labels") or [], confusion.get("counts") or []
    if len(labels) != 2:
        return None
    wanted = labels.index(known.label) if known else thresholds.wanted_of(labels, [sum(row) for row in counts])
    own, others = counts[wanted], counts[1 - wanted]
    as_measured = Place(0.0, own[wanted], own[1 - wanted], others[wanted], others[1 - wanted])
    return _found(target, labels[wanted], as_measured)


def _found(target: str, label: object, place: Place) -> Message:
    values: Values = {
        "right": int(place.found),
        "rows": _counted("count_rows", place.found + place.missed),
        "target": target,
        "label": str(label),
        "alarms": _counted("count_false_alarms", place.alarms),
        "others": int(place.alarms + place.passed),
    }
    return Message("found_rows", values)


def moved(workflow_id: int, measured: Value) -> Message | None:
    """From where on the class to find is predicted, where a person has moved the threshold."""
    known, chosen = thresholds.measured(measured), stored_thresholds.get(workflow_id)
    if not known or not chosen:
        return None
    if known.of == "score":
        return Message("predict_from_score", {"label": known.label, "score": chosen.value})
    return Message("predict_from_chance", {"label": known.label, "percent": 100 * chosen.value})


def over_baseline(scores: Mapping[str, float], measured: Value) -> Message | None:
    """Accuracy 93.4 % (+32 points over always answering "Hayır"); R² 0.81 (errors 57 % smaller than ...)."""
    baseline = measured.get("baseline")
    base: Value = baseline if isinstance(baseline, Mapping) else {}
    beside = base.get("answer") or base.get("words") or Message("the_baseline").as_json()
    against = Message.from_json(beside).as_json()
    if "accuracy" in scores:
        before = scores.get("baseline_accuracy", base.get("accuracy"))
        gain = None if before is None else _gain(scores["accuracy"] - before, against)
        return _measured("accuracy", scores["accuracy"], gain)
    if "r2" in scores:
        before, error = scores.get("baseline_rmse", base.get("rmse")), scores.get("rmse")
        return _measured("r2", scores["r2"], _less(error / before, against) if before and error is not None else None)
    return None


def _measured(name: str, value: float, beside: StoredMessage | None) -> Message:
    if beside is None:
        return Message(f"headline_{name}", {"value": value})
    return Message(f"headline_{name}_against", {"value": value, "against": beside})


def _gain(gain: float, against: StoredMessage) -> StoredMessage:
    points = round(gain * 100)
    code = "points_over" if points > 0 else "points_below" if points else "no_better_than"
    return Message(code, {"points": abs(points), "against": against}).as_json()


def _less(ratio: float, against: StoredMessage) -> StoredMessage:
    less = round((1 - ratio) * 100)
    code = "errors_smaller" if less > 0 else "errors_larger" if less else "errors_no_smaller"
    return Message(code, {"percent": abs(less), "against": against}).as_json()


def within(measure: Measure, shown: str, bounds: Sequence[float]) -> Message:
    """On other rows of the kind: accuracy 91.0 % to 95.2 %, 19 times of 20."""
    code = "bounds_of_share" if measure.share else "bounds_of_number"
    return Message(code, {"measure": shown, "low": bounds[0], "high": bounds[1]})


def _counted(code: str, number: float) -> StoredMessage:
    return Message(code, {"count": int(number)}).as_json()


# Results by their kinds


def all_results(measured: Value) -> dict[str, Value]:
    """Everything that evaluating left, as results with kinds, in the order in which it is read."""
    found_ = {name: value for name, value in converted(measured).items() if value}
    if residuals := measured.get("residuals"):
        points = list(zip(residuals["actual"], residuals["predicted"], strict=True))
        found_ = {"predictions": {**PREDICTIONS, "lines": [{"name": "Rows", "points": points}]}, **found_}
    if rows := measured.get("per_class"):
        importance = found_.pop("importance", None)
        found_["per_class"] = per_class(rows)
        found_ |= {"importance": importance} if importance else {}
    return found_


# A curve whose points are dots; the dotted line is where both are equal.
PREDICTIONS = {
    "kind": "curve",
    "label": "Predictions",
    "x": "Actual",
    "y": "Predicted",
    "dots": True,
    "help": "Each point is a row; on the dotted line the prediction is right.",
}


def per_class(rows: Sequence[Value]) -> dict[str, Any]:
    """Precision, recall and F1 of each class as a table."""
    shares = ("precision", "recall", "f1")
    return {
        "kind": "table",
        "label": "Per class",
        "columns": ["Class", "Precision", "Recall", "F1", "Rows"],
        "rows": [
            [row.get("label"), *(numbers.percent(row.get(each)) for each in shares), row.get("rows")] for row in rows
        ],
    }


def converted(measured: Value) -> dict[str, Any]:
    """What evaluating left, as results with kinds."""
    curves = _class_curves(measured)
    values: dict[str, Any] = {}
    if confusion := measured.get("confusion"):
        values["confusion"] = {"kind": "confusion", "label": "Confusion matrix", **confusion}
    if any(curve.get("roc") for curve in curves):
        values["roc"] = {
            "kind": "curve",
            "label": "ROC",
            "x": "False alarms",
            "y": "Found",
            "diagonal": True,
            "lines": _lines(curves, "roc", "auc", "AUC"),
        }
    if any(curve.get("pr") for curve in curves):
        values["pr"] = {
            "kind": "curve",
            "label": "Precision and recall",
            "x": "Found (recall)",
            "y": "Right (precision)",
            "share": True,
            "lines": _lines(curves, "pr", "ap", "AP"),
        }
    if importance := measured.get("importance"):
        values["importance"] = {
            "kind": "importance",
            "label": "Importance",
            "x": "Drop in score when this column is shuffled",
            "help": f"How much worse predictions become when a column's values are shuffled. {measured_on(measured)}",
            "values": [[row["column"], row["value"]] for row in importance],
            "spread": [row.get("spread") or 0.0 for row in importance],
        }
    return values


def measured_on(measured: Value) -> str:
    """Say on which rows importance was measured; older versions did not store it."""
    return MEASURED_ON[measured.get("importance_on", "")]


def _class_curves(measured: Value) -> list[Value]:
    """The ROC and PR curves, one a class; two classes share one."""
    if curves := measured.get("curves"):
        return list(curves)
    if roc := measured.get("roc"):
        return [
            {"label": roc.get("label", ""), "roc": roc.get("points")} | {k: roc.get(k) for k in ("auc", "pr", "ap")}
        ]
    return []


def _lines(curves: Sequence[Value], which: str, area: str, area_name: str) -> list[dict[str, Any]]:
    lines = []
    for curve in curves:
        if points := curve.get(which):
            label, size = str(curve.get("label", ""))[:LONGEST_LABEL], curve.get(area)
            name = f"{label} ({area_name} {numbers.local(f'{size:.3f}')})" if size is not None else label
            lines.append({"name": name, "points": points})
    return lines
