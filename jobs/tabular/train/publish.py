"""Publishing: from the estimator that learned codes or a scaled target to one that answers as the file has it.

Two private names of scikit-learn are used, each held by a test in tests/test_what_we_rely_on.py. The public ways were
measured. A network that is trained on the labels themselves looks them up in every block: 1.8 to 2.3 times the time for
16 neurons and text labels. A TransformedTargetRegressor around the trees predicts one row in 1.75 times the time, and
four predictions of five differ in their last bit.
"""

from typing import Any

import numpy as np

from jobs.pipelines.params import Params
from jobs.tabular.softmax import SoftmaxRegression
from jobs.tabular.train.data import TrainingData


def published(estimator: Any, data: TrainingData, params: Params) -> Any:
    """Return the estimator with the original labels, or predicting in the target's own unit."""
    if isinstance(estimator, SoftmaxRegression):
        estimator = estimator.as_scikit_learns()
    if "random_state" in params:
        estimator.set_params(random_state=params["random_state"])
    if data.labels is not None:
        estimator.classes_ = data.labels
        if hasattr(estimator, "_label_binarizer"):
            estimator._label_binarizer.classes_ = data.labels
        return estimator
    return _in_own_unit(estimator, data.middle, data.spread)


def _in_own_unit(estimator: Any, middle: float, spread: float) -> Any:
    """Return a regressor that learned a scaled target, with its last layer or its leaves scaled back to the unit of
    the target."""
    if hasattr(estimator, "coef_"):
        estimator.coef_ = estimator.coef_.astype(np.float64) * spread
        estimator.intercept_ = estimator.intercept_ * spread + middle
    elif hasattr(estimator, "coefs_"):
        estimator.coefs_[-1] = estimator.coefs_[-1].astype(np.float64) * spread
        estimator.intercepts_[-1] = estimator.intercepts_[-1].astype(np.float64) * spread + middle
    else:
        for trees in estimator._predictors:
            for tree in trees:
                tree.nodes["value"] *= spread
        estimator._baseline_prediction = estimator._baseline_prediction * spread + middle
    return estimator
