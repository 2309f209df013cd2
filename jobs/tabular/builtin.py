"""The built-in pipeline."""

from jobs.pipelines.registry import pipeline
from jobs.tabular.evaluate.step import evaluate
from jobs.tabular.prepare.step import preprocess
from jobs.tabular.train.step import train
from jobs.tabular.upload import upload

PIPELINE = pipeline("tabular", upload, preprocess, train, evaluate)

# Imported by the steps only when they need it, so that commands start fast; a worker's parent imports it ahead, once
# for all its children.
IMPORTED_LATE = (
    "joblib",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.neural_network",
    "jobs.tabular.prepare.fit",
    "jobs.tabular.prepare.matrices",
    "jobs.tabular.prepare.summary",
    # What scikit-learn imports when it is given a DataFrame.
    "narwhals._interchange.dataframe",
    "narwhals._pandas_like.dataframe",
    "narwhals._pandas_like.namespace",
    "narwhals.stable.v2._namespace",
    "encodings.utf_8_sig",
)
