"""Thresholds over HTTP."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from api.errors import Answer
from api.routes.workflows import Strict, WorkflowId
from api.wall import roles
from api.wall.roles import needs
from jobs.pipelines.thresholds import Costs
from jobs.verbs import schemas
from jobs.verbs import thresholds as verbs
from jobs.verbs.threshold_documents import ThresholdsOut
from store.actors import Role

Amount = Annotated[float | None, Query(ge=0, le=1e15, allow_inf_nan=False)]
Given = Annotated[float | None, Field(ge=0, le=1e15, allow_inf_nan=False)]

router = roles.router("Workflows", "/workflows")


class Move(Strict):
    value: float | None = Field(
        None, allow_inf_nan=False, description="A chance such as 0.3; without it, the best one for the costs."
    )
    false_alarm_cost: Given = Field(None, description="What a false alarm costs.")
    found_gain: Given = Field(None, description="What a found row gains, in the same unit.")


@router.get("/{workflow_id}/threshold", response_model=ThresholdsOut, summary="Where the threshold can stand")
@needs(Role.viewer)
def get(workflow_id: WorkflowId, false_alarm_cost: Amount = None, found_gain: Amount = None) -> Response:
    """For two classes: how many rows are found and missed, and how many are false alarms, at each threshold; with
    costs, what each gains, and the best one for them. That is chosen on validation rows, numbers are of test rows."""
    return _answer(workflow_id, verbs.costs_from(false_alarm_cost, found_gain))


@router.put("/{workflow_id}/threshold", response_model=ThresholdsOut, summary="Move the threshold")
@needs(Role.analyst)
def put(workflow_id: WorkflowId, body: Move) -> Response:
    """To the measured threshold closest to `value`, or to the best one for the costs. Every prediction from now on and
    the model file follow it; jobs of prediction keep the one with which they were started."""
    costs = verbs.costs_from(body.false_alarm_cost, body.found_gain)
    verbs.set_threshold(workflow_id, body.value, costs)
    return _answer(workflow_id, costs)


@router.delete("/{workflow_id}/threshold", response_model=ThresholdsOut, summary="Reset the threshold")
@needs(Role.analyst)
def delete(workflow_id: WorkflowId) -> Response:
    """The model decides by itself again: the class with the higher chance."""
    verbs.reset_threshold(workflow_id)
    return _answer(workflow_id, None)


def _answer(workflow_id: int, costs: Costs | None) -> Response:
    return Answer(schemas.thresholds(workflow_id, costs))
