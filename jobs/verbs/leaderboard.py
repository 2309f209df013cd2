"""Leaderboards: how good the trials of sweeps are, the best first; the same on the page, in a terminal and over HTTP.

Trials are ranked by their main score on validation rows. The best of many on the same rows looks better than it is, so
the score on test rows, on which nothing was chosen, stands beside it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.pipelines import registry
from jobs.pipelines.definition import Pipeline
from jobs.pipelines.measures import Measure, measure_for
from store import datasets, steps, sweeps, workflows
from store.errors import RequestError
from store.messages import Message
from store.sweeps import Sweep
from store.tables import Status
from store.workflows import Workflow

VALIDATION, BASELINE, SPREAD, ERROR = "validation_", "baseline_", "_spread", "_error"
ROUNDING = 1e-12
# The states of trials without a score, those that may still get one first.
ORDER = (Status.completed, Status.running, Status.pending, Status.failed, Status.cancelled, Status.skipped)


@dataclass(frozen=True, slots=True)
class Row:
    """One trial: what is different in it, how far it is, and how good."""

    trial: int
    values: Mapping[str, Any]
    params: Mapping[str, Any]
    status: Status
    workflow: Workflow | None = None
    score: float | None = None
    spread: float | None = None  # of the reported score between folds or repeats
    test_score: float | None = None
    equal: bool = False  # as good as the best, as far as so few rows can tell
    model_size: int | None = None
    row_microseconds: float | None = None
    error: Message | None = None
    seconds: float | None = None  # what its own steps took, without those that it shares
    busy: bool = True  # whether a worker is at one of its steps, while it runs

    @property
    def standing(self) -> Status:
        """Its status; one that has begun waits while no worker is at it."""
        return Status.pending if self.status is Status.running and not self.busy else self.status

    @property
    def reused(self) -> bool:
        """Whether it did nothing itself: an equal workflow had done all of it before."""
        return self.status is Status.completed and not self.seconds


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A sweep with its trials, the best first; `measure` is what they are ranked by, None before anything is scored."""

    sweep: Sweep
    status: Status
    measure: Measure | None
    rows: tuple[Row, ...]

    @property
    def best(self) -> Row | None:
        return next((row for row in self.rows if row.score is not None), None)


def of(sweep_id: int) -> Leaderboard:
    """The leaderboard of one sweep."""
    return of_sweeps([sweeps.get(sweep_id)])[0]


def of_sweeps(several: Sequence[Sweep]) -> list[Leaderboard]:
    """The leaderboards of several sweeps."""
    members = sweeps.members([each.id for each in several])
    ids = [workflow_id for each in members.values() for workflow_id in each]
    found = {each.id: each for each in workflows.get_many(ids)}
    own = steps.brief(ids)
    left = _Left(
        steps.model_sizes(ids),
        steps.failures(ids),
        _seconds(own),
        steps.numbers_left(ids, "spread"),
        # Workflows of before have it in their results.
        steps.numbers_left(ids, "row_microseconds") | steps.numbers_measured(ids, "row_microseconds"),
        frozenset(each for each in ids if any(step.status is Status.running for step in own[each])),
    )
    return [
        _leaderboard(sweep, [found[each] for each in members[sweep.id] if each in found], left) for sweep in several
    ]


@dataclass(frozen=True, slots=True)
class _Left:
    """What workflows left beside their scores, by their number."""

    sizes: Mapping[int, int]
    failures: Mapping[int, tuple[str, Message | None]]
    seconds: Mapping[int, float]
    spreads: Mapping[int, float]
    row_microseconds: Mapping[int, float]
    busy: frozenset[int]


def _seconds(own: Mapping[int, Sequence[steps.Step]]) -> dict[int, float]:
    """How long the steps of each workflow took that it did itself and no other one reused."""
    reused = {step.reused_from for each in own.values() for step in each if step.reused_from}
    return {
        workflow_id: sum(step.seconds or 0.0 for step in each if not step.reused_from and step.id not in reused)
        for workflow_id, each in own.items()
    }


def _leaderboard(sweep: Sweep, own: Sequence[Workflow], left: _Left) -> Leaderboard:
    measure = _measure(sweep.pipeline, own)
    by_trial = {each.trial: each for each in own}
    rows = []
    for number, trial in enumerate(sweep.trials):
        workflow = by_trial.get(number)
        if workflow is None:
            if number >= sweep.started:  # else its workflow was deleted
                status = Status.pending if sweep.unstarted else Status.cancelled
                rows.append(Row(number, trial.values, trial.params, status))
            continue
        score, test = _score(workflow, measure)
        rows.append(
            Row(
                number,
                trial.values,
                workflow.params,
                workflow.status,
                workflow,
                score,
                _spread(workflow, measure, left.spreads.get(workflow.id)),
                test,
                model_size=left.sizes.get(workflow.id),
                row_microseconds=left.row_microseconds.get(workflow.id),
                error=left.failures[workflow.id][1] if workflow.id in left.failures else None,
                seconds=left.seconds[workflow.id] if workflow.started_at else None,
                busy=workflow.id in left.busy,
            )
        )
    rows.sort(key=lambda row: _rank(row, measure))
    return Leaderboard(sweep, _status(sweep, rows), measure, tuple(_with_equals(sweep, rows, measure)))


def _status(sweep: Sweep, rows: Sequence[Row]) -> Status:
    """Completed when any trial is and nobody stopped it; a sweep of which all was deleted is over, too."""
    seen = {row.status for row in rows}
    if sweep.ended_at is None:
        return Status.pending if seen <= {Status.pending} else Status.running
    if sweep.stopped and sweep.stopped.code.startswith("sweep_stopped"):
        return Status.cancelled
    if Status.completed in seen or not seen:
        return Status.completed
    return Status.failed if Status.failed in seen or sweep.stopped else Status.cancelled


def _measure(pipeline: str, own: Sequence[Workflow]) -> Measure | None:
    """The main measure that most trials have a score of."""
    try:
        declared = registry.get(pipeline).measures
    except RequestError:  # its code is gone; its scores are not
        declared = ()
    names = [name for each in own for name in each.scores if not is_beside(name)]
    known = {measure.name: measure for measure in sorted(declared, key=lambda each: not each.main)}
    ordered = [*known, *names]
    most = max(names, key=lambda name: (names.count(name), -ordered.index(name)), default=None)
    return None if most is None else known.get(most) or measure_for(most)


def is_beside(name: str) -> bool:
    """Whether a score only says more of another one."""
    return name.startswith((VALIDATION, BASELINE)) or name.endswith((SPREAD, ERROR))


def _score(workflow: Workflow, measure: Measure | None) -> tuple[float | None, float | None]:
    """The score to rank by, and that on test rows; where there is only one, it is ranked by."""
    if measure is None:
        return None, None
    main, chosen_by = workflow.scores.get(measure.name), workflow.scores.get(f"{VALIDATION}{measure.name}")
    return (main, None) if chosen_by is None else (chosen_by, main)


def _spread(workflow: Workflow, measure: Measure | None, left: float | None) -> float | None:
    """The spread of the main score: a score beside it, else what a step left."""
    return workflow.scores.get(f"{measure.name}{SPREAD}", left) if measure else None


def _rank(row: Row, measure: Measure | None) -> tuple[Any, ...]:
    if row.score is None or measure is None:
        return 1, ORDER.index(row.status), row.trial
    return 0, row.score if measure.lower_is_better else -row.score, row.trial


def _with_equals(sweep: Sweep, rows: Sequence[Row], measure: Measure | None) -> list[Row]:
    """Mark the best, and those that are within one standard error of it, where that is known."""
    best = next((row for row in rows if row.score is not None), None)
    if best is None or best.score is None or measure is None:
        return list(rows)
    error = _standard_error(sweep, best, measure)
    if error is None:
        return list(rows)
    return [
        replace(row, equal=row.score is not None and abs(row.score - best.score) <= error + ROUNDING) for row in rows
    ]


def _standard_error(sweep: Sweep, best: Row, measure: Measure) -> float | None:
    """How far the best score may be off: as the pipeline says, else for a share of some rows by how many there are."""
    assert best.workflow and best.score is not None
    for name in (f"{VALIDATION}{measure.name}{ERROR}", f"{measure.name}{ERROR}"):
        if name in best.workflow.scores:
            return best.workflow.scores[name]
    if not measure.share or not 0 <= best.score <= 1:
        return None
    rows = _scored_rows(sweep, best.workflow)
    return math.sqrt(best.score * (1 - best.score) / rows) if rows >= 1 else None


def _scored_rows(sweep: Sweep, workflow: Workflow) -> float:
    """On about how many rows trials are compared; 0 where that is not known."""
    try:
        pipeline: Pipeline = registry.get(sweep.pipeline)
        given = {name: datasets.get(each.dataset_id) for name, each in workflow.inputs.items()}
        return pipeline.scored_rows(workflow.params, given)
    except (RequestError, LookupError):
        return 0
