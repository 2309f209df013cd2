"""Evaluate: how good the model is on rows it has not seen, against the simplest guess, and what to be wary of."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from jobs.pipelines import StepContext, step
from jobs.tabular.evaluate.curves import curves_of, per_class_of
from jobs.tabular.evaluate.importance import importance_of
from jobs.tabular.evaluate.warnings import warnings_of
from jobs.tabular.facts import fact, failure
from jobs.tabular.matrix import Matrix
from store.messages import Message

RESIDUALS = 2_000
CURVE_ROWS = 200_000


@step("evaluate", needs=("preprocess", "train"), version=2)
def evaluate(context: StepContext) -> dict[str, Any]:
    """Measure the model on the validation rows."""
    import joblib

    model = joblib.load(context.file("train", "model"))
    prepared = context.result("preprocess")
    features, y = Matrix(context.file("preprocess", "val_X")), Matrix(context.file("preprocess", "val_y"))
    training_y = Matrix(context.file("preprocess", "train_y"))
    actual = y.part(0, y.rows)
    measure = _classes if prepared["task"] == "classification" else _numbers
    try:
        measured = measure(context, model, features, actual, training_y)
    except ValueError:
        if all(np.isfinite(block).all() for block in features.blocks()):
            raise
        raise failure("validation_too_large") from None
    context.progress(0.5, 1, fact("measuring_importance"))
    measured["importance"] = importance_of(context, model, prepared)
    warnings = warnings_of(measured, context.result("train"), prepared)
    measured["warnings"] = [warning.as_json() for warning in warnings]
    return {"task": prepared["task"], **measured}


def _classes(
    context: StepContext,
    model: Any,
    features: Matrix,
    actual: np.ndarray,
    training_y: Matrix,
) -> dict[str, Any]:
    labels = [str(label) for label in model.classes_]
    confusion, beliefs = _predicted(context, model, features, actual, len(labels))
    per_class = per_class_of(labels, confusion)
    present = [entry for entry in per_class if entry["rows"]]
    usual = _most_frequent(training_y, len(labels))
    rows = int(confusion.sum())
    baseline = int(confusion[usual].sum()) / rows
    scores = {
        "accuracy": int(confusion.trace()) / rows,
        "balanced_accuracy": float(np.mean([entry["recall"] for entry in present])),
        "f1": float(np.mean([entry["f1"] for entry in present])),
        "baseline_accuracy": baseline,
    }
    curves = curves_of(labels, actual, beliefs)
    binary = curves[-1] if len(labels) == 2 and curves else None
    if curves:
        scores["auc"] = float(binary["auc"] if binary else np.mean([curve["auc"] for curve in curves]))
    return {
        "scores": scores,
        "baseline": {"answer": Message("always_label", {"label": labels[usual]}).as_json(), "accuracy": baseline},
        "confusion": {"labels": labels, "counts": confusion.tolist()},
        "curves": curves,
        "roc": binary and {"label": binary["label"], "points": binary["roc"], "auc": binary["auc"]},
        "per_class": per_class,
        "residuals": None,
    }


def _predicted(
    context: StepContext,
    model: Any,
    features: Matrix,
    actual: np.ndarray,
    classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each class was taken for which, and how likely each is, for as many rows as curves need."""
    estimator = model.named_steps["model"]
    ask = estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.decision_function
    saturates = classes > 2 and hasattr(estimator, "coef_") and hasattr(estimator, "predict_proba")
    counts = np.zeros(classes * classes, dtype=np.int64)
    beliefs: list[np.ndarray] = []
    for start, block in _validation(context, features):
        belief = ask(block)
        if belief.ndim == 1:
            belief = np.column_stack([-belief, belief])
        own = actual[start : start + len(block)].astype(np.int32)
        # Probabilities close to 1 round to the same number; a linear model predicts before they are made.
        decided = estimator.decision_function(block) if saturates else belief
        counts += np.bincount(own * classes + decided.argmax(axis=1), minlength=classes * classes)
        if start < CURVE_ROWS:
            beliefs.append(belief)
    return counts.reshape(classes, classes), np.concatenate(beliefs)


def _validation(context: StepContext, features: Matrix) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the validation rows block by block, each with the place of its first row."""
    start = 0
    for block in features.blocks():
        context.progress(0.5 * start / features.rows, 1, fact("measuring_validation"))
        context.check()
        yield start, block
        start += len(block)


def _most_frequent(labels: Matrix, count: int) -> int:
    totals = np.zeros(count)
    for block in labels.blocks():
        totals += np.bincount(block, minlength=count)
    return int(totals.argmax())


def _numbers(
    context: StepContext,
    model: Any,
    features: Matrix,
    actual: np.ndarray,
    training_y: Matrix,
) -> dict[str, Any]:
    estimator = model.named_steps["model"]
    middle = sum(float(block.sum()) for block in training_y.blocks()) / training_y.rows
    own_middle, rows = float(actual.mean()), len(actual)
    predicted: np.ndarray = np.empty(rows)
    squared = absolute = spread = around = 0.0
    for start, block in _validation(context, features):
        part = slice(start, start + len(block))
        own, predicted[part] = actual[part], estimator.predict(block)
        errors = predicted[part] - own
        squared, absolute = squared + float((errors**2).sum()), absolute + float(np.abs(errors).sum())
        spread, around = spread + float(((own - own_middle) ** 2).sum()), around + float(((own - middle) ** 2).sum())
    baseline = (around / rows) ** 0.5
    scores = {
        "r2": 1 - squared / spread if spread else 0.0,
        "rmse": (squared / rows) ** 0.5,
        "mae": absolute / rows,
        "baseline_rmse": baseline,
    }
    chosen = np.random.default_rng(0).permutation(len(actual))[:RESIDUALS]
    return {
        "scores": scores,
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
