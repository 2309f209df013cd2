"""Inside: what the code of a step can ask about its run and say of what it leaves, from anywhere in its process."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jobs.authoring.written import Written
from jobs.pipelines.context import StepContext
from jobs.pipelines.errors import StepError
from store import workflows
from store.messages import Message


@dataclass(frozen=True, slots=True)
class StepRun:
    """The attempt of a step that runs here."""

    id: int
    name: str
    key: str
    attempt: int


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """The workflow that a step is of."""

    id: int
    name: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PipelineName:
    """The pipeline that a workflow is of."""

    name: str


@dataclass
class Inside:
    """The step that runs here: what it is, and what it says."""

    recorder: StepContext
    step: Written
    inputs: dict[str, Any] = field(default_factory=dict)
    _metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    _tags: dict[str, list[str]] = field(default_factory=dict)
    _of_step: dict[str, Any] = field(default_factory=dict)
    _scores: dict[str, float] = field(default_factory=dict)

    @property
    def step_name(self) -> str:
        return self.recorder.step.key

    @property
    def step_run(self) -> StepRun:
        row = self.recorder.step
        return StepRun(row.id, row.name, row.key, row.attempt)

    @property
    def pipeline_run(self) -> PipelineRun:
        run = workflows.get(self.recorder.step.workflow_id)
        return PipelineRun(run.id, run.name, run.tags)

    @property
    def pipeline(self) -> PipelineName:
        return PipelineName(self.recorder.pipeline)

    def add_output_metadata(self, metadata: Mapping[str, Any], output_name: str | None = None) -> None:
        """Keep facts beside an output; the name may be left out where the step has one output."""
        self._metadata.setdefault(self._output(output_name), {}).update(metadata)

    def add_output_tags(self, tags: Sequence[str], output_name: str | None = None) -> None:
        """Tag an output."""
        self._tags.setdefault(self._output(output_name), []).extend(tags)

    def remove_output_tags(self, tags: Sequence[str], output_name: str | None = None) -> None:
        """Take tags away from an output again."""
        kept = self._tags.get(self._output(output_name), [])
        kept[:] = [tag for tag in kept if tag not in tags]

    def get_output_metadata(self, output_name: str | None = None) -> dict[str, Any]:
        """The facts that were added so far."""
        return self.metadata_of(self._output(output_name))

    def get_output_tags(self, output_name: str | None = None) -> list[str]:
        """The tags that were added so far."""
        return list(self.tags_of(self._output(output_name)))

    def metadata_of(self, output: str) -> dict[str, Any]:
        return dict(self._metadata.get(output, {}))

    def tags_of(self, output: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._tags.get(output, [])))

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Keep facts beside the step."""
        self._of_step.update(metadata)

    def add_score(self, name: str, value: float) -> None:
        """Give the step a score."""
        self._scores[name] = value

    def result(self) -> dict[str, Any]:
        """What the row of the step says beside its outputs."""
        left: dict[str, Any] = {}
        if self._scores:
            left["scores"] = self._scores
        if self._of_step:
            left["metadata"] = self._of_step
        return left

    def _output(self, name: str | None) -> str:
        known = [output.name for output in self.step.outputs]
        if name is None and len(known) == 1:
            return known[0]
        if name not in known:
            given = "none" if name is None else name
            raise StepError(Message("no_such_output_of_step", {"step": self.step.name, "given": given, "known": known}))
        return name


_running: list[Inside] = []


@contextmanager
def running(context: StepContext, step: Written) -> Iterator[Inside]:
    """Let code ask and say; a process does one step at a time, whatever threads it has."""
    seen = Inside(context, step)
    _running.append(seen)
    try:
        yield seen
    finally:
        _running.remove(seen)


def get_step_context() -> Inside:
    """The step that runs here; refused where none does."""
    if not _running:
        raise RuntimeError("get_step_context() works inside a step that runs as part of a pipeline or flow.")
    return _running[-1]


def is_running() -> bool:
    """Whether a step runs in this process."""
    return bool(_running)


class _Lines(logging.Handler):
    """Writes records of `get_run_logger` into the log of the step."""

    def emit(self, record: logging.LogRecord) -> None:
        if _running:
            _running[-1].recorder.log(record.getMessage(), record.levelname.lower())


def get_run_logger() -> logging.Logger:
    """A logger whose lines are those of the step that runs here; elsewhere, a usual one."""
    logger = logging.getLogger("trainyard.run")
    if is_running() and not any(isinstance(each, _Lines) for each in logger.handlers):
        logger.addHandler(_Lines())
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
    return logger


def log_metadata(
    metadata: Mapping[str, Any], artifact_name: str | None = None, *, infer_artifact: bool = False
) -> None:
    """Keep facts beside the step that runs here, or beside one of its outputs."""
    seen = get_step_context()
    if artifact_name is not None or infer_artifact:
        seen.add_output_metadata(metadata, artifact_name)
    else:
        seen.add_metadata(metadata)


def log_metric(name: str, value: float, epoch: int | None = None) -> None:
    """Record a number of an epoch, which is drawn live; without an epoch, a score of the step."""
    seen = get_step_context()
    if epoch is None:
        seen.add_score(name, value)
    else:
        seen.recorder.metric(epoch, **{name: value})
