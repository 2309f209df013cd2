"""Sweeps over HTTP, and the algorithms that can be tried."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Header, Path, Query
from pydantic import Field
from starlette.responses import Response

from api.errors import Answer
from api.routes.datasets import MOST
from api.routes.workflows import Number, Strict, request_key
from api.wall import roles
from api.wall.roles import needs
from jobs.verbs import short_form, sweep_schemas
from jobs.verbs import sweeps as verbs
from jobs.verbs.documents import AlgorithmOut, SweepOut
from jobs.verbs.workflows import Draft
from store import sweeps
from store.actors import Role
from store.errors import RequestError
from store.messages import Message

SweepId = Annotated[int, Path(ge=1, le=MOST)]

router = roles.router("Sweeps")


class BudgetIn(Strict):
    trials: int | None = Field(None, description="At most so many trials: of a larger grid, the first ones.")
    minutes: float | None = Field(
        None, description="What has not ended after so many minutes is cancelled; a year at most."
    )


class StartSweep(Strict):
    pipeline: str | None = Field(None, description="A registered pipeline; without one, the short form below.")
    inputs: dict[str, Number] = Field({}, description="Ids of datasets, by the name of the pipeline's input.")
    values: dict[str, list[Any] | str] = Field(
        {}, description='What to try: values by the name of a param, or "all" of its choices that fit.'
    )
    dataset_id: Number | None = Field(None, description="Short form: the table to train on.")
    target: str | None = Field(None, description="Short form: a column; the proposed one when left out.")
    algorithms: list[str] | str | None = Field(None, description='Short form: keys, or "all" that fit the target.')
    method: Literal["each", "grid"] = Field("each", description="Each value of one param, or every combination.")
    budget: BudgetIn = BudgetIn(trials=None, minutes=None)
    params: dict[str, Any] = Field({}, description="Params of all trials; each takes those that it knows.")
    name: str | None = None


class Describe(Strict):
    name: str


@router.post("/sweeps", response_model=SweepOut, status_code=201, summary="Start a sweep")
@needs(Role.analyst)
def start(body: StartSweep, idempotency_key: Annotated[str | None, Header()] = None) -> Response:
    """One workflow for each value that is tried. Steps that several of them share run once. With an `Idempotency-Key`
    header, sending the same request twice starts it once."""
    draft, values = _draft(body)
    made = verbs.start(
        draft.pipeline,
        draft.params,
        draft.inputs,
        values,
        body.name,
        request_key(idempotency_key, body),
        method=body.method,
        budget=verbs.Budget(body.budget.trials, body.budget.minutes),
    )
    return Answer(sweep_schemas.sweep(made.id), 201, headers={"Location": f"/api/sweeps/{made.id}"})


def _draft(body: StartSweep) -> tuple[Draft, Mapping[str, Any]]:
    """What all trials have in common, and what to try."""
    if body.pipeline is not None and not short_form.is_meant(body.pipeline):
        short_form.refuse_beside_pipeline(body.model_dump())
        return Draft(body.pipeline, body.params, dict(body.inputs)), body.values
    dataset_id = body.dataset_id or short_form.dataset_of(body.inputs)
    if dataset_id is None:
        raise RequestError(Message("nothing_to_sweep"), "pipeline")
    return short_form.sweep(dataset_id, body.target, body.algorithms, body.params, body.values)


@router.get("/sweeps", response_model=list[SweepOut], summary="List sweeps")
@needs(Role.viewer)
def find(limit: Annotated[int, Query(ge=1, le=100)] = 20, offset: Annotated[int, Query(ge=0, le=MOST)] = 0) -> Response:
    """Newest first, each with its leaderboard. The header X-Total-Count says how many there are in all."""
    several = sweep_schemas.sweep_list(sweeps.find(limit, offset))
    return Answer(several, headers={"X-Total-Count": str(sweeps.count())})


@router.get("/sweeps/{sweep_id}", response_model=SweepOut, summary="One sweep")
@needs(Role.viewer)
def get(sweep_id: SweepId) -> Response:
    """With its leaderboard, the best first."""
    return Answer(sweep_schemas.sweep(sweep_id))


@router.post("/sweeps/{sweep_id}/stop", response_model=SweepOut, summary="Stop a sweep")
@needs(Role.analyst)
def stop(sweep_id: SweepId) -> Response:
    """No further trial starts, and those that have not ended are cancelled."""
    return Answer(sweep_schemas.sweep(verbs.stop(sweep_id).id))


@router.patch("/sweeps/{sweep_id}", response_model=SweepOut, summary="Name a sweep")
@needs(Role.analyst)
def describe(sweep_id: SweepId, body: Describe) -> Response:
    """Change what it is called."""
    return Answer(sweep_schemas.sweep(verbs.describe(sweep_id, body.name).id))


@router.delete("/sweeps/{sweep_id}", status_code=204, summary="Delete a sweep")
@needs(Role.analyst)
def remove(sweep_id: SweepId, workflows: bool = False) -> Response:
    """Refused while it runs. Its workflows stay as workflows of their own; with `workflows=true` they are deleted,
    too."""
    verbs.remove(sweep_id, workflows)
    return Response(status_code=204)


@router.get("/algorithms", response_model=list[AlgorithmOut], summary="List algorithms")
@needs(Role.viewer)
def algorithms() -> Response:
    """What can be trained on a table, each with its settings as a JSON schema."""
    return Answer(short_form.algorithm_list())
