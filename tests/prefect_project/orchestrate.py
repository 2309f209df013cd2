"""Predicts how long a taxi takes: read, make features, train, in one flow."""

import pathlib
import pickle

import mlflow
import numpy as np
import pandas as pd
import scipy
import xgboost as xgb
from sklearn.feature_extraction import DictVectorizer
from sklearn.metrics import root_mean_squared_error

from trainyard import flow, task

CATEGORICAL = ["PU_DO"]
NUMERICAL = ["trip_distance"]


@task(retries=3, retry_delay_seconds=2, name="Read taxi data")
def read_data(filename: str) -> pd.DataFrame:
    """Read a month of trips."""
    frame = pd.read_parquet(filename)
    frame["duration"] = (frame.dropoff - frame.pickup).dt.total_seconds() / 60
    frame = frame[(frame.duration >= 1) & (frame.duration <= 60)]
    frame[["from_zone", "to_zone"]] = frame[["from_zone", "to_zone"]].astype(str)
    return frame


@task
def add_features(df_train: pd.DataFrame, df_val: pd.DataFrame) -> tuple(
    [
        scipy.sparse._csr.csr_matrix,
        scipy.sparse._csr.csr_matrix,
        np.ndarray,
        np.ndarray,
        DictVectorizer,
    ]
):
    """From trips to matrices."""
    df_train["PU_DO"] = df_train["from_zone"] + "_" + df_train["to_zone"]
    df_val["PU_DO"] = df_val["from_zone"] + "_" + df_val["to_zone"]
    dv = DictVectorizer()
    X_train = dv.fit_transform(df_train[CATEGORICAL + NUMERICAL].to_dict(orient="records"))
    X_val = dv.transform(df_val[CATEGORICAL + NUMERICAL].to_dict(orient="records"))
    return X_train, X_val, df_train["duration"].values, df_val["duration"].values, dv


@task(log_prints=True)
def train_best_model(
    X_train: scipy.sparse._csr.csr_matrix,
    X_val: scipy.sparse._csr.csr_matrix,
    y_train: np.ndarray,
    y_val: np.ndarray,
    dv: DictVectorizer,
) -> None:
    """Train with the parameters that were found to be best, and write everything down."""
    with mlflow.start_run():
        train = xgb.DMatrix(X_train, label=y_train)
        valid = xgb.DMatrix(X_val, label=y_val)
        best_params = {"learning_rate": 0.1, "max_depth": 3, "seed": 42}
        mlflow.log_params(best_params)
        booster = xgb.train(
            params=best_params,
            dtrain=train,
            num_boost_round=20,
            evals=[(valid, "validation")],
            early_stopping_rounds=20,
        )
        rmse = root_mean_squared_error(y_val, booster.predict(valid))
        print(f"The error on validation rows is {rmse:.3f}")
        mlflow.log_metric("rmse", rmse)
        pathlib.Path("models").mkdir(exist_ok=True)
        with open("models/preprocessor.b", "wb") as f_out:
            pickle.dump(dv, f_out)
        mlflow.log_artifact("models/preprocessor.b", artifact_path="preprocessor")
        mlflow.xgboost.log_model(booster, artifact_path="models_mlflow")


@flow
def main_flow(train_path: str = "data/january.parquet", val_path: str = "data/february.parquet") -> None:
    """The main training pipeline."""
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("nyc-taxi-experiment")

    df_train = read_data(train_path)
    df_val = read_data(val_path)

    X_train, X_val, y_train, y_val, dv = add_features(df_train, df_val)

    train_best_model(X_train, X_val, y_train, y_val, dv)


if __name__ == "__main__":
    main_flow()
