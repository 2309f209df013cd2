"""The model file with a threshold: scikit-learn's own FixedThresholdClassifier stands around the last step, so that the
file still needs nothing but scikit-learn, pandas and joblib."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np

from jobs.tabular.predict.request import Cut

# What a pickle that is not compressed begins with.
PICKLE = b"\x80"
COMPRESSION = 3


def write(model: Path, target: Path, cut: Cut) -> None:
    """Write a model so that it predicts with a threshold; compressed where it is."""
    with model.open("rb") as stream:
        compressed = stream.read(1) != PICKLE
    joblib.dump(with_threshold(joblib.load(model), cut), target, compress=COMPRESSION if compressed else 0)


def with_threshold(model: Any, cut: Cut) -> Any:
    """Return a fitted pipeline whose last step predicts with a threshold.

    `estimator_` is a documented attribute; it is set here, as a fit would train a copy of the estimator anew."""
    from sklearn.model_selection import FixedThresholdClassifier
    from sklearn.pipeline import Pipeline

    name, estimator = model.steps[-1]
    label = estimator.classes_[position_of(cut["label"], estimator.classes_)]
    decides = FixedThresholdClassifier(
        estimator,
        threshold=cut["value"],
        pos_label=label.item() if isinstance(label, np.generic) else label,
        response_method="predict_proba" if hasattr(estimator, "predict_proba") else "decision_function",
    )
    decides.estimator_ = estimator
    return Pipeline([*model.steps[:-1], (name, decides)])


def position_of(label: str, classes: np.ndarray) -> int:
    """Return the position of a class that is named by its text."""
    return [str(each) for each in classes].index(label)
