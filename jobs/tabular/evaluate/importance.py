"""Importance: how much worse a model gets when one column is shuffled; and the rows by which that is measured."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.pipelines import StepContext
from jobs.tabular.facts import fact

REPEATS = 3
FEWER_ROWS = 500


@dataclass(frozen=True, slots=True)
class Sample:
    """Some validation rows as they are in the table, as the model encodes them, and their target."""

    rows: pd.DataFrame
    matrix: np.ndarray
    codes: np.ndarray
    few_columns: bool


def sample_of(context: StepContext, model: Any, prepared: dict[str, Any]) -> Sample:
    """Return the rows that preparation kept; fewer of a table with very many columns."""
    import joblib

    kept = joblib.load(context.file("preprocess", "sample"))
    few = len(prepared["features"]) <= 100
    rows, codes = (kept[name][: None if few else FEWER_ROWS] for name in ("rows", "codes"))
    return Sample(rows, model[:-1].transform(rows), codes, few)


def importance_of(context: StepContext, model: Any, prepared: dict[str, Any], sample: Sample) -> list[dict[str, Any]]:
    """Return how much worse the model gets when the values of one original column are shuffled among rows."""
    from jobs.tabular.prepare.encoder import widths

    estimator, matrix, codes = model.named_steps["model"], sample.matrix, sample.codes
    # Each original column has matrix columns of its own, so shuffling those is the same, and much faster.
    whole = _score(estimator, matrix, codes)
    random = np.random.default_rng(0)
    importance: list[dict[str, Any]] = []
    start = 0
    for name, width in widths(model):
        own = slice(start, start + width)
        start += width
        before = matrix[:, own].copy()
        drops = []
        for _ in range(REPEATS if sample.few_columns else 1):
            matrix[:, own] = before[random.permutation(len(before))]
            drops.append(whole - _score(estimator, matrix, codes))
        matrix[:, own] = before
        importance.append({"column": name, "value": float(np.mean(drops)), "spread": float(np.std(drops))})
        context.progress(
            0.5 + 0.5 * len(importance) / len(prepared["features"]), 1, fact("importance_measured", column=name)
        )
        context.check()
    return sorted(importance, key=lambda entry: -entry["value"])


def _score(estimator: Any, matrix: np.ndarray, codes: np.ndarray) -> float:
    predicted = estimator.predict(matrix)
    if hasattr(estimator, "classes_"):
        return float((predicted == estimator.classes_[codes]).mean())
    spread = float(((codes - codes.mean()) ** 2).sum())
    return 1 - float(((predicted - codes) ** 2).sum()) / spread if spread else 0.0
