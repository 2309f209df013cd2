"""Measures of classes: precision and recall of each, and its ROC and precision-recall curves."""

from typing import Any

import numpy as np

CURVE_POINTS = 200


def per_class_of(labels: list[str], confusion: np.ndarray) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of each class; 0 where there is nothing to divide by."""
    rows = []
    for position, label in enumerate(labels):
        right, count = float(confusion[position, position]), int(confusion[position].sum())
        named = float(confusion[:, position].sum())
        precision, recall = right / named if named else 0.0, right / count if count else 0.0
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        rows.append({"label": label, "precision": precision, "recall": recall, "f1": f1, "rows": count})
    return rows


def curves_of(labels: list[str], actual: np.ndarray, beliefs: np.ndarray) -> list[dict[str, Any]]:
    """Return the ROC and precision-recall curves of each class against the others."""
    from sklearn import metrics

    actual = actual[: len(beliefs)]
    curves = []
    for position, label in enumerate(labels):
        own = actual == position
        if own.all() or not own.any():
            continue
        false, true, _ = metrics.roc_curve(own, beliefs[:, position])
        precision, recall, _ = metrics.precision_recall_curve(own, beliefs[:, position])
        curves.append(
            {
                "label": label,
                "roc": _thin(false, true),
                "pr": _thin(recall[::-1], precision[::-1]),
                "auc": float(metrics.auc(false, true)),
                "ap": float(metrics.average_precision_score(own, beliefs[:, position])),
            }
        )
    return curves


def _thin(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    """Return at most 200 points of a curve, its ends among them."""
    chosen = np.unique(np.linspace(0, len(x) - 1, min(CURVE_POINTS, len(x))).round().astype(int))
    return [[round(float(x[i]), 5), round(float(y[i]), 5)] for i in chosen]
