"""The built-in pipeline, registered by the same words that a stranger's pipeline uses."""

from collections.abc import Mapping
from typing import Any

from jobs.language import sentence
from jobs.pipelines import Input, Measure, pipeline
from jobs.pipelines.params import Params
from jobs.tabular import fitness, proposal, warnings
from jobs.tabular.evaluate.step import evaluate
from jobs.tabular.predict.predictor import predictor
from jobs.tabular.prepare.step import preprocess
from jobs.tabular.thresholds import thresholds
from jobs.tabular.told import told
from jobs.tabular.train.step import train
from jobs.tabular.upload import upload
from store.datasets import Dataset

# Imported by the steps only when they need it, so that commands start fast; a worker's parent imports it ahead, once
# for all its children.
PRELOAD = (
    "joblib",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.neural_network",
    "jobs.tabular.prepare.fit",
    "jobs.tabular.prepare.matrices",
    "jobs.tabular.prepare.summary",
    "jobs.tabular.softmax",
    # What scikit-learn imports when it is given a DataFrame.
    "narwhals._interchange.dataframe",
    "narwhals._pandas_like.dataframe",
    "narwhals._pandas_like.namespace",
    "narwhals.stable.v2._namespace",
    "encodings.utf_8_sig",
)

MEASURES = (
    Measure("accuracy", "Accuracy", "Share of rows that are predicted right", share=True, main=True),
    Measure(
        "balanced_accuracy", "Balanced accuracy", "Accuracy where every class counts alike, however rare", share=True
    ),
    Measure("f1", "F1", "Precision and recall in one number; classes count alike"),
    Measure("auc", "AUC", "How well classes are told apart: 0.5 is chance, 1 is perfect"),
    Measure("baseline_accuracy", "Baseline accuracy", "Share of the most frequent class", share=True),
    Measure("r2", "R²", "Share of the variation explained: 1 is perfect", main=True),
    Measure("rmse", "Error (RMSE)", "Typical error, large ones weigh more", better="low"),
    Measure("mae", "Mean error (MAE)", "Average error", better="low"),
    Measure("baseline_rmse", "Baseline error (RMSE)", "Typical error of always saying the mean", better="low"),
    Measure(
        "validation_accuracy", "Validation accuracy", "On the rows that chose the epoch: a little too good", share=True
    ),
    Measure("validation_r2", "Validation R²", "On the rows that chose the epoch: a little too good"),
    Measure("log_loss", "Log loss", "How surprised the model is by what is right", better="low"),
    Measure("loss", "Loss", "What training makes smaller", better="low"),
)


def _propose(chosen: Params, inputs: Mapping[str, Dataset]) -> dict[str, Any]:
    return proposal.propose(inputs[fitness.DATA], chosen)


def _advise(params: Params, inputs: Mapping[str, Dataset]) -> list[str]:
    known = [sentence(warning.notice.message) for warning in warnings.foresee(params, inputs)]
    sampled = fitness.sample(params, inputs)
    return [*known, *([sampled] if sampled else [])]


PIPELINE = pipeline(
    "tabular",
    upload,
    preprocess,
    train,
    evaluate,
    label="Train on a table",
    description="Learns to predict one column of a table from the others, and tests what it learned.",
    inputs=(Input(fitness.DATA, "Table", "The table to learn from."),),
    measures=MEASURES,
    check=fitness.check,
    propose=_propose,
    facets=fitness.facets,
    title=fitness.default_name,
    advise=_advise,
    foresee=warnings.foresee,
    warn=warnings.warn,
    predict=predictor,
    tell=told,
    thresholds=thresholds,
    scored_rows=fitness.validation_rows,
    preload=PRELOAD,
)
