"""Predictions: what a pipeline says of new rows once a workflow of it is completed.

A pipeline declares `predict`, which makes a predictor of what the workflow left; pages, commands and requests know no
more of it than this."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from store import datasets, files, steps, thresholds, workflows
from store.datasets import Dataset
from store.errors import ConflictError
from store.messages import Message, Notice
from store.tables import Status
from store.thresholds import Threshold

Value = str | int | float | bool | None
Row = Mapping[str, Value]
# The name of the file with predictions that a job leaves.
PREDICTIONS = "predictions"
SUFFIX = re.compile(r"\.[a-z]+")


@dataclass(frozen=True, slots=True)
class Trained:
    """A completed workflow: its datasets by input, the results of its steps by key, where its model lies, and its
    threshold, where a person has moved that."""

    workflow_id: int
    inputs: Mapping[str, Dataset]
    results: Mapping[str, Mapping[str, Any]]
    model: Callable[[], Path]
    threshold: Threshold | None = None

    @property
    def no_model(self) -> Message:
        """Why it cannot predict, where its pipeline says so."""
        return Message("predict_not_offered", {"workflow": self.workflow_id})


def trained(workflow_id: int) -> Trained:
    """Return what a completed workflow left; one that is not completed is refused."""
    workflow = workflows.get(workflow_id)
    if workflow.status is not Status.completed:
        raise ConflictError(Message("predict_not_completed", {"workflow": workflow_id, "status": str(workflow.status)}))
    return Trained(
        workflow_id,
        inputs={name: datasets.get(row.dataset_id) for name, row in workflow.inputs.items()},
        results={step.key: step.result or {} for step in steps.of_workflow(workflow_id)},
        model=lambda: files.verified(steps.model_of(workflow_id)),
        threshold=thresholds.get(workflow_id),
    )


@dataclass(frozen=True, slots=True)
class PredictorColumn:
    """A column that new rows need, with what was seen in it: values of a category, and the lowest and highest."""

    name: str
    kind: Literal["number", "category", "date", "datetime", "time", "text"]
    whole: bool = False
    values: tuple[str, ...] = ()
    low: Any = None
    high: Any = None
    usual: Any = None


@dataclass(frozen=True, slots=True)
class WordEffect:
    """By how much one word of a text moves a prediction."""

    word: str
    effect: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What one column does to a prediction: what it holds, what is usual in it, and by how much the difference moves
    the prediction. Of a text, the words that move it most."""

    column: str
    value: str | None
    usual: str | None
    effect: float
    words: Sequence[WordEffect] = ()


@dataclass(frozen=True, slots=True)
class RowReasons:
    """Why one row is predicted so, the largest effect first.

    The effects are on a predicted number, on the probability of the predicted class, or on its score, from which that
    follows. Exact ones add up to what sets the row apart from a usual one, whose value is `base`; others say what
    each column alone changes."""

    exact: bool
    of: Literal["score", "probability", "number"]
    effects: Sequence[Effect]
    base: float


@dataclass(frozen=True, slots=True)
class RowPredictions:
    """One prediction for each row; `probabilities` has none where the model gives none, `reasons` unless asked for."""

    predictions: list[Value]
    probabilities: list[dict[str, float]]
    notices: list[Notice] = field(default_factory=list)
    reasons: list[RowReasons] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FilePredictions:
    """How a file with predictions was written, which columns are new, its first rows, and what was strange in them."""

    rows: int
    media_type: str
    suffix: str
    columns: Sequence[str]
    added: Sequence[str]
    preview: Sequence[Sequence[str | None]]
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class JobResult:
    """What the step of a job says of the file called PREDICTIONS that it leaves."""

    rows: int
    suffix: str
    media_type: str

    @classmethod
    def of(cls, result: Mapping[str, Any] | None) -> "JobResult | None":
        """Return it as a step has left it; None where the result of a step says nothing of the kind."""
        match result:
            case {"rows": int(rows), "suffix": str(suffix), "media_type": str(media_type)} if SUFFIX.fullmatch(suffix):
                return cls(rows, suffix, media_type)
        return None


@dataclass(frozen=True, slots=True)
class Job:
    """What predicts a dataset as a workflow of its own: a pipeline, its params, and its input for the dataset."""

    pipeline: str
    params: Mapping[str, Any]
    input: str


class Predictor(Protocol):
    """Predicts with the model of one workflow, which it never loads into the process of its caller."""

    @property
    def target(self) -> str:
        """What is predicted."""

    @property
    def columns(self) -> Sequence[PredictorColumn]:
        """The columns that rows need."""

    def rows(self, rows: Sequence[Row], explain: bool = False) -> RowPredictions:
        """Predict rows, or refuse them; with the reasons where they are wanted."""

    def file(self, source: Path, target: Path, as_excel: bool = False) -> FilePredictions:
        """Predict the rows of a file of any size, and write them with their predictions: as they are written, or as
        an Excel file."""

    def model(self, target: Path) -> None:
        """Write the model as a file that predicts with the threshold of now."""

    def job(self, as_excel: bool = False) -> Job:
        """Return what predicts a dataset in a workflow of its own; its step leaves a file called PREDICTIONS, and a
        JobResult within its result."""


# None for a workflow that left too little to predict with, such as one of an older release.
Predict = Callable[[Trained], Predictor | None]
