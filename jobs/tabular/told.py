"""Told: what there is to say of a completed training on a table, in messages and results by their kinds.

What versions before results had kinds stored is turned into kinds here, so that it is drawn like that of any pipeline.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.language import numbers, phrase
from jobs.pipelines.telling import Told
from jobs.pipelines.thresholds import Place
from jobs.pipelines.thresholds import moved as from_where
from jobs.tabular import thresholds
from jobs.tabular.algorithms import ALGORITHMS
from store import thresholds as stored_thresholds
from store.messages import Message, StoredMessage, Values
from store.steps import Step
from store.workflows import Workflow

LONGEST_LABEL = 24
Value = Mapping[str, Any]


def told(workflow: Workflow, steps: Sequence[Step]) -> Told:
    """What to say of a completed workflow, as it predicts now: with its threshold where that was moved."""
    left = {step.name: step.result or {} for step in steps}
    measured, prepared = left.get("evaluate", {}), left.get("preprocess", {})
    place = thresholds.place_of(workflow.id, measured)
    scores = thresholds.all_scores_at(workflow.scores, measured, place) if place else workflow.scores
    found_, over = found(workflow.facets.get("target", ""), measured, place), over_baseline(scores, measured)
    beside = [moved(workflow.id, measured) if place else None, over if found_ else None]
    beside.append(still_usual(measured) if place else usual_error(scores))
    rows = {
        phrase("result_training_rows"): prepared.get("train_rows"),
        phrase("result_validation_rows"): prepared.get("validation_rows"),
        phrase("result_test_rows"): prepared.get("test_rows"),
    }
    return Told(
        found_ or over,
        [each for each in beside if each],
        {label: int(count) for label, count in rows.items() if count},
        all_results(thresholds.measured_at(measured, place) if place else measured),
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
    return from_where(known.label, chosen.value, known.of == "chance") if known and chosen else None


def still_usual(measured: Value) -> Message | None:
    """What of a report does not follow a threshold that was moved."""
    known = thresholds.measured(measured)
    if not known:
        return None
    if known.of == "score":
        return Message("report_still_usual_score", {"usual": known.usual})
    return Message("report_still_usual", {"usual": 100 * known.usual})


def usual_error(scores: Mapping[str, float]) -> Message | None:
    """By how much predicted numbers are off on average, in the unit of the target."""
    return Message("usual_error", {"error": scores["mae"]}) if "mae" in scores else None


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


def _counted(code: str, number: float) -> StoredMessage:
    return Message(code, {"count": int(number)}).as_json()


# Results by their kinds


def all_results(measured: Value) -> dict[str, Value]:
    """Everything that evaluating left, as results with kinds, in the order in which it is read."""
    found_ = {name: value for name, value in converted(measured).items() if value}
    if residuals := measured.get("residuals"):
        found_ = {"predictions": predictions(residuals), **found_}
    if rows := measured.get("per_class"):
        importance = found_.pop("importance", None)
        found_["per_class"] = per_class(rows)
        found_ |= {"importance": importance} if importance else {}
    return found_


def predictions(residuals: Value) -> dict[str, Any]:
    """Predicted against actual numbers: a curve whose points are dots; on the dotted line both are equal."""
    points = [list(pair) for pair in zip(residuals["actual"], residuals["predicted"], strict=True)]
    return {
        "kind": "curve",
        "label": phrase("result_predictions"),
        "x": phrase("result_actual"),
        "y": phrase("result_predicted"),
        "dots": True,
        "help": phrase("result_predictions_help"),
        "lines": [{"name": phrase("result_rows"), "points": points}],
    }


def per_class(rows: Sequence[Value]) -> dict[str, Any]:
    """Precision, recall and F1 of each class as a table."""
    shares = ("precision", "recall")
    return {
        "kind": "table",
        "label": phrase("result_per_class"),
        "columns": [phrase(f"result_{name}") for name in ("class", *shares, "f1", "rows")],
        "rows": [
            [
                row.get("label"),
                *(numbers.percent(row.get(each)) for each in shares),
                numbers.score(row.get("f1"), share=False),
                row.get("rows"),
            ]
            for row in rows
        ],
    }


def converted(measured: Value) -> dict[str, Any]:
    """What evaluating left, as results with kinds."""
    curves = _class_curves(measured)
    values: dict[str, Any] = {}
    if confusion := measured.get("confusion"):
        values["confusion"] = {"kind": "confusion", "label": phrase("result_confusion"), **confusion}
    if any(curve.get("roc") for curve in curves):
        values["roc"] = {
            "kind": "curve",
            "label": phrase("result_roc"),
            "x": phrase("result_false_alarms"),
            "y": phrase("result_found"),
            "diagonal": True,
            "lines": _lines(curves, "roc", "auc", "AUC"),
        }
    if any(curve.get("pr") for curve in curves):
        values["pr"] = {
            "kind": "curve",
            "label": phrase("result_precision_and_recall"),
            "x": phrase("result_found_recall"),
            "y": phrase("result_right_precision"),
            "share": True,
            "lines": _lines(curves, "pr", "ap", "AP"),
        }
    if importance := measured.get("importance"):
        share = bool(measured.get("confusion") or measured.get("curves"))
        scale = 100 if share else 1
        values["importance"] = {
            "kind": "importance",
            "label": phrase("result_importance"),
            "x": phrase("result_importance_points" if share else "result_importance_drop"),
            "help": f"{phrase('result_importance_help')} {measured_on(measured)}".strip(),
            "values": [[row["column"], scale * row["value"]] for row in importance],
            "spread": [scale * (row.get("spread") or 0.0) for row in importance],
        }
    return values


def measured_on(measured: Value) -> str:
    """Say on which rows importance was measured; older versions did not store it."""
    return phrase(f"result_importance_on_{measured.get('importance_on') or 'before'}")


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
