"""Evaluate: how good the model is on rows it has not seen, against the simplest guess, and what to be wary of."""

import time
from typing import Any

import numpy as np

from jobs.pipelines import StepContext, step
from jobs.tabular import threshold_counts
from jobs.tabular.evaluate import intervals
from jobs.tabular.evaluate.curves import curves_of, per_class_of
from jobs.tabular.evaluate.effects import effects_of
from jobs.tabular.evaluate.importance import MANY_COLUMNS, REPEATS, Importance, Sample, most_rows
from jobs.tabular.evaluate.predicted import PredictedClasses, PredictedNumbers, on_part, predicted_sketch
from jobs.tabular.facts import fact
from jobs.tabular.matrix import Matrix
from jobs.tabular.warnings import warnings_of
from store.messages import Message

RESIDUALS = 2_000
# How preparation counts the rows of a part.
PARTS = {"val": "validation_rows", "test": "test_rows"}

Result = dict[str, Any]


@step("evaluate", needs=("preprocess", "train"), version=13)
def evaluate(context: StepContext) -> Result:
    """Measure the model on the test rows, on which nothing was chosen."""
    import joblib

    model = joblib.load(context.file("train", "model"))
    prepared, trained = context.result("preprocess"), context.result("train")
    part = reported_part(prepared)
    moving = threshold_counts.begin(context, model, prepared, trained)
    importance = Importance(prepared["classes"] is not None)
    if part == "folds":
        said = _in_folds(context, prepared, trained, importance)
        if moving and isinstance(said, PredictedClasses):
            moving.counter.add(said.beliefs, said.actual)
    else:
        sample = Sample(prepared[PARTS[part]], most_rows(len(prepared["features"])))
        begun = time.perf_counter()
        said = on_part(context, model, part, sample, moving.counter if moving else None)
        # Not in folds: models are trained in that time, too, so it would say nothing of one row.
        context.measured(row_microseconds=round(1e6 * (time.perf_counter() - begun) / said.rows, 2))
        _measure_importance(context, model, sample, importance)
    training_y = Matrix(context.file("preprocess", "train_y"))
    if isinstance(said, PredictedClasses):
        measured = _classes(said, [str(label) for label in model.classes_], training_y)
    else:
        measured = _numbers(said, training_y)
    measured["thresholds"] = moving.as_json(part) if moving else None
    measured["predicted"] = predicted_sketch(said, prepared["classes"])
    main = trained["main_metric"].removeprefix("val_")
    by_fold = said.by_fold()
    if by_fold:
        measured["scores"][f"{main}_spread"] = float(np.std(by_fold))
    elif part == "test":
        measured["scores"][f"validation_{main}"] = trained["best"]
    measured["importance"], measured["importance_on"] = importance.as_json(), part
    measured["effects"] = effects_of(context, model, prepared)
    warnings = warnings_of(measured, trained, prepared)
    measured["warnings"] = [warning.as_json() for warning in warnings]
    return {"task": prepared["task"], "rows": said.rows, "part": part, "by_fold": by_fold, **measured}


def reported_part(prepared: Result) -> str:
    """Return which rows are reported on. Without a validation part the same rows choose and report."""
    if prepared.get("folds"):
        return "folds"
    return "test" if prepared.get("test_rows") else "val"


def _in_folds(
    context: StepContext, prepared: Result, trained: Result, importance: Importance
) -> PredictedClasses | PredictedNumbers:
    """Train anew for each part of the rows; each row is predicted by a model that has not seen it."""
    import joblib

    from jobs.tabular.evaluate.folds import RowsInFolds, tested_in_folds

    transformer = joblib.load(context.file("preprocess", "transformer"))
    given = RowsInFolds(**joblib.load(context.file("preprocess", "rows")), labels=transformer["labels"])
    rows = most_rows(len(prepared["features"]))
    return tested_in_folds(context, given, transformer["way"], trained, prepared["folds"], importance, rows)


def _measure_importance(context: StepContext, model: Any, sample: Sample, importance: Importance) -> None:
    from jobs.tabular.prepare.encoder import spans

    columns, estimator = spans(model), model.named_steps["model"]
    places = {name: place for place, name in enumerate(columns, 1)}
    actual = estimator.classes_[sample.actual] if hasattr(estimator, "classes_") else sample.actual
    context.progress(0.5, 1, fact("measuring_importance"))

    def report(name: str) -> None:
        context.progress(0.5 + 0.5 * places[name] / len(places), 1, fact("importance_measured", column=name))
        context.check()

    repeats = REPEATS if len(columns) <= MANY_COLUMNS else 1
    importance.add(estimator.predict, sample.matrix, actual, columns, repeats, report)


def _classes(said: PredictedClasses, labels: list[str], training_y: Matrix) -> Result:
    confusion, rows = said.confusion, said.rows
    per_class = per_class_of(labels, confusion)
    present = [entry for entry in per_class if entry["rows"]]
    usual = _most_frequent(training_y, len(labels))
    baseline = int(confusion[usual].sum()) / rows
    scores = {
        "accuracy": int(confusion.trace()) / rows,
        "balanced_accuracy": float(np.mean([entry["recall"] for entry in present])),
        "f1": float(np.mean([entry["f1"] for entry in present])),
        "baseline_accuracy": baseline,
    }
    curves = curves_of(labels, said.actual, said.beliefs)
    binary = curves[-1] if len(labels) == 2 and curves else None
    if curves:
        scores["auc"] = float(binary["auc"] if binary else np.mean([curve["auc"] for curve in curves]))
    return {
        "scores": scores,
        "intervals": intervals.of_classes(said.actual, said.predicted, said.beliefs, rows),
        "baseline": {"answer": Message("always_label", {"label": labels[usual]}).as_json(), "accuracy": baseline},
        "confusion": {"labels": labels, "counts": confusion.tolist()},
        "curves": curves,
        "roc": binary and {"label": binary["label"], "points": binary["roc"], "auc": binary["auc"]},
        "per_class": per_class,
        "residuals": None,
    }


def _most_frequent(labels: Matrix, count: int) -> int:
    totals = np.zeros(count)
    for block in labels.blocks():
        totals += np.bincount(block, minlength=count)
    return int(totals.argmax())


def _numbers(said: PredictedNumbers, training_y: Matrix) -> Result:
    actual, predicted = said.actual, said.predicted
    middle = sum(float(block.sum()) for block in training_y.blocks()) / training_y.rows
    errors = predicted - actual
    squared, spread = float((errors**2).sum()), float(((actual - actual.mean()) ** 2).sum())
    baseline = float(((actual - middle) ** 2).mean()) ** 0.5
    scores = {
        "r2": 1 - squared / spread if spread else 0.0,
        "rmse": (squared / said.rows) ** 0.5,
        "mae": float(np.abs(errors).mean()),
        "baseline_rmse": baseline,
    }
    chosen = np.random.default_rng(0).permutation(said.rows)[:RESIDUALS]
    return {
        "scores": scores,
        "intervals": intervals.of_numbers(actual, predicted),
        "baseline": {"answer": Message("always_mean", {"value": _rounded(middle)}).as_json(), "rmse": baseline},
        "confusion": None,
        "roc": None,
        "curves": None,
        "per_class": None,
        "residuals": {
            "predicted": [float(value) for value in predicted[chosen]],
            "actual": [float(value) for value in actual[chosen]],
        },
    }


def _rounded(value: float) -> float:
    """Return a number as it is shown: 12346 or 1.235."""
    short = round(value) if abs(value) >= 1000 else float(f"{value:.4g}")
    return int(short) if float(short).is_integer() else short
