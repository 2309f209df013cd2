"""What the sandbox is asked for, and what it answers; both as JSON has them."""

from typing import Any, TypedDict

from jobs.pipelines.predictions import Job, Trained
from jobs.tabular.column import Column
from jobs.tabular.dialect import EXCEL
from jobs.tabular.fitness import DATA
from jobs.tabular.predict.usual import usual_of
from jobs.tabular.thresholds import class_to_find
from store.messages import StoredNotice

# How a file with predictions is written, where it is not to be an Excel file: as the rows are.
AS_GIVEN = "as_given"
# The pipeline that predicts a table, and its params.
JOB, TRAINED_BY, WRITTEN_AS = "predict_table", "trained_by", "written_as"
CUT_LABEL, CUT_AT = "positive_class", "decision_threshold"


class Cut(TypedDict):
    """From which chance, or score, on a class is predicted; else the other one."""

    label: str
    value: float


class Request(TypedDict, total=False):
    """The model, how cells were written where it learned, and the rows: as they are, or in a file."""

    seconds: int
    model: str
    classes: bool
    # None where the model decides by itself.
    cut: Cut | None
    # Of two classes, the one whose chance ranks the rows: the one that a threshold speaks of.
    wanted: str | None
    target: str
    # The columns that the model needs, with their kind and the format of dates.
    features: list[dict[str, Any]]
    # All columns of the table that it learned from.
    known: list[str]
    decimal: str
    thousands: str
    rows: list[dict[str, Any]]
    explain: bool
    source: str
    # How the source is read, where that is known.
    settings: dict[str, object]
    written: str
    written_as: str


class Answer(TypedDict, total=False):
    """What the model says: of rows, or of a file that is written."""

    predictions: list[Any]
    probabilities: list[dict[str, float]]
    reasons: list[Any]
    notices: list[StoredNotice]
    rows: int
    suffix: str
    media_type: str
    columns: list[str]
    added: list[str]
    preview: list[list[str | None]]


def request_of(trained: Trained) -> Request:
    """Return what is asked of any rows, but for the rows: the model, and how cells were written where it learned."""
    prepared, dialect = trained.results["preprocess"], trained.inputs[DATA].dialect
    wanted = class_to_find(prepared) if "class_counts" in prepared else None
    profile = profile_of(trained)
    return {
        "model": str(trained.model().absolute()),
        "classes": prepared.get("classes") is not None,
        "cut": cut_of(trained),
        "wanted": None if wanted is None else str(prepared["classes"][wanted]),
        "target": str(prepared["target"]),
        "features": [
            {
                "name": column.name,
                "kind": column.kind,
                "format": column.format,
                "usual": usual_of(column, str(dialect.get("decimal", "."))),
                "range": [column.min, column.max] if column.kind == "number" else None,
            }
            for column in (profile[name] for name in prepared["features"])
        ],
        "known": [*profile],
        "decimal": str(dialect.get("decimal", ".")),
        "thousands": str(dialect.get("thousands", "")),
    }


def cut_of(trained: Trained) -> Cut | None:
    """Return the threshold that a person has set; None where the model decides by itself."""
    threshold = trained.threshold
    return None if threshold is None else {"label": threshold.label, "value": threshold.value}


def profile_of(trained: Trained) -> dict[str, Column]:
    """Return the profile of the table that was learned from, column by column."""
    return {stored["name"]: Column.from_json(stored) for stored in trained.results["upload"]["columns_profile"]}


def can_predict(trained: Trained) -> bool:
    """Return whether a workflow left all that is needed to predict; those of older releases may not have."""
    profile = {each["name"] for each in trained.results.get("upload", {}).get("columns_profile") or []}
    features = trained.results.get("preprocess", {}).get("features") or []
    return bool(features) and profile.issuperset(features)


def job_of(trained: Trained, as_excel: bool) -> Job:
    """Return what predicts a table with the model of a workflow, as a workflow of its own."""
    params = {TRAINED_BY: trained.workflow_id, WRITTEN_AS: EXCEL if as_excel else AS_GIVEN, **params_of(trained)}
    return Job(JOB, params, DATA)


def params_of(trained: Trained) -> dict[str, str | float]:
    """Return the params by which a job keeps the threshold of when it was started."""
    cut = cut_of(trained)
    return {} if cut is None else {CUT_LABEL: cut["label"], CUT_AT: cut["value"]}
