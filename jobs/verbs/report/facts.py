"""Facts of a report: everything that is known of a completed workflow, read once."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.language import numbers
from jobs.pipelines import registry
from jobs.pipelines.definition import Pipeline
from jobs.pipelines.measures import Measure, measure_for, of_step, without_part
from jobs.pipelines.params import Params
from jobs.pipelines.results import is_result
from jobs.pipelines.telling import Told
from jobs.verbs import queries, warnings
from jobs.verbs.leaderboard import BASELINE, SPREAD, VALIDATION, is_beside
from jobs.verbs.workflows import usual
from store import datasets, files, metrics, steps, workflows
from store.datasets import Dataset
from store.errors import ConflictError, NotFoundError, RequestError
from store.messages import Message, Notice
from store.metrics import Point
from store.program import COMMAND
from store.steps import Step
from store.tables import Status
from store.workflows import Workflow

LONGEST_VALUE = 300
# The code of what a line is of, by the prefix of its curve.
PARTS = {"train_": "report_training", "val_": "report_validation"}
MOST_NOTICES = 12


@dataclass(frozen=True, slots=True)
class Score:
    """A score with what stands beside it, where that is known."""

    measure: Measure
    value: float
    bounds: tuple[float, float] | None = None
    validation: float | None = None
    baseline: float | None = None
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A result of a step, and how to read the files that the step saved."""

    title: str
    value: Mapping[str, Any]
    step_id: int

    def file(self, name: str, most: int) -> bytes | int | None:
        """The bytes of a file that the step saved; its size where it has more than `most`; None where there is none."""
        ref = steps.artifacts_of(self.step_id).get(name)
        if ref and ref.size > most:
            return ref.size
        with suppress(RequestError, OSError):
            return files.verified(ref).read_bytes() if ref else None
        return None


@dataclass(frozen=True, slots=True)
class Curve:
    """One measure, epoch by epoch, on training and on validation rows or on neither."""

    measure: Measure
    lines: Mapping[str, Sequence[Point]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says."""

    workflow: Workflow
    steps: Sequence[Step]
    pipeline: str
    titles: Mapping[str, str]
    data: Sequence[tuple[str, Dataset]]
    told: Told
    scores: Sequence[Score]
    notices: Sequence[Notice]
    results: Sequence[Shown]
    curves: Sequence[Curve]
    settings: Sequence[tuple[str, str, bool]]
    facets: Sequence[tuple[str, str]]
    commands: Sequence[tuple[str, str]]
    ended_at: datetime


def gather(workflow_id: int) -> Facts:
    """Read what there is to say of a workflow; only of one that has completed."""
    workflow = workflows.get(workflow_id)
    if workflow.status is not Status.completed or workflow.ended_at is None:
        raise ConflictError(Message("report_too_early", {"workflow": workflow_id, "status": str(workflow.status)}))
    own = steps.of_workflow(workflow_id)
    pipeline = _pipeline(workflow)
    told = pipeline.tell(workflow, own) if pipeline else Told()
    return Facts(
        workflow,
        own,
        pipeline.shown if pipeline else _titled(workflow.pipeline),
        {step.key: step.title for step in pipeline.steps} if pipeline else {},
        _data(workflow, pipeline),
        told,
        _scores(workflow, workflow.scores if told.scores is None else told.scores, own, pipeline),
        [each.notice for each in warnings.of_workflow(workflow, own)][:MOST_NOTICES],
        _results(own, told),
        list(_curves(own, pipeline)),
        list(_settings(workflow, pipeline, told)),
        [(_titled(name), told.names.get(value, value)) for name, value in sorted(workflow.facets.items())],
        _commands(workflow),
        workflow.ended_at,
    )


def _pipeline(workflow: Workflow) -> Pipeline | None:
    try:
        return registry.get(workflow.pipeline)
    except NotFoundError:
        return None  # its code is not loaded any more; what it left is still shown


def _data(workflow: Workflow, pipeline: Pipeline | None) -> list[tuple[str, Dataset]]:
    labels = {each.name: each.label for each in pipeline.inputs} if pipeline else {}
    return [(labels.get(name, _titled(name)), datasets.get(row.dataset_id)) for name, row in workflow.inputs.items()]


def _scores(
    workflow: Workflow, scores: Mapping[str, float], own: Sequence[Step], pipeline: Pipeline | None
) -> list[Score]:
    """The scores, the main ones first, then those that are declared, then others; bounds are of what steps left."""
    bounds: dict[str, Any] = {}
    for step in own:
        known = (step.result or {}).get("intervals")
        bounds |= known if isinstance(known, Mapping) else {}
    declared = sorted(pipeline.measures, key=lambda measure: not measure.main) if pipeline else []
    names = dict.fromkeys([*(measure.name for measure in declared), *scores])
    return [
        Score(
            pipeline.measure(name) if pipeline else measure_for(name),
            scores[name],
            _pair(bounds.get(name)) if scores[name] == workflow.scores.get(name) else None,
            scores.get(f"{VALIDATION}{name}"),
            scores.get(f"{BASELINE}{name}"),
            scores.get(f"{name}{SPREAD}"),
        )
        for name in names
        if name in scores and not is_beside(name)
    ]


def _pair(bounds: Any) -> tuple[float, float] | None:
    if isinstance(bounds, list | tuple) and len(bounds) == 2 and all(isinstance(each, int | float) for each in bounds):
        return float(bounds[0]), float(bounds[1])
    return None


def _results(own: Sequence[Step], told: Told) -> list[Shown]:
    """What the pipeline tells, and the results of all steps, those of the last step first."""
    last = own[-1].id if own else 0
    shown = [Shown(_title(name, value), value, last) for name, value in told.results.items()]
    for step in reversed(own):
        shown += [
            Shown(_title(name, value), value, step.id)
            for name, value in (step.result or {}).items()
            if is_result(value) and name not in told.results
        ]
    return shown


def _title(name: str, value: Mapping[str, Any]) -> str:
    return str(value.get("label") or _titled(name))


def _curves(own: Sequence[Step], pipeline: Pipeline | None) -> Iterator[Curve]:
    """What was measured epoch by epoch, the main measures first."""
    by_step, keys = metrics.curves_of([step.id for step in own]), {step.id: step.key for step in own}
    measuring = Counter(name for curves in by_step.values() for name in {without_part(each) for each in curves})
    for step_id, curves in by_step.items():
        by_measure: dict[str, dict[str, Sequence[Point]]] = {}
        for name, points in curves.items():
            measured = without_part(name)
            part = next((part for prefix, part in PARTS.items() if name.startswith(prefix)), "")
            by_measure.setdefault(measured, {})[part] = points
        known = {name: pipeline.measure(name) if pipeline else measure_for(name) for name in by_measure}
        known |= {name: of_step(known[name], keys[step_id]) for name in known if measuring[name] > 1}
        for name in sorted(by_measure, key=lambda each: not known[each].main):
            if max(len(points) for points in by_measure[name].values()) > 1:
                yield Curve(known[name], by_measure[name])


def _settings(workflow: Workflow, pipeline: Pipeline | None, told: Told) -> Iterator[tuple[str, str, bool]]:
    """The settings by the labels that people read, and whether each is not as proposed, or else the default."""
    known = _params(pipeline, workflow.params)
    expected = usual(workflow, workflow.params) if known else {}
    for name, value in workflow.params.items():
        param = known.get(name)
        if value is None or value == "":
            continue
        shown = numbers.value(value) if isinstance(value, str | int | float | bool | list) else _listed(value)
        if isinstance(value, str) and param is not None and param.choices:
            shown = told.names.get(value, _titled(value))
        label = param.label if param is not None else _titled(name)
        yield label, shown[:LONGEST_VALUE], param is not None and value != expected.get(name, param.default)


def _listed(value: Any) -> str:
    return ", ".join(f"{name}: {each}" for name, each in value.items()) if isinstance(value, Mapping) else str(value)


def _params(pipeline: Pipeline | None, params: Params) -> dict[str, Any]:
    try:
        return dict(pipeline.params(params)) if pipeline else {}
    except RequestError:
        return {}


def _commands(workflow: Workflow) -> list[tuple[str, str]]:
    """How to do the same again, and how to get what this is about: the code of what it does, and the command."""
    given = [part for name, row in workflow.inputs.items() for part in ("--input", f"{name}={row.dataset_id}")]
    start = [*COMMAND.split(), "submit", "--pipeline", workflow.pipeline, *given, *queries.written(workflow.params)]
    return [
        ("report_command_restart", f"{COMMAND} restart {workflow.id}"),
        ("report_command_submit", shlex.join(start)),
        *(("report_command_data", f"{COMMAND} dataset file {row.dataset_id}") for row in workflow.inputs.values()),
        *([("report_command_model", f"{COMMAND} model {workflow.id}")] if _has_model(workflow.id) else []),
        ("report_command_report", f"{COMMAND} report {workflow.id}"),
    ]


def _has_model(workflow_id: int) -> bool:
    try:
        return bool(steps.model_of(workflow_id))
    except NotFoundError:
        return False


def _titled(name: str) -> str:
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
