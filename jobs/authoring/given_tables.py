"""Given tables: a dataset of a workflow as the argument of a plain function: its file, or a pandas frame."""

from pathlib import Path
from typing import Any

from store.datasets import Dataset

SHEETS = "calamine"


def read(dataset: Dataset, file: Path, annotation: Any) -> Any:
    """The file where a path is annotated, else its rows as a frame, read as the dataset says it is written."""
    return file if annotation is Path else frame(dataset, file)


def frame(dataset: Dataset, file: Path) -> Any:
    """The rows of a dataset, with the types that pandas finds."""
    import pandas as pd

    told = dataset.dialect
    header = None if told.get("header") is False else 0
    kind = told.get("format")
    if kind == "excel":
        return pd.read_excel(file, sheet_name=told.get("sheet") or 0, header=header, engine=SHEETS)
    if kind == "parquet":
        return pd.read_parquet(file)
    if kind == "jsonl":
        return pd.read_json(file, lines=True)
    return pd.read_csv(
        file,
        sep=str(told.get("delimiter") or ","),
        encoding=str(told.get("encoding") or "utf-8"),
        decimal=str(told.get("decimal") or "."),
        thousands=str(told["thousands"]) if told.get("thousands") else None,
        header=header,
    )
