"""The model file of a workflow, as it is taken away: it predicts as the workflow does, with its threshold."""

import hashlib
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from jobs.pipelines import registry
from jobs.pipelines.predictions import trained
from jobs.verbs.permission import require
from store import files, steps, thresholds, workflows
from store.actors import Role
from store.errors import NotFoundError
from store.messages import Message


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ModelFile:
    """A model file; one that was made for this has no name on the disk any more, and so no path."""

    stream: BinaryIO
    size: int
    sha256: str
    path: Path | None = None

    def __post_init__(self) -> None:
        weakref.finalize(self, self.stream.close)

    def read(self) -> bytes:
        """Return the whole file."""
        self.stream.seek(0)
        return self.stream.read()


def model_file(workflow_id: int) -> ModelFile:
    """Return the model file of a workflow: as it was trained, or with the threshold that was set."""
    require(Role.viewer)
    workflow = workflows.get(workflow_id)
    if thresholds.get(workflow_id) is None:
        stored = steps.model_of(workflow_id)
        path = files.verified(stored)
        return ModelFile(path.open("rb"), stored.size, stored.sha256, path)
    pipeline = registry.here(workflow.pipeline)
    predictor = pipeline.predict(trained(workflow_id)) if pipeline and pipeline.predict else None
    if predictor is None:
        raise NotFoundError(Message("predict_not_offered", {"workflow": workflow_id}))
    files.check_room(2 * steps.model_of(workflow_id).size)
    with files.scratch() as folder:
        target = folder / "model.joblib"
        predictor.model(target)
        stream = target.open("rb")
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    size = stream.seek(0, 2)
    stream.seek(0)
    return ModelFile(stream, size, digest)
