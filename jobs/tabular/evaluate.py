"""Evaluate: how good the model is on rows it has not seen, against the simplest guess, and what to be wary of."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from jobs.pipelines.context import Recorder, StepError
from jobs.pipelines.registry import step
from jobs.tabular.matrix import Matrix

CURVE_POINTS = 200
RESIDUALS = 2_000
REPEATS = 3
CURVE_ROWS = 200_000
FEWER_ROWS = 500
FEW_ROWS = 200
NEARLY_PERFECT = 0.99


@step("evaluate", needs=("preprocess", "train"), version=2)
def evaluate(recorder: Recorder) -> dict[str, Any]:
    """Test the model on the validation part."""
    import joblib

    model = joblib.load(recorder.file("train", "model"))
    prepared = recorder.result("preprocess")
    features, y = Matrix(recorder.file("preprocess", "val_X")), Matrix(recorder.file("preprocess", "val_y"))
    training_y = Matrix(recorder.file("preprocess", "train_y"))
    actual = y.part(0, y.rows)
    test = _classes if prepared["task"] == "classification" else _numbers
    try:
        found = test(recorder, model, features, actual, training_y)
    except ValueError as error:
        if "infinit" not in str(error):
            raise
        raise StepError(
            "Some rows to test on have numbers too large to compute with; choose scaling standard, or "
            "leave out the columns that have them."
        ) from None
    recorder.progress(0.5, 1, "finding out which columns matter")
    found["importance"] = _importance(recorder, model, prepared)
    found["warnings"] = _warnings(recorder, found, prepared)
    return {"task": prepared["task"], **found}


def _classes(
    recorder: Recorder,
    model: Any,
    features: Matrix,
    actual: np.ndarray,
    training_y: Matrix,
) -> dict[str, Any]:
    labels = [str(label) for label in model.classes_]
    confusion, belief = _believed(recorder, model, features, actual, len(labels))
    per_class = _per_class(labels, confusion)
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
    curves = _curves(labels, actual, belief)
    binary = curves[-1] if len(labels) == 2 and curves else None
    if curves:
        scores["auc"] = float(binary["auc"] if binary else np.mean([curve["auc"] for curve in curves]))
    return {
        "scores": scores,
        "baseline": {"words": f'always answering "{labels[usual]}"', "accuracy": baseline},
        "confusion": {"labels": labels, "counts": confusion.tolist()},
        "curves": curves,
        "roc": binary and {"label": binary["label"], "points": binary["roc"], "auc": binary["auc"]},
        "per_class": per_class,
        "residuals": None,
    }


def _per_class(labels: list[str], confusion: np.ndarray) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each class; 0 where there is nothing to divide by."""
    found = []
    for position, label in enumerate(labels):
        right, rows = float(confusion[position, position]), int(confusion[position].sum())
        named = float(confusion[:, position].sum())
        precision, recall = right / named if named else 0.0, right / rows if rows else 0.0
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        found.append({"label": label, "precision": precision, "recall": recall, "f1": f1, "rows": rows})
    return found


def _believed(
    recorder: Recorder,
    model: Any,
    features: Matrix,
    actual: np.ndarray,
    classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """How often each class was taken for which, and how much each is believed in, for as many rows as curves need."""
    estimator = model.named_steps["model"]
    ask = estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.decision_function
    saturates = classes > 2 and hasattr(estimator, "coef_") and hasattr(estimator, "predict_proba")
    counts = np.zeros(classes * classes, dtype=np.int64)
    beliefs: list[np.ndarray] = []
    for start, block in _tested(recorder, features):
        belief = ask(block)
        if belief.ndim == 1:
            belief = np.column_stack([-belief, belief])
        own = actual[start : start + len(block)].astype(np.int32)
        # Chances that are all but certain are equal; what a linear model predicts is decided before they are made.
        said = estimator.decision_function(block) if saturates else belief
        counts += np.bincount(own * classes + said.argmax(axis=1), minlength=classes * classes)
        if start < CURVE_ROWS:
            beliefs.append(belief)
    return counts.reshape(classes, classes), np.concatenate(beliefs)


def _tested(recorder: Recorder, features: Matrix) -> Iterator[tuple[int, np.ndarray]]:
    """The validation rows block by block, each with the place of its first row."""
    start = 0
    for block in features.blocks():
        recorder.progress(0.5 * start / features.rows, 1, "testing on the validation rows")
        recorder.check()
        yield start, block
        start += len(block)


def _most_frequent(labels: Matrix, count: int) -> int:
    totals = np.zeros(count)
    for block in labels.blocks():
        totals += np.bincount(block, minlength=count)
    return int(totals.argmax())


def _curves(labels: list[str], actual: np.ndarray, belief: np.ndarray) -> list[dict[str, Any]]:
    """ROC and precision-recall of each class against the others."""
    from sklearn import metrics

    actual = actual[: len(belief)]
    found = []
    for position, label in enumerate(labels):
        own = actual == position
        if own.all() or not own.any():
            continue
        false, true, _ = metrics.roc_curve(own, belief[:, position])
        precision, recall, _ = metrics.precision_recall_curve(own, belief[:, position])
        found.append(
            {
                "label": label,
                "roc": _thin(false, true),
                "pr": _thin(recall[::-1], precision[::-1]),
                "auc": float(metrics.auc(false, true)),
                "ap": float(metrics.average_precision_score(own, belief[:, position])),
            }
        )
    return found


def _thin(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    """At most 200 points of a curve, the ends among them."""
    chosen = np.unique(np.linspace(0, len(x) - 1, min(CURVE_POINTS, len(x))).round().astype(int))
    return [[round(float(x[i]), 5), round(float(y[i]), 5)] for i in chosen]


def _numbers(
    recorder: Recorder,
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
    for start, block in _tested(recorder, features):
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
    usual = f"{middle:,.0f}" if abs(middle) >= 1000 else f"{middle:.4g}"
    chosen = np.random.default_rng(0).permutation(len(actual))[:RESIDUALS]
    return {
        "scores": scores,
        "baseline": {"words": f"always answering the mean, {usual}", "rmse": baseline},
        "confusion": None,
        "roc": None,
        "curves": None,
        "per_class": None,
        "residuals": {
            "predicted": [float(value) for value in predicted[chosen]],
            "actual": [float(value) for value in actual[chosen]],
        },
    }


def _importance(recorder: Recorder, model: Any, prepared: dict[str, Any]) -> list[dict[str, Any]]:
    """How much worse the model gets when the values of one original column are mixed up among rows."""
    import joblib

    from jobs.tabular.columns import widths

    sample = joblib.load(recorder.file("preprocess", "sample"))
    few = len(prepared["features"]) <= 100
    rows, codes = (sample[name][: None if few else FEWER_ROWS] for name in ("rows", "codes"))
    estimator = model.named_steps["model"]
    # Each original column has matrix columns of its own, so mixing those up is the same, and much faster.
    matrix = model[:-1].transform(rows)
    whole = _score(estimator, matrix, codes)
    random = np.random.default_rng(0)
    found: list[dict[str, Any]] = []
    start = 0
    for name, width in widths(model):
        own = slice(start, start + width)
        start += width
        kept = matrix[:, own].copy()
        drops = []
        for _ in range(REPEATS if few else 1):
            matrix[:, own] = kept[random.permutation(len(kept))]
            drops.append(whole - _score(estimator, matrix, codes))
        matrix[:, own] = kept
        found.append({"column": name, "value": float(np.mean(drops)), "spread": float(np.std(drops))})
        recorder.progress(0.5 + 0.5 * len(found) / len(prepared["features"]), 1, f"importance of {name}")
        recorder.check()
    return sorted(found, key=lambda entry: -entry["value"])


def _score(estimator: Any, matrix: np.ndarray, codes: np.ndarray) -> float:
    predicted = estimator.predict(matrix)
    if hasattr(estimator, "classes_"):
        return float((predicted == estimator.classes_[codes]).mean())
    spread = float(((codes - codes.mean()) ** 2).sum())
    return 1 - float(((predicted - codes) ** 2).sum()) / spread if spread else 0.0


def _warnings(recorder: Recorder, found: dict[str, Any], prepared: dict[str, Any]) -> list[dict[str, str]]:
    """What somebody who trusts these numbers should know."""
    told = [*_about_leaks(found), *_about_training(recorder), *_about_classes(found, prepared), *_about_size(prepared)]
    return [{"level": level, "text": text} for level, text in told]


def _main(found: dict[str, Any]) -> tuple[float, float]:
    """The main score, and what the simplest guess reaches."""
    scores = found["scores"]
    return (scores["accuracy"], scores["baseline_accuracy"]) if "accuracy" in scores else (scores["r2"], 0.0)


def _about_leaks(found: dict[str, Any]) -> list[tuple[str, str]]:
    score, baseline = _main(found)
    told = []
    gain, importance = score - baseline, found["importance"]
    alone = (
        importance
        and gain > 0.1
        and importance[0]["value"] > 0.9 * gain
        and all(entry["value"] < 0.1 * gain for entry in importance[1:])
    )
    if alone and score >= 0.9 and len(importance) > 1:
        told.append(
            (
                "warning",
                f"{importance[0]['column']} alone explains nearly everything. If it is only known "
                "after the target is, leave it out.",
            )
        )
    if score >= NEARLY_PERFECT and gain > 0.02:
        told.append(("warning", "The score is almost perfect. Check that no column gives the answer away."))
    if gain <= 0.005:
        told.append(("warning", f"The model is no better than {found['baseline']['words']}."))
    return told


def _about_training(recorder: Recorder) -> list[tuple[str, str]]:
    trained = recorder.result("train")
    seen, tested = trained.get("best_train"), trained.get("best")
    if seen is None or tested is None or seen - tested <= 0.1:
        return []
    gap = f"on rows it learned from ({seen * 100:.0f} %) than on new ones ({tested * 100:.0f} %)"
    return [
        (
            "warning",
            f"The model does much better {gap}: it has learned noise. More rows, fewer columns or a "
            "stronger penalty help.",
        )
    ]


def _about_classes(found: dict[str, Any], prepared: dict[str, Any]) -> list[tuple[str, str]]:
    counts = prepared["class_counts"]
    if not counts:
        return []
    told = []
    total, rarest = sum(counts.values()), min(counts, key=lambda label: counts[label])
    share = counts[rarest] / total
    if share < 0.5 / len(counts) and share < 0.2:
        told.append(
            (
                "warning",
                f'"{rarest}" is rare ({share:.1%} of the rows), so accuracy says little about it; look '
                "at recall and at balanced accuracy.",
            )
        )
    never = [entry["label"] for entry in found["per_class"] if entry["rows"] and not entry["recall"]]
    if never:
        told.append(
            (
                "warning",
                f'The model never recognised "{never[0]}"'
                + (f" and {len(never) - 1} more" if len(never) > 1 else "")
                + ".",
            )
        )
    return told


def _about_size(prepared: dict[str, Any]) -> list[tuple[str, str]]:
    rows = prepared["validation_rows"]
    if rows >= FEW_ROWS:
        return []
    return [("info", f"There are only {rows} rows to test on, so scores may be off by several points.")]
