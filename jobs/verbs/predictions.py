"""The verbs on new rows: what the model of a completed workflow says of them.

Viewers may, too. What is predicted at once changes nothing; a job keeps its rows as a dataset, so a viewer has only a
few of them waiting.
"""

import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from jobs.pipelines import registry
from jobs.pipelines.predictions import (
    PREDICTIONS,
    FilePredictions,
    JobResult,
    Predictor,
    PredictorColumn,
    Row,
    RowPredictions,
    trained,
)
from jobs.verbs import datasets as dataset_verbs
from jobs.verbs import shares
from jobs.verbs.chunks import Bytes, chunks_of
from jobs.verbs.permission import deed, require
from jobs.verbs.workflows import start
from store import files, steps, workflows
from store.actors import Role
from store.errors import NotFoundError, RequestError
from store.files import Incoming
from store.messages import Message, Values
from store.steps import Step
from store.tables import Status
from store.workflows import Filter, Workflow

MOST_ROWS = 10_000
MOST_EXPLAINED = 100
# The origin of workflows that predict with the model of another.
ORIGIN = "predict"
MOST_JOBS = 10
# What the names of datasets end in that hold rows to predict: those rows are no new version of what was learned from.
ROWS = " to predict"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class PredictedFile:
    """A file with predictions. It has no name on the disk any more, so it goes when nobody holds this any more."""

    name: str
    stream: BinaryIO
    size: int
    about: FilePredictions

    def __post_init__(self) -> None:
        weakref.finalize(self, self.stream.close)

    def read(self) -> bytes:
        """Return the whole file."""
        self.stream.seek(0)
        return self.stream.read()


@dataclass(frozen=True, slots=True)
class JobFile:
    """The file that a job left: its rows with their predictions."""

    name: str
    media_type: str
    rows: int
    file: files.FileRef


@dataclass(frozen=True, slots=True)
class Needed:
    """What is predicted, and the columns that new rows need."""

    target: str
    columns: Sequence[PredictorColumn]


def needed(workflow_id: int) -> Needed | None:
    """Return what new rows need to be predicted; None for a workflow that cannot."""
    require(Role.viewer)
    try:
        predictor = _predictor(workflow_id)
    except RequestError:
        return None
    return Needed(predictor.target, predictor.columns)


def predict_rows(workflow_id: int, rows: Sequence[Row], *, explain: bool = False) -> RowPredictions:
    """Predict rows, each a value by the name of its column; a few of them with the reasons."""
    require(Role.viewer)
    predictor = _predictor(workflow_id)
    if not rows:
        raise RequestError(Message("predict_rows_not_given"), "rows")
    if len(rows) > MOST_ROWS:
        raise RequestError(Message("predict_too_many_rows", {"count": len(rows), "most": MOST_ROWS}), "rows")
    if explain and len(rows) > MOST_EXPLAINED:
        values: Values = {"count": len(rows), "most": MOST_EXPLAINED}
        raise RequestError(Message("predict_too_many_to_explain", values), "rows")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise RequestError(Message("predict_row_not_object", {"row": number}), "rows")
    return predictor.rows(rows, explain)


def predict_file(
    workflow_id: int, content: Bytes, name: str, size: int | None = None, *, as_excel: bool = False
) -> PredictedFile:
    """Predict the rows of a file: the same file with further columns, or an Excel file. `size` is the announced one,
    for a stream."""
    require(Role.viewer)
    predictor = _predictor(workflow_id)
    files.check_room(2 * (size or (content.stat().st_size if isinstance(content, Path) else 0)))
    with files.scratch() as folder:
        source, target = folder / "source", folder / "predictions"
        _write(source, chunks_of(content))
        about = predictor.file(source, target, as_excel)
        return PredictedFile(_name(name, about.suffix), target.open("rb"), target.stat().st_size, about)


@deed("predict", "workflow", role=Role.viewer)
def predict_later(
    workflow_id: int, content: Bytes | Incoming, name: str, size: int | None = None, *, as_excel: bool = False
) -> Workflow:
    """Predict the rows of a file in a workflow of its own, which leaves them as a file: for big files, as it goes on
    whatever becomes of who asked. The rows become a dataset of their own."""
    _predictor(workflow_id)  # refused before the file is stored, as is one more than a share
    shares.check_waiting()
    path = PurePosixPath(name.replace("\\", "/"))
    rows = dataset_verbs.add(content, f"{path.stem}{ROWS}{path.suffix}", size=size)
    return predict_dataset(workflow_id, rows.id, as_excel=as_excel)


@deed("predict", "workflow", role=Role.viewer)
def predict_dataset(workflow_id: int, dataset_id: int, *, as_excel: bool = False) -> Workflow:
    """Predict the rows of a dataset in a workflow of its own."""
    job = _predictor(workflow_id).job(as_excel)
    return start(job.pipeline, job.params, {job.input: dataset_id}, origin=ORIGIN, parent_id=workflow_id)


def jobs_of(workflow_id: int, most: int = MOST_JOBS) -> list[Workflow]:
    """Return the latest jobs that predict with the model of a workflow."""
    return workflows.find(Filter(parent_id=workflow_id, origin=ORIGIN), most)


def leaves_file(rows: Sequence[Step]) -> bool:
    """Return whether these steps are those of a job that has left its file."""
    return any(_left_by(step) for step in rows)


def job_file(workflow_id: int) -> JobFile:
    """Return the file that a job left; refused where there is none, or none yet."""
    require(Role.viewer)
    workflow = workflows.get(workflow_id)
    for step in steps.of_workflow(workflow_id):
        if left := _left_by(step):
            about, file = left
            name = (workflow.data.name if workflow.data else workflow.name).removesuffix(ROWS)
            return JobFile(_name(name, about.suffix), about.media_type, about.rows, file)
    raise NotFoundError(Message("no_predictions", {"workflow": workflow_id, "status": str(workflow.status)}))


def _left_by(step: Step) -> tuple[JobResult, files.FileRef] | None:
    """Return what a job's step has left: its file, and what its result says of it. A step of people's own may leave a
    file of the same name that is something else."""
    about = JobResult.of(step.result) if step.status is Status.completed else None
    file = steps.artifacts_of(step.id).get(PREDICTIONS) if about else None
    return (about, file) if about and file else None


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    with path.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)


def _predictor(workflow_id: int) -> Predictor:
    """Return the predictor of a workflow. Who cannot predict is told that first, whatever state the workflow is in."""
    pipeline = registry.here(workflows.get(workflow_id).pipeline)
    if pipeline and pipeline.predict and (predictor := pipeline.predict(trained(workflow_id))):
        return predictor
    raise NotFoundError(Message("predict_not_offered", {"workflow": workflow_id}))


def _name(name: str, suffix: str) -> str:
    """Return what the file with predictions is called: that of the rows, and what was done."""
    path = PurePosixPath(name.replace("\\", "/"))
    own = path.suffix if suffix == ".csv" and path.suffix.lower() in (".csv", ".tsv", ".txt") else suffix
    return f"{path.stem or 'rows'}-predictions{own}"
