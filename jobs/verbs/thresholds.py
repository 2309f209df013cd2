"""The verbs on thresholds: from which chance on the model of a completed workflow predicts one of its two classes.

A threshold belongs to one model. Restart, compose, run from here and repeat make another model, which begins with the
usual one; what false alarms cost and found rows gain is about the work and not the model, and is offered again there.
"""

import math

from jobs.pipelines import registry
from jobs.pipelines.predictions import trained
from jobs.pipelines.thresholds import Costs, Thresholds
from jobs.verbs.permission import deed, require
from store import thresholds, workflows
from store.actors import Role
from store.errors import NotFoundError, RequestError
from store.messages import Message
from store.workflows import Workflow


def of(workflow_id: int) -> Thresholds:
    """Return where the threshold of a completed workflow can stand, and what becomes of rows there; NotFoundError where
    it has none, ConflictError where it has one that was not measured, or is not completed."""
    require(Role.viewer)
    pipeline = registry.here(workflows.get(workflow_id).pipeline)
    if pipeline is None or pipeline.thresholds is None:
        raise NotFoundError(Message("threshold_not_offered", {"workflow": workflow_id}))
    return pipeline.thresholds(trained(workflow_id))


@deed("set threshold", "of workflow")
def set_threshold(workflow_id: int, value: float | None = None, costs: Costs | None = None) -> Workflow:
    """Move the threshold to the place closest to a value, or, without one, to where these costs gain most on the rows
    that choose. It counts for every prediction from now on, and in the model file."""
    known = of(workflow_id)
    if value is None and costs is None:
        raise RequestError(Message("threshold_not_given"), "value")
    if costs is not None:
        _check_costs(costs)
    chosen = _checked(known, value) if value is not None else known.best(costs or Costs(1, 1))
    costs_of = (costs.alarm, costs.found) if costs else (None, None)
    thresholds.put(workflow_id, known.label, known.nearest(chosen), *costs_of)
    return workflows.get(workflow_id)


@deed("reset threshold", "of workflow")
def reset_threshold(workflow_id: int) -> Workflow:
    """Let the model decide by itself again."""
    of(workflow_id)
    thresholds.clear(workflow_id)
    return workflows.get(workflow_id)


def costs_from(alarm: float | None, found: float | None) -> Costs | None:
    """Return costs, where both are given; None where none is."""
    if alarm is None and found is None:
        return None
    if alarm is None or found is None:
        raise RequestError(Message("threshold_costs_incomplete"), "false_alarm_cost" if alarm is None else "found_gain")
    costs = Costs(alarm, found)
    _check_costs(costs)
    return costs


def costs_said(workflow_id: int) -> Costs | None:
    """Return the costs with which the threshold of a workflow was set last, or that of the one it was made from."""
    workflow = workflows.get(workflow_id)
    ids = [workflow_id, *([workflow.parent_id] if workflow.parent_id else [])]
    known = thresholds.of(ids)
    for each in filter(None, map(known.get, ids)):
        if each.alarm_cost is not None and each.found_gain is not None:
            return Costs(each.alarm_cost, each.found_gain)
    return None


def _checked(known: Thresholds, value: float) -> float:
    if not math.isfinite(value) or (known.of == "chance" and not 0 < value < 1):
        raise RequestError(Message("threshold_out_of_range", {"given": f"{value:g}"}), "value")
    return value


def _check_costs(costs: Costs) -> None:
    if not (0 <= costs.alarm < math.inf and 0 <= costs.found < math.inf) or not costs.alarm + costs.found:
        raise RequestError(Message("threshold_costs_negative"), "false_alarm_cost")
